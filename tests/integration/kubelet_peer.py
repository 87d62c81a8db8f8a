# SPDX-License-Identifier: Apache-2.0
"""A stand-in for kubelet on gRPC's own Python stack: nothing in here is shared with Rota.

What it does and in which order is kubelet's: the call back inside Register, one connection for each
registration, one endless ListAndWatch, no retry.
"""

import collections
import contextlib
import os
import socket
import stat
import threading
import time
from concurrent import futures

import grpc

import deviceplugin
from deviceplugin import message

SOCKET = "kubelet.sock"
SERVICE = "v1beta1.DevicePlugin"
# Kubelet dials for 10 s. Sanitizers and a busy machine are slow, so everything here may take longer.
DIAL_SECONDS = 30
CALL_SECONDS = 60


def wait_until(condition, what, seconds=CALL_SECONDS, pause_seconds=0.01):
    """Poll until the condition is true and return what it gave; the bound only catches hangs."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(pause_seconds)


class Watch:
    """One ListAndWatch, read by a thread of its own."""

    def __init__(self, call):
        self.call = call
        self.lists = []
        self.code = None  # of gRPC, once the stream has ended
        self.details = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        try:
            for response in self.call:
                with self._changed:
                    self.lists.append(response.devices)
                    self._changed.notify_all()
            code, details = self.call.code(), self.call.details()
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
        with self._changed:
            self.code, self.details = code, details
            self._changed.notify_all()

    @property
    def is_over(self):
        return self.code is not None

    def health(self):
        """The newest list as {id: health}."""
        devices = self.lists[-1] if self.lists else []
        return {device.ID: device.health for device in devices}

    def wait(self, condition, what, seconds=CALL_SECONDS):
        """Wait until condition(self) is true."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self), seconds):
                raise AssertionError(f"not within {seconds} s: {what}; {len(self.lists)} lists,"
                                     f" newest {str(self.health())[:500]}, ended {self.code}")

    def wait_count(self, count):
        """Wait for the list to have this many devices and return it."""
        self.wait(lambda watch: watch.lists and len(watch.lists[-1]) == count,
                  f"a list of {count} devices")
        return self.lists[-1]

    def wait_health(self, health):
        """Wait until every device of a list that is not empty has this health."""
        self.wait(lambda watch: watch.lists and set(watch.health().values()) == {health},
                  f"all devices {health}")

    def wait_end(self):
        self.wait(lambda watch: watch.is_over, "the end of the stream")

    def cancel(self):
        self.call.cancel()
        self._thread.join(CALL_SECONDS)


class Plugin:
    """Kubelet's connection to one device plugin."""

    def __init__(self, path, authority="localhost", options=()):
        # A pool of its own: grpc shares connections between channels to one path, even old ones.
        arguments = [("grpc.use_local_subchannel_pool", 1), ("grpc.default_authority", authority),
                     ("grpc.initial_reconnect_backoff_ms", 100), *options]
        self.channel = grpc.insecure_channel("unix:" + str(path), options=arguments)
        self.first_options = None
        self.watches = []

    def dial(self):
        """Connect, and ask what kubelet asks first."""
        self.first_options = self.stub("GetDevicePluginOptions")(
            message("Empty"), timeout=DIAL_SECONDS, wait_for_ready=True)
        return self

    def stub(self, method):
        return deviceplugin.stub(self.channel, SERVICE, deviceplugin.PLUGIN_METHODS, method)

    def raw(self, method, request, timeout=CALL_SECONDS, service=SERVICE):
        """Send these bytes as they are and return the answer's."""
        return self.channel.unary_unary(f"/{service}/{method}")(request, timeout=timeout)

    def call(self, method, timeout=CALL_SECONDS, **fields):
        request = deviceplugin.PLUGIN_METHODS[method][0]
        return self.stub(method)(message(request, **fields), timeout=timeout)

    def options(self):
        return self.call("GetDevicePluginOptions")

    def watch(self, timeout=None):
        call = self.stub("ListAndWatch")(message("Empty"), timeout=timeout)
        self.watches.append(Watch(call))
        return self.watches[-1]

    def allocate(self, *containers, timeout=CALL_SECONDS):
        """One list of ids for each container; returns container_responses."""
        requests = [message("ContainerAllocateRequest", devices_ids=ids) for ids in containers]
        return self.call("Allocate", timeout, container_requests=requests).container_responses

    def prefer(self, available, size, must_include=()):
        """For one container; returns the chosen ids in their order."""
        request = message("ContainerPreferredAllocationRequest", available_deviceIDs=available,
                          must_include_deviceIDs=must_include, allocation_size=size)
        answer = self.call("GetPreferredAllocation", container_requests=[request])
        return list(answer.container_responses[0].deviceIDs)

    def close(self):
        for watch in self.watches:
            watch.call.cancel()
        self.channel.close()


# request: of Register; plugin: our connection to it; options: what it answered inside Register;
# watch: its list, None when none was opened; at, answered_at: CLOCK_MONOTONIC, begin and end of Register.
Registration = collections.namedtuple(
    "Registration", "request plugin options watch at answered_at")


