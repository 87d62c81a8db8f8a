# SPDX-License-Identifier: Apache-2.0
"""A stand-in for kubelet's pod-resources API (v1) on gRPC's own Python stack; the few fields that an
answer needs are encoded here, independently of the ones in C."""

import contextlib
import os
import time
from concurrent import futures

import grpc

STOP_SECONDS = 60


def _field(number, content):
    """Length-delimited; lengths of up to 2^63."""
    head, length = bytearray([number << 3 | 2]), len(content)
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + content


def encode(pods):
    """{pod: {resource: [id, ...]}}; one entry for each id, as kubelet sends them, with a NUMA node."""
    answer = b""
    for pod, resources in pods.items():
        devices = b"".join(
            _field(2, _field(1, name.encode()) + _field(2, ident.encode())
                   + _field(3, _field(1, b"\x08\x00")))
            for name, ids in resources.items() for ident in ids)
        container = _field(1, b"main") + devices
        answer += _field(1, _field(1, pod.encode()) + _field(2, b"default") + _field(3, container))
    return answer


class PodResources:
    """Serves List; set pods at any time."""

    def __init__(self, path):
        self.path = str(path)
        self.pods = {}
        self.padding = 0  # bytes of a pod that holds nothing
        self.refusal = None
        self.calls = 0
        self.times = []  # CLOCK_MONOTONIC of each question
        self._server = None

    def start(self):
        handler = grpc.unary_unary_rpc_method_handler(self._list)  # bytes in and out
        self._server = grpc.server(futures.ThreadPoolExecutor(2), options=[
            ("grpc.max_send_message_length", -1)])
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(
            "v1.PodResourcesLister", {"List": handler})])
        self._server.add_insecure_port("unix:" + self.path)
        self._server.start()
        return self

    def stop(self):
        if self._server:
            self._server.stop(None).wait(STOP_SECONDS)
            self._server = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def _list(self, request, context):
        self.calls += 1
        self.times.append(time.monotonic())
        if self.refusal:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, self.refusal)
        if request:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the request has no fields")
        return encode(self.pods) + _field(1, _field(1, b"p" * self.padding))
