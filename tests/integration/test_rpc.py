# SPDX-License-Identifier: Apache-2.0
"""Our gRPC against grpcio, both directions. What no well-behaved stack sends: test_rpc_wire.py."""

import concurrent.futures
import threading
import time
import unittest

import grpc

import rpc_peer

SERVICE = "/rota.test.Peer/"
BIG = 640_000
LIMIT = 4 << 20
OPTIONS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", LIMIT)]


class GrpcioCallsUs(rpc_peer.PeerCase):
    def setUp(self):
        super().setUp()
        self.peer = self.start_server()
        self.channel = self.open()

    def open(self, *options):
        channel = grpc.insecure_channel("unix:" + self.path, options=OPTIONS + list(options))
        self.addCleanup(channel.close)
        return channel

    def unary(self, method, message=b"", channel=None, **more):
        call = (channel or self.channel).unary_unary(SERVICE + method)
        return call(message, timeout=more.pop("timeout", rpc_peer.GUARD_SECONDS), **more)

    def watch(self, channel=None):
        stream = (channel or self.channel).unary_stream(SERVICE + "Watch")(
            b"", timeout=rpc_peer.GUARD_SECONDS)
        self.assertEqual(next(stream), b"")
        return stream

    def refused(self, code, *args, **more):
        with self.assertRaises(grpc.RpcError) as raised:
            self.unary(*args, **more)
        self.assertEqual(raised.exception.code(), code)
        return raised.exception

    def test_unary_call(self):
        self.assertEqual(self.unary("Echo", b"hello"), b"hello")
        self.assertEqual(self.unary("Echo", b""), b"")

    def test_status_and_text_arrive(self):
        for text in ("plain", "100% \u00e4\u20ac\U0001f600", "two\nlines\tand tab", ""):
            error = self.refused(grpc.StatusCode.INVALID_ARGUMENT, "Fail", f"3 {text}".encode())
            self.assertEqual(error.details(), text)

    def test_text_that_is_not_utf8_still_arrives(self):
        error = self.refused(grpc.StatusCode.INTERNAL, "Fail", b"13 a\xff\xc3(b")
        self.assertEqual(error.details(), "a\ufffd\ufffd(b")

    def test_long_text_is_cut_and_arrives(self):
        error = self.refused(grpc.StatusCode.ABORTED, "Fail", b"10 " + b"%" * 1000)
        self.assertEqual(error.details(), "%" * 1000)

    def test_unknown_method(self):
        self.refused(grpc.StatusCode.UNIMPLEMENTED, "None")

    def test_greatest_request_and_one_more(self):
        self.assertEqual(len(self.unary("Echo", bytes(LIMIT))), LIMIT)
        self.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "Echo", bytes(LIMIT + 1))
        self.refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "Echo", bytes(5 << 20))
        self.assertEqual(self.unary("Echo", b"lives"), b"lives")

    def test_gzip_is_refused(self):
        error = self.refused(grpc.StatusCode.UNIMPLEMENTED, "Echo", b"x" * 1000,
                             compression=grpc.Compression.Gzip)
        self.assertIn("encoding", error.details())

    def test_strange_authorities(self):
        for authority in ("localhost", "localhost:1", "%2Fvar%2Flib%2Fkubelet.sock", "x.y-z"):
            channel = self.open(("grpc.default_authority", authority))
            self.assertEqual(self.unary("Echo", b"a", channel), b"a", authority)

    def test_large_updates(self):
        stream = self.watch()
        for _ in range(10):
            self.peer.send(BIG)
            self.assertEqual(len(next(stream)), BIG)
        stream.cancel()
        self.wait_stats(self.peer, watchers=0, gone=1)

    def test_deadline(self):
        started = time.monotonic()
        self.refused(grpc.StatusCode.DEADLINE_EXCEEDED, "Keep", timeout=0.3)
        self.assertLess(time.monotonic() - started, 20)
        self.wait_stats(self.peer, kept=1, gone=1)

    def test_cancelled_watches_are_gone(self):
        streams = [self.watch() for _ in range(50)]
        self.assertEqual(self.peer.stats()["watchers"], 50)
        for stream in streams:
            stream.cancel()
        self.wait_stats(self.peer, watchers=0, gone=50)

    def test_watches_and_calls_from_many_threads(self):
        streams = [self.watch() for _ in range(51)]
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda i: self.unary("Echo", b"%d" % i), range(400)))
        self.assertEqual(answers, [b"%d" % i for i in range(400)])
        self.peer.send(100)
        for stream in streams:
            self.assertEqual(len(next(stream)), 100)
            stream.cancel()

    def test_more_calls_than_streams(self):
        calls = [self.channel.unary_unary(SERVICE + "Keep").future(b"", timeout=60)
                 for _ in range(400)]
        self.wait_stats(self.peer, kept=256)
        for call in calls:
            call.cancel()
        self.wait_stats(self.peer, gone=self.peer.stats()["kept"])
        self.assertEqual(self.unary("Echo", b"lives"), b"lives")

    def test_dropped_connections(self):
        for i in range(20):
            channel = self.open(("grpc.use_local_subchannel_pool", 1))
            self.watch(channel)
            channel.close()
            self.wait_stats(self.peer, watchers=0, gone=i + 1)

    def test_keepalive(self):
        channel = self.open(("grpc.keepalive_time_ms", 100), ("grpc.http2.max_pings_without_data", 0),
                            ("grpc.use_local_subchannel_pool", 1))
        stream = self.watch(channel)
        time.sleep(1)
        self.peer.send(1)
        self.assertEqual(len(next(stream)), 1)

    def test_stop_tells_every_watcher(self):
        streams = [self.watch() for _ in range(3)]
        self.peer.say("stop")
        for stream in streams:
            with self.assertRaises(grpc.RpcError) as raised:
                next(stream)
            self.assertEqual(raised.exception.code(), grpc.StatusCode.UNAVAILABLE)
            self.assertEqual(raised.exception.details(), "the server is stopping")


