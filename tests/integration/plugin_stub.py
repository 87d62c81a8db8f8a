# SPDX-License-Identifier: Apache-2.0
"""A device plugin on python3-grpcio that answers, or fails, as a test wants it."""

import concurrent.futures
import queue
import threading

import grpc

import deviceplugin as api
from deviceplugin import device, message
from simkubelet import PATIENCE_SECONDS

RESOURCE = "example.org/gpu"


class Plugin:
    """A device plugin whose answers a test sets. calls: what kubelet asked, in order."""

    def __init__(self, directory, name="plugin.sock", devices=("a", "b"), **options):
        self.name = name
        self.directory = directory
        self.options = options
        self.calls = queue.Queue()
        self.lists = queue.Queue()
        self.list(*devices)
        self.answer = {"envs": {}}
        self.preferred = lambda available, size: available[:size]
        self.error = {}
        self.may_answer_options = threading.Event()
        self.may_answer_options.set()
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
        self.server.add_generic_rpc_handlers(
            (api.handlers("v1beta1.DevicePlugin", api.PLUGIN_METHODS, self),))
        self.server.add_insecure_port(f"unix:{directory}/{name}")
        self.server.start()

    def list(self, *devices):
        self.lists.put([device(d) if isinstance(d, str) else d for d in devices])

    def end_stream(self):
        self.lists.put(None)

    def fail_stream(self, text):
        self.lists.put(text)

    def register(self, resource=RESOURCE, version="v1beta1", timeout=PATIENCE_SECONDS):
        with grpc.insecure_channel(f"unix:{self.directory}/kubelet.sock") as channel:
            register = api.stub(channel, "v1beta1.Registration", api.REGISTRATION_METHODS,
                                "Register")
            register(message("RegisterRequest", version=version, endpoint=self.name,
                             resource_name=resource), timeout=timeout)

    def _record(self, name, request, context):
        self.calls.put((name, request))
        if name in self.error:
            context.abort(grpc.StatusCode.UNKNOWN, self.error[name])

    def called(self, name):
        """The next call of this name."""
        while True:
            seen, request = self.calls.get(timeout=PATIENCE_SECONDS)
            if seen == name:
                return request

    # pylint: disable=invalid-name  # the names are the API's
    def GetDevicePluginOptions(self, request, context):
        self._record("GetDevicePluginOptions", request, context)
        self.may_answer_options.wait(PATIENCE_SECONDS)
        return message("DevicePluginOptions", **self.options)

    def ListAndWatch(self, request, context):
        self._record("ListAndWatch", request, context)
        context.add_callback(lambda: self.lists.put(context))
        while (devices := self.lists.get()) is not None:
            if devices is context:  # this very stream was cancelled
                return
            if isinstance(devices, str):
                context.abort(grpc.StatusCode.UNKNOWN, devices)
            if isinstance(devices, list):
                yield message("ListAndWatchResponse", devices=devices)

    def GetPreferredAllocation(self, request, context):
        self._record("GetPreferredAllocation", request, context)
        wanted = request.container_requests[0]
        ids = self.preferred(list(wanted.available_deviceIDs), wanted.allocation_size)
        answer = message("ContainerPreferredAllocationResponse", deviceIDs=ids)
        return message("PreferredAllocationResponse", container_responses=[answer])

    def Allocate(self, request, context):
        self._record("Allocate", request, context)
        if self.answer is None:
            return message("AllocateResponse")
        answer = message("ContainerAllocateResponse", **self.answer)
        return message("AllocateResponse", container_responses=[answer])

    def PreStartContainer(self, request, context):
        self._record("PreStartContainer", request, context)
        return message("PreStartContainerResponse")

    def close(self):
        self.lists.put(None)
        self.server.stop(None).wait(PATIENCE_SECONDS)