class Refusal(Exception):
    """What kubelet answers instead: a plain Go error becomes UNKNOWN with its text."""


class Kubelet:
    """The Registration service and what follows from a registration."""

    def __init__(self, directory):
        self.directory = str(directory)
        self.path = os.path.join(self.directory, SOCKET)
        self.registrations = []  # that were answered with OK
        self.calls = 0  # of Register, with those that are not answered yet
        self.attempts = []  # (begin, end) of every answered one, of refused ones too
        self.refusal = None  # the text to refuse with
        self.is_hanging = False  # do not answer Register at all
        self.opens_stream = True
        self.on_register = None  # called first in Register
        self.authority = "localhost"
        self.faults = []  # what went wrong in our own threads
        self._changed = threading.Condition()
        self._released = threading.Event()  # ends what hangs
        self._server = None
        self._plugins = []

    # The life of the process.

    def start(self):
        """As kubelet starts: remove every socket in the directory, then listen."""
        self.remove_sockets()
        return self.listen()

    def remove_sockets(self):
        for name in os.listdir(self.directory):
            path = os.path.join(self.directory, name)
            with contextlib.suppress(FileNotFoundError):
                if stat.S_ISSOCK(os.lstat(path).st_mode):
                    os.unlink(path)

    def listen(self, path=None):
        self._released.clear()
        self._server = grpc.server(futures.ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers([deviceplugin.handlers(
            "v1beta1.Registration", deviceplugin.REGISTRATION_METHODS, self)])
        self._server.add_insecure_port("unix:" + (path or self.path))
        self._server.start()
        return self

    def stop_listening(self):
        """Leave the connections to the plugins as they are."""
        self._released.set()
        if self._server:
            self._server.stop(None).wait(CALL_SECONDS)
            self._server = None

    def hang_up(self):
        """End every stream and connection to a plugin, as the end of kubelet does."""
        while self._plugins:
            self._plugins.pop().close()

    def stop(self):
        self.stop_listening()
        self.hang_up()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def restart(self):
        self.stop()
        return self.start()

    def leave_stale_socket(self):
        """What a killed kubelet leaves: a file that nobody listens on."""
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(self.path)

    # Register.

    def Register(self, request, context):
        """gRPC calls this by its name, on a thread of its pool."""
        began = time.monotonic()
        with self._changed:
            self.calls += 1
            self._changed.notify_all()
        try:
            if self.on_register:
                self.on_register()
            if self.is_hanging:
                self._hang(context)
            if self.refusal:
                raise Refusal(self.refusal)
            self._connect(request, context, began)
        except Refusal as refusal:
            self._note_attempt(began)
            context.abort(grpc.StatusCode.UNKNOWN, str(refusal))
        return message("Empty")

    def _hang(self, context):
        while context.is_active() and not self._released.wait(0.05):
            pass
        raise Refusal("kubelet ends")

    def _connect(self, request, context, began):
        """Dial and ask for the options before the answer, open the stream after it."""
        plugin = Plugin(os.path.join(self.directory, request.endpoint), self.authority)
        self._plugins.append(plugin)
        try:
            options = plugin.dial().first_options
        except grpc.RpcError as error:
            self.faults.append(f"call back: {error!r}")
            raise Refusal(f"failed to dial device plugin: {error}") from error
        self._note_attempt(began)
        answered = threading.Event()
        if not context.add_callback(answered.set):
            answered.set()  # the caller has gone already
        threading.Thread(target=self._follow, args=(request, plugin, options, began, answered),
                         daemon=True).start()

    def _follow(self, request, plugin, options, began, answered):
        """The stream may be open before the answer is out."""
        watch = plugin.watch() if self.opens_stream else None
        answered.wait(CALL_SECONDS)
        with self._changed:
            self.registrations.append(
                Registration(request, plugin, options, watch, began, time.monotonic()))
            self._changed.notify_all()

    def _note_attempt(self, began):
        with self._changed:
            self.attempts.append((began, time.monotonic()))
            self._changed.notify_all()

    # What tests wait for.

    def _wait(self, condition, what, seconds=CALL_SECONDS):
        with self._changed:
            if not self._changed.wait_for(condition, seconds):
                raise AssertionError(f"not within {seconds} s: {what}; {self.calls} calls of"
                                     f" Register, {len(self.registrations)} registrations,"
                                     f" {self.faults}")

    def wait_registrations(self, count, seconds=CALL_SECONDS):
        """Wait for this many registrations in all and return the newest."""
        self._wait(lambda: len(self.registrations) >= count, f"{count} registrations", seconds)
        return self.registrations[-1]

    def wait_attempts(self, count):
        """Wait for this many answered calls of Register and return them."""
        self._wait(lambda: len(self.attempts) >= count, f"{count} answered calls of Register")
        return self.attempts

    def wait_calls(self, count):
        """Wait for this many calls of Register, answered or not."""
        self._wait(lambda: self.calls >= count, f"{count} calls of Register")

    def registration_after(self, action):
        """Do something that must lead to a registration, and return that one."""
        count = len(self.registrations)
        action()
        return self.wait_registrations(count + 1)