class Handler(grpc.GenericRpcHandler):
    """grpcio as the server that we call."""

    def __init__(self):
        self.cancelled = threading.Event()
        self.metadata = {}
        self.started = threading.Event()

    def echo(self, request, context):
        self.metadata = dict(context.invocation_metadata())
        return request

    def fail(self, request, context):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, request.decode() + " 100% \u20ac\n")

    def stream(self, request, _context):
        for i in range(int(request)):
            yield b"%d" % i

    def big(self, request, _context):
        yield bytes(int(request))

    def hang(self, _request, context):
        context.add_callback(self.cancelled.set)
        self.started.set()
        self.cancelled.wait(rpc_peer.GUARD_SECONDS)
        return b""

    def stay(self, _request, context):
        context.add_callback(self.cancelled.set)
        yield b"first"
        self.cancelled.wait(rpc_peer.GUARD_SECONDS)

    def service(self, details):
        name = details.method.rpartition("/")[2].lower()
        if name in ("echo", "fail", "hang"):
            return grpc.unary_unary_rpc_method_handler(getattr(self, name))
        if name in ("stream", "big", "stay"):
            return grpc.unary_stream_rpc_method_handler(getattr(self, name))
        return None


class WeCallGrpcio(rpc_peer.PeerCase):
    def setUp(self):
        super().setUp()
        self.handler = Handler()
        self.pool = concurrent.futures.ThreadPoolExecutor(20)
        self.server = grpc.server(self.pool, handlers=[self.handler], options=[
            ("grpc.max_send_message_length", -1)])
        self.server.add_insecure_port("unix:" + self.path)
        self.server.start()
        self.addCleanup(self.stop)
        self.peer = self.start_client()

    def stop(self):
        self.server.stop(None).wait()
        self.pool.shutdown()

    def call(self, method, text, deadline_ms=rpc_peer.GUARD_SECONDS * 1000):
        self.peer.say(f"call /any.Service/{method} {text} {deadline_ms}")

    def done(self):
        """(messages, status, text) of the next call that ends."""
        messages = []
        while True:
            words = self.peer.line().split(" ", 5)
            if words[0] == "done":
                return messages, int(words[2]), words[5]
            messages.append(words[3] if int(words[2]) < 64 else int(words[2]))

    def test_unary_call_and_its_headers(self):
        self.call("Echo", "hello")
        self.assertEqual(self.done(), (["hello"], 0, ""))
        self.assertTrue(self.handler.metadata["user-agent"].startswith("rota/"))

    def test_error_with_text(self):
        self.call("Fail", "no")
        messages, status, text = self.done()
        self.assertEqual((messages, status), ([], 3))
        self.assertEqual(text, "no 100% \u20ac")
        self.assertEqual(self.peer.line(), "")

    def test_unknown_method(self):
        self.call("None", "x")
        self.assertEqual(self.done()[1], 12)

    def test_stream(self):
        self.call("Stream", "300")
        messages, status, _ = self.done()
        self.assertEqual(messages, [str(i) for i in range(300)])
        self.assertEqual(status, 0)

    def test_large_answers(self):
        self.call("Big", str(BIG))
        self.assertEqual(self.done()[:2], ([BIG], 0))
        self.call("Big", str(LIMIT))
        self.assertEqual(self.done()[:2], ([LIMIT], 0))
        self.call("Big", str(LIMIT + 1))
        self.assertEqual(self.done(), ([], 8, "the answer exceeds 4 MiB"))
        self.call("Echo", "lives")
        self.assertEqual(self.done()[1], 0)

    def test_large_request(self):
        self.call("Echo", f"@{LIMIT}")
        self.assertEqual(self.done()[:2], ([LIMIT], 0))
        self.call("Echo", f"@{LIMIT + 1}")
        self.assertTrue(self.peer.line().startswith("refused -90 "))

    def test_deadline(self):
        self.call("Hang", "x", 200)
        self.assertEqual(self.done()[1], 4)
        self.assertTrue(self.handler.cancelled.wait(rpc_peer.GUARD_SECONDS))

    def test_closing_cancels_at_the_server(self):
        self.call("Hang", "x")
        self.assertTrue(self.handler.started.wait(rpc_peer.GUARD_SECONDS))
        self.peer.say("close")
        self.assertEqual(self.done()[1], 1)
        self.assertTrue(self.handler.cancelled.wait(rpc_peer.GUARD_SECONDS))

    def test_server_gone_in_the_middle_of_a_stream(self):
        self.call("Stay", "x")
        self.assertEqual(self.peer.line(), "message 0 5 first")
        self.server.stop(None)
        words = self.peer.line().split(" ", 5)
        self.assertEqual(words[0], "done")
        self.assertIn(int(words[2]), (1, 14))  # grpcio cancels what is open, then hangs up
        self.handler.cancelled.set()

    def test_many_calls_at_once(self):
        for i in range(300):
            self.call("Echo", str(i))
        texts = []
        for _ in range(300):
            messages, status, _ = self.done()
            self.assertEqual(status, 0)
            texts += messages
        self.assertEqual(sorted(map(int, texts)), list(range(300)))


class WeCallNobody(rpc_peer.PeerCase):
    def test_no_socket(self):
        peer = self.start_client()
        peer.say("call /any.Service/Echo x 0")
        self.assertEqual(peer.line(),
                         f"done 0 14 0 0 {self.path}: cannot connect: no such file or directory")


if __name__ == "__main__":
    unittest.main()
