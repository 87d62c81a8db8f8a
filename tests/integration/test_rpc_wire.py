# SPDX-License-Identifier: Apache-2.0
"""Our gRPC against bytes that no well-behaved stack sends, written with hyper-h2 and by hand."""

import dataclasses
import socket
import struct
import time
import unittest

import h2.config
import h2.connection
import h2.events
import h2.settings

import rpc_peer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SERVICE = "/rota.test.Peer/"
BIG = 640_000
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
NO_ERROR, PROTOCOL_ERROR, CANCEL = 0, 1, 8


def message(body, flag=0):
    return struct.pack(">BI", flag, len(body)) + body


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


@dataclasses.dataclass
class Answer:
    """What one stream has brought so far."""

    headers: dict = dataclasses.field(default_factory=dict)
    data: bytes = b""
    is_ended: bool = False
    reset: int = None
    header_blocks: int = 0

    def status(self):
        return int(self.headers["grpc-status"])

    def messages(self):
        found, rest = [], self.data
        while rest:
            flag, length = struct.unpack(">BI", rest[:5])
            assert flag == 0 and len(rest) >= 5 + length, "half a message"
            found.append(rest[5:5 + length])
            rest = rest[5 + length:]
        return found


class Http2:
    """A hyper-h2 connection on a socket; nothing that it sends is checked."""

    def __init__(self, sock, is_client=True):
        self.socket = sock
        self.socket.settimeout(rpc_peer.GUARD_SECONDS)
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(
            client_side=is_client, header_encoding="utf-8", validate_outbound_headers=False,
            normalize_outbound_headers=False, validate_inbound_headers=False))
        self.answers = {}
        self.goaway = None
        self.is_closed = False
        self.order = []
        self.acknowledges = True

    def start(self, **settings):
        if settings:
            self.h2.local_settings.update(settings)
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        """What cannot be sent because the other side hung up does not matter to any test."""
        try:
            self.socket.sendall(self.h2.data_to_send())
        except (BrokenPipeError, ConnectionResetError):
            pass

    def raw(self, data):
        self.flush()
        self.socket.sendall(data)

    def request(self, method, body=None, end=True, **change):
        """A request with headers as kubelet sends them; a header changed to None is left out."""
        headers = {":method": "POST", ":scheme": "http", ":path": SERVICE + method,
                   ":authority": "localhost", "content-type": "application/grpc",
                   "te": "trailers"}
        headers.update({key.replace("_", "-"): value for key, value in change.items()})
        headers = [(key, value) for key, value in headers.items() if value is not None]
        stream = self.h2.get_next_available_stream_id()
        self.answers[stream] = Answer()
        self.h2.send_headers(stream, headers, end_stream=end and body is None)
        if body is not None:
            self.h2.send_data(stream, body, end_stream=end)
        self.flush()
        return stream

    def read(self):
        """One read's worth of events; False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        if not data:
            self.is_closed = True
            return False
        for event in self.h2.receive_data(data):
            self.take(event)
        self.flush()
        return True

    def take(self, event):
        answer = self.answers.setdefault(getattr(event, "stream_id", 0) or 0, Answer())
        if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived,
                              h2.events.RequestReceived)):
            answer.headers.update(event.headers)
            answer.header_blocks += 1
            self.order.append("headers")
        elif isinstance(event, h2.events.DataReceived):
            answer.data += event.data
            if self.acknowledges:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.StreamEnded):
            answer.is_ended = True
        elif isinstance(event, h2.events.StreamReset):
            answer.reset = event.error_code
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code
            self.order.append("goaway")

    def wait(self, condition):
        while not condition():
            if not self.read():
                raise AssertionError("the connection ended")

    def answer(self, stream):
        answer = self.answers[stream]
        self.wait(lambda: answer.is_ended or answer.reset is not None)
        return answer

    def watch(self):
        stream = self.request("Watch", message(b""))
        self.wait(lambda: len(self.answers[stream].data) == 5)
        return stream

    def call(self, method, body=None, **change):
        return self.answer(self.request(method, body, **change))

    def until_closed(self):
        while self.read():
            pass


class ServerCase(rpc_peer.PeerCase):
    def setUp(self):
        super().setUp()
        self.peer = self.start_server()

    def dial(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(rpc_peer.GUARD_SECONDS)
        self.addCleanup(sock.close)
        sock.connect(self.path)
        return sock

    def connect(self, **settings):
        http2 = Http2(self.dial())
        http2.start(**settings)
        return http2

    def assert_lives(self, http2=None):
        answer = (http2 or self.connect()).call("Echo", message(b"lives"))
        self.assertEqual(answer.status(), 0)
        self.assertEqual(answer.messages(), [b"lives"])

    def drain(self, sock):
        """Read to the end; a reset is an end, too."""
        try:
            while sock.recv(65536):
                pass
        except ConnectionResetError:
            pass


class Requests(ServerCase):
    """One connection, well-formed HTTP/2, gRPC of all sorts."""

    def refused(self, code, method, body=None, **change):
        http2 = self.connect()
        answer = http2.call(method, body, **change)
        self.assertEqual(answer.headers[":status"], "200")
        self.assertEqual(answer.headers["content-type"], "application/grpc")
        self.assertEqual(answer.status(), code)
        self.assertEqual(answer.data, b"")
        self.assertEqual(answer.header_blocks, 1, "not trailers-only")
        self.assert_lives(http2)
        return answer

    def test_unknown_method_is_answered_with_trailers_only(self):
        self.refused(12, "None", message(b""))

    def test_unknown_method_is_answered_while_the_client_still_sends(self):
        http2 = self.connect()
        stream = http2.request("None", end=False)
        answer = http2.answer(stream)
        http2.wait(lambda: answer.reset is not None)
        self.assertEqual((answer.status(), answer.reset), (12, NO_ERROR))
        self.assert_lives(http2)

    def test_no_message(self):
        self.refused(12, "Echo")
        self.refused(12, "Echo", b"")

    def test_two_messages(self):
        self.refused(12, "Echo", message(b"a") + message(b"b"))

    def test_truncated_message(self):
        self.refused(13, "Echo", message(b"abc")[:-1])
        self.refused(13, "Echo", b"\0\0")

    def test_length_of_four_gib(self):
        self.refused(8, "Echo", b"\0\xff\xff\xff\xff")

    def test_compressed_without_encoding(self):
        answer = self.refused(13, "Echo", message(b"a", flag=1))
        self.assertEqual(answer.headers["grpc-accept-encoding"], "identity")

    def test_compressed_with_encoding(self):
        for encoding in ("gzip", "none-such"):
            answer = self.refused(12, "Echo", message(b"a", flag=1), grpc_encoding=encoding)
            self.assertEqual(answer.headers["grpc-accept-encoding"], "identity")

    def test_unknown_flag(self):
        self.refused(13, "Echo", message(b"a", flag=2))

    def test_identity_encoding_is_no_encoding(self):
        answer = self.connect().call("Echo", message(b"a"), grpc_encoding="identity")
        self.assertEqual(answer.status(), 0)

    def test_malformed_timeout(self):
        for timeout in ("1", "m", "1.5S", "123456789m", "-1S"):
            self.refused(13, "Echo", message(b"a"), grpc_timeout=timeout)

    def test_timeout_is_enforced(self):
        started = time.monotonic()
        answer = self.connect().call("Keep", message(b""), grpc_timeout="300m")
        self.assertEqual(answer.status(), 4)
        self.assertGreaterEqual(time.monotonic() - started, 0.29)
        self.wait_stats(self.peer, kept=1, gone=1)

    def test_timeout_runs_while_the_request_is_not_whole(self):
        http2 = self.connect()
        stream = http2.request("Keep", message(b"")[:3], end=False, grpc_timeout="50m")
        self.assertEqual(http2.answer(stream).status(), 4)
        self.assertEqual(self.peer.stats()["kept"], 0)

    def test_timeout_ends_a_stream_that_was_answered(self):
        http2 = self.connect()
        answer = http2.call("Watch", message(b""), grpc_timeout="100m")
        self.assertEqual(answer.status(), 4)
        self.assertEqual(answer.messages(), [b""])
        self.wait_stats(self.peer, watchers=0, gone=1)

    def test_long_headers(self):
        self.refused(8, "Echo", message(b"a"), x_long="x" * 17000)

    def test_content_types(self):
        for good in ("application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"):
            answer = self.connect().call("Echo", message(b"a"), content_type=good)
            self.assertEqual(answer.status(), 0, good)
        for bad in ("text/plain", "application/grpc-web", "application/grp", "", None):
            http2 = self.connect()
            answer = http2.call("Echo", message(b"a"), content_type=bad)
            self.assertEqual(answer.headers[":status"], "415", bad)
            self.assertTrue(answer.is_ended)
            self.assert_lives(http2)

    def test_get(self):
        http2 = self.connect()
        answer = http2.call("Echo", None, **{":method": "GET"})
        self.assertEqual(answer.headers[":status"], "405")
        self.assert_lives(http2)

    def test_authorities(self):
        for good in ("localhost", "localhost:80", "%2Fvar%2Flib%2Fkubelet%2Fa.sock", "a_b~c", "1.2.3.4"):
            answer = self.connect().call("Echo", message(b"a"), **{":authority": good})
            self.assertEqual(answer.status(), 0, good)

    def test_authorities_that_nghttp2_forbids_reset_one_stream(self):
        for bad in ("/var/lib/kubelet/a.sock", None):
            http2 = self.connect()
            answer = http2.call("Echo", message(b"a"), **{":authority": bad})
            self.assertEqual(answer.reset, PROTOCOL_ERROR)
            self.assert_lives(http2)

    def test_bad_paths_reset_or_are_unknown(self):
        for bad in ("rota.test.Peer/Echo", "", "*", "/rota test", "//", "/\u00e4"):
            http2 = self.connect()
            answer = http2.call("Echo", message(b"a"), **{":path": bad})
            if answer.reset is None:
                self.assertEqual(answer.status(), 12, bad)
            self.assert_lives(http2)

    def test_wrong_content_length_resets_one_stream(self):
        for length in ("5", "7", "junk"):
            http2 = self.connect()
            answer = http2.call("Echo", message(b"a"), content_length=length)
            self.assertEqual(answer.reset, PROTOCOL_ERROR, length)
            self.assert_lives(http2)
        answer = self.connect().call("Echo", message(b"a"), content_length="6")
        self.assertEqual(answer.status(), 0)

    def test_half_close_in_its_own_frame(self):
        http2 = self.connect()
        stream = http2.request("Keep", message(b"a"), end=False)
        self.assertEqual(self.peer.stats()["kept"], 0)
        http2.h2.end_stream(stream)
        http2.flush()
        self.wait_stats(self.peer, kept=1)

    def test_message_in_frames_of_one_byte(self):
        http2 = self.connect()
        stream = http2.request("Echo", end=False)
        for byte in message(b"one by one"):
            http2.h2.send_data(stream, bytes([byte]))
            http2.flush()
        http2.h2.end_stream(stream)
        http2.flush()
        self.assertEqual(http2.answer(stream).messages(), [b"one by one"])

    def test_trailers_of_a_request_are_no_second_request(self):
        http2 = self.connect()
        stream = http2.request("Echo", message(b"a"), end=False)
        http2.h2.send_headers(stream, [("x", "y")], end_stream=True)
        http2.flush()
        self.assertEqual(http2.answer(stream).messages(), [b"a"])

    def test_padding(self):
        http2 = self.connect()
        stream = http2.request("Echo", end=False)
        http2.h2.send_data(stream, message(b"padded"), end_stream=True, pad_length=77)
        http2.flush()
        self.assertEqual(http2.answer(stream).messages(), [b"padded"])

    def test_resets_free_the_call(self):
        http2 = self.connect()
        for _ in range(200):
            stream = http2.request("Keep", message(b""))
            http2.h2.reset_stream(stream, CANCEL)
            http2.flush()
        self.assert_lives(http2)
        stats = self.peer.stats()
        self.assertEqual(stats["kept"], stats["gone"])


class Flow(ServerCase):
    """Windows, and peers that do not read."""

    def test_settings_come_before_the_preface(self):
        self.assertEqual(self.dial().recv(9)[3], SETTINGS)

    def test_settings_and_pings_are_acknowledged(self):
        http2 = self.connect()
        acknowledged = []
        take = http2.take
        http2.take = lambda event: (acknowledged.append(type(event)), take(event))
        http2.h2.ping(b"12345678")
        http2.flush()
        http2.wait(lambda: h2.events.PingAckReceived in acknowledged
                   and h2.events.SettingsAcknowledged in acknowledged)

    def test_streams_are_limited(self):
        http2 = self.connect()
        http2.wait(lambda: http2.h2.remote_settings.max_concurrent_streams == 256)

    def test_small_window_is_honoured(self):
        http2 = self.connect()
        http2.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 100})
        http2.flush()
        http2.wait(lambda: http2.h2.local_settings.initial_window_size == 100)
        answer = http2.call("Echo", message(b"x" * 5000))
        self.assertEqual(answer.messages(), [b"x" * 5000])

    def test_window_may_shrink_below_zero(self):
        http2 = self.connect()
        http2.acknowledges = False
        stream = http2.watch()
        self.peer.send(BIG)
        http2.wait(lambda: len(http2.answers[stream].data) == 65535)
        http2.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 0})
        http2.h2.increment_flow_control_window(10 * BIG)
        http2.h2.increment_flow_control_window(10 * BIG, stream)
        http2.flush()
        answer = http2.answers[stream]
        http2.wait(lambda: len(answer.data) == 5 + 5 + BIG)
        self.assertEqual([len(m) for m in answer.messages()], [0, BIG])

    def test_newest_update_wins_when_the_peer_does_not_read(self):
        http2 = self.connect()
        http2.acknowledges = False
        stream = http2.watch()
        answer = http2.answers[stream]
        before = self.peer.stats()["rss"]
        for i in range(100):
            self.peer.send(BIG + i)
        self.assertLess(self.peer.stats()["rss"], before + (24 << 20))
        http2.acknowledges = True
        http2.h2.increment_flow_control_window(4 << 20)
        http2.h2.increment_flow_control_window(4 << 20, stream)
        http2.flush()
        http2.wait(lambda: len(answer.data) == 5 + (5 + BIG) + (5 + BIG + 99))
        self.assertEqual([len(m) for m in answer.messages()], [0, BIG, BIG + 99])

    def test_answers_that_nobody_reads_are_bounded(self):
        http2 = self.connect()
        http2.acknowledges = False
        http2.h2.increment_flow_control_window(1 << 24)
        statuses = []
        for _ in range(80):
            stream = http2.request("Echo", end=False)
            body = message(bytes(BIG))
            while body:
                room = min(http2.h2.local_flow_control_window(stream), 16384, len(body))
                if room == 0:
                    http2.read()
                    continue
                http2.h2.send_data(stream, body[:room])
                body = body[room:]
                http2.flush()
            http2.h2.end_stream(stream)
            http2.flush()
            statuses.append(http2.answers[stream])
        http2.wait(lambda: any(a.headers.get("grpc-status") == "8" for a in statuses))
        self.assertLess(self.peer.stats()["rss"], 120 << 20)
        self.assert_lives()

    def test_requests_that_never_end_are_bounded(self):
        http2 = self.connect()
        answers = []
        for _ in range(6):
            stream = http2.request("Echo", end=False)
            answers.append(http2.answers[stream])
            body = message(bytes(4 << 20))[:-1]
            while body and answers[-1].reset is None:
                room = min(http2.h2.local_flow_control_window(stream), 16384, len(body))
                if room == 0:
                    http2.read()
                    continue
                http2.h2.send_data(stream, body[:room])
                body = body[room:]
                http2.flush()
        http2.wait(lambda: any(answer.is_ended for answer in answers))
        self.assertEqual({a.status() for a in answers if a.is_ended}, {8})
        self.assertLess(self.peer.stats()["rss"], 100 << 20)
        self.assert_lives()

    def test_stop_sends_trailers_before_goaway(self):
        http2 = self.connect()
        stream = http2.watch()
        self.peer.send(BIG)
        self.peer.say("stop")
        http2.until_closed()
        answer = http2.answers[stream]
        self.assertEqual([len(m) for m in answer.messages()], [0, BIG])
        self.assertEqual(answer.status(), 14)
        self.assertEqual(http2.order[-2:], ["headers", "goaway"])
        self.assertEqual(http2.goaway, NO_ERROR)

    def test_stop_does_not_wait_for_a_peer_that_never_reads(self):
        http2 = self.connect()
        http2.acknowledges = False
        http2.watch()
        self.peer.send(4 << 20)
        self.peer.say("stop")
        self.assertEqual(self.peer.end(), 0)


class Junk(ServerCase):
    """Bytes that end a connection and nothing else."""

    def test_not_http2(self):
        for junk in (b"GET / HTTP/1.1\r\n\r\n", bytes(1000), PREFACE[:-1] + b"x", b"\x16\x03\x01" * 50):
            sock = self.dial()
            sock.sendall(junk)
            self.drain(sock)
        self.assert_lives()

    def test_preface_cut_short(self):
        for length in (0, 1, 23, 24):
            sock = self.dial()
            sock.sendall(PREFACE[:length])
            sock.close()
        self.assert_lives()

    def test_preface_byte_by_byte(self):
        sock = self.dial()
        http2 = Http2(sock)
        http2.h2.initiate_connection()
        for byte in http2.h2.data_to_send():
            sock.sendall(bytes([byte]))
        self.assert_lives(http2)

    def test_frames_of_wrong_size(self):
        cases = [frame(SETTINGS, 0, 0, b"12345"), frame(PING, 0, 0, b"123"), frame(PING, 0, 1, bytes(8)),
                 frame(RST_STREAM, 0, 1, b"1"), frame(8, 0, 0, bytes(4)), frame(DATA, 0, 0, b"x"),
                 frame(HEADERS, 4, 1, b"\xff\xff\xff\xff"), frame(HEADERS, 4, 2, b"\x82"),
                 frame(CONTINUATION, 4, 1, b"\x82"), frame(DATA, 8, 1, b"\xff"),
                 struct.pack(">I", 1 << 20)[1:] + bytes([DATA, 0, 0, 0, 0, 1])]
        for case in cases:
            sock = self.dial()
            sock.sendall(PREFACE + frame(SETTINGS, 0, 0) + case)
            self.drain(sock)
        self.assert_lives()

    def test_bad_request_and_bad_frame_in_one_read(self):
        """The shape that aborts nghttp2 when a session is ended inside its callback."""
        http2 = self.connect()
        http2.read()
        http2.h2.send_headers(1, [(":method", "POST"), (":scheme", "http"), (":path", "/x"),
                                  (":authority", "a"), ("content-type", "application/grpc")])
        http2.raw(http2.h2.data_to_send() + frame(DATA, 0, 1, b"\2\0\0\0\0") +
                  frame(SETTINGS, 0, 0, b"1") + frame(PING, 0, 0, b"1"))
        http2.until_closed()
        self.assert_lives()

    def test_continuation_flood(self):
        sock = self.dial()
        flood = frame(HEADERS, 0, 1, b"\x82") + frame(CONTINUATION, 0, 1, b"\x82") * 2000
        try:
            sock.sendall(PREFACE + frame(SETTINGS, 0, 0) + flood)
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.drain(sock)
        self.assert_lives()

    def test_reset_flood(self):
        http2 = self.connect()
        headers = [(":method", "POST"), (":scheme", "http"), (":path", SERVICE + "Keep"),
                   (":authority", "a"), ("content-type", "application/grpc")]
        try:
            for stream in range(1, 8000, 2):
                block = http2.h2.encoder.encode(headers)
                http2.socket.sendall(frame(HEADERS, 4, stream, block) +
                                     frame(DATA, 1, stream, message(b"")) +
                                     frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))
        except (BrokenPipeError, ConnectionResetError):
            pass
        self.drain(http2.socket)
        self.assert_lives()
        stats = self.peer.stats()
        self.assertEqual(stats["kept"], stats["gone"])

    def flood(self, bytes_of):
        """Send without ever reading until the server hangs up."""
        sock = self.dial()
        sock.settimeout(1)
        sock.sendall(PREFACE + frame(SETTINGS, 0, 0))
        sent = 0
        try:
            for i in range(100000):
                data = bytes_of(i)
                sock.sendall(data)
                sent += len(data)
        except (BrokenPipeError, ConnectionResetError):
            return
        self.fail(f"{sent} bytes were taken without an end")

    def test_pings_of_a_peer_that_never_reads(self):
        self.flood(lambda i: frame(PING, 0, 0, bytes(8)) * 100)
        self.assertLess(self.peer.stats()["rss"], 60 << 20)
        self.assert_lives()

    def test_bad_streams_of_a_peer_that_never_reads(self):
        """Each costs us a reset that we cannot send."""
        self.flood(lambda i: b"".join(frame(HEADERS, 5, 2 * (100 * i + j) + 1, b"\x82")
                                      for j in range(100)))
        self.assertLess(self.peer.stats()["rss"], 60 << 20)
        self.assert_lives()

    def test_goodbye_of_the_client(self):
        http2 = self.connect()
        stream = http2.request("Echo", message(b"last"))
        answer = http2.answer(stream)
        http2.raw(frame(GOAWAY, 0, 0, bytes(8)))
        http2.until_closed()
        self.assertEqual(answer.messages(), [b"last"])
        self.assert_lives()

    def test_hundred_connections_come_and_go(self):
        for _ in range(100):
            self.dial().close()
        self.assert_lives()


class FewDescriptors(ServerCase):
    def setUp(self):
        rpc_peer.PeerCase.setUp(self)
        self.peer = self.start_server(files=32)

    def test_server_accepts_again_after_it_ran_out_of_descriptors(self):
        """What CVE-2023-4785 does to gRPC's own core."""
        socks = [self.dial() for _ in range(100)]
        ends = 0
        for sock in socks:
            ends += sock.recv(1) == b""
        self.assertGreater(ends, 60)
        for sock in socks:
            sock.close()
        # It may still be turning away what comes until it has seen them all leave.
        end = time.monotonic() + rpc_peer.GUARD_SECONDS
        while not self.is_served() and time.monotonic() < end:
            time.sleep(0.05)
        self.assert_lives()

    def is_served(self):
        try:
            return self.connect().call("Echo", message(b"")).status() == 0
        except (AssertionError, OSError):
            return False


class OurClient(rpc_peer.PeerCase):
    """A server that answers our client in every wrong way."""

    def setUp(self):
        super().setUp()
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(self.path)
        listener.listen()
        listener.settimeout(rpc_peer.GUARD_SECONDS)
        self.client = self.start_client()
        sock, _ = listener.accept()
        self.addCleanup(sock.close)
        self.http2 = Http2(sock, is_client=False)
        self.http2.start()
        self.stream = -1

    def ask(self, deadline_ms=0):
        self.client.say(f"call /a.B/C text {deadline_ms}")

    def await_request(self, deadline_ms=0):
        self.ask(deadline_ms)
        self.stream += 2
        answers = self.http2.answers
        self.http2.wait(lambda: self.stream in answers and answers[self.stream].is_ended)
        return self.stream

    def done(self):
        words = self.client.line().split(" ", 5)
        while words[0] == "message":
            words = self.client.line().split(" ", 5)
        self.assertEqual(words[0], "done")
        return int(words[2]), words[5]

    def reply(self, *blocks, end=True, data=b""):
        """Headers, data, and trailers when there are two blocks."""
        stream = self.await_request()
        first = {":status": "200", "content-type": "application/grpc"}
        first.update(blocks[0])
        first = [(key, value) for key, value in first.items() if value is not None]
        is_last = end and len(blocks) == 1 and not data
        self.http2.h2.send_headers(stream, first, end_stream=is_last)
        if data:
            self.http2.h2.send_data(stream, data, end_stream=end and len(blocks) == 1)
        if len(blocks) > 1:
            self.http2.h2.send_headers(stream, list(blocks[1].items()), end_stream=True)
        self.http2.flush()
        return self.done()

    def test_request_is_as_grpc_wants_it(self):
        request = self.http2.answers[self.await_request(1500)]
        version = request.headers.pop("user-agent")
        self.assertRegex(version, r"^rota/\d+\.\d+\.\d+$")
        self.assertEqual(request.headers, {
            ":method": "POST", ":scheme": "http", ":path": "/a.B/C", ":authority": "localhost",
            "content-type": "application/grpc", "te": "trailers", "grpc-timeout": "1500m"})
        self.assertEqual(request.messages(), [b"text"])

    def test_trailers_only(self):
        self.assertEqual(self.reply({"grpc-status": "7", "grpc-message": "n%C3%B6 %25"}), (7, "n\u00f6 %"))

    def test_status_that_is_no_code(self):
        for text in ("17", "99", "-1", "x", "", "00", "0x1"):
            self.assertEqual(self.reply({"grpc-status": text})[0], 2, text)

    def test_http_status(self):
        self.assertEqual(self.reply({":status": "503", "content-type": "text/html"}, data=b"<html>"),
                         (14, "the answer has HTTP status 503"))

    def test_http_status_not_found(self):
        self.assertEqual(self.reply({":status": "404", "content-type": None})[0], 12)

    def test_content_type(self):
        self.assertEqual(self.reply({"content-type": "text/plain"}, {"x": "y"}, data=b"hello"),
                         (2, "the answer is not gRPC"))

    def test_no_status(self):
        self.assertEqual(self.reply({}, {"x": "y"}, data=message(b"a")),
                         (13, "the answer ends without a status"))

    def test_truncated(self):
        self.assertEqual(self.reply({}, {"grpc-status": "0"}, data=message(b"abc")[:-1]),
                         (13, "the answer ends inside a message"))

    def test_error_beats_truncation(self):
        self.assertEqual(self.reply({}, {"grpc-status": "5"}, data=message(b"abc")[:-1])[0], 5)

    def test_compressed(self):
        self.assertEqual(self.reply({}, end=False, data=message(b"a", flag=1))[0], 13)

    def test_too_large(self):
        self.assertEqual(self.reply({}, end=False, data=b"\0\0\x40\0\1"), (8, "the answer exceeds 4 MiB"))

    def test_informational_headers_come_first(self):
        stream = self.await_request()
        block = self.http2.h2.encoder.encode([(":status", "103"), ("link", "x")])
        self.http2.raw(frame(HEADERS, 4, stream, block))
        self.http2.h2.send_headers(stream, [
            (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "0")], end_stream=True)
        self.http2.flush()
        self.assertEqual(self.done(), (0, ""))

    def test_resets(self):
        stream = self.await_request()
        self.http2.h2.reset_stream(stream, 7)
        self.http2.flush()
        status, text = self.done()
        self.assertEqual(status, 14)
        self.assertIn("REFUSED_STREAM", text)

    def test_status_before_a_reset_counts(self):
        stream = self.await_request()
        self.http2.h2.send_headers(stream, [
            (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "12")], end_stream=True)
        self.http2.flush()
        self.assertEqual(self.done()[0], 12)

    def test_answer_before_the_whole_request_was_sent(self):
        self.http2.acknowledges = False
        self.client.say("call /a.B/C @200000 0")
        answers = self.http2.answers
        self.http2.wait(lambda: 1 in answers and len(answers[1].data) == 65535)
        self.http2.h2.send_headers(1, [
            (":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "8")], end_stream=True)
        self.http2.flush()
        self.assertEqual(self.done()[0], 8)
        self.http2.wait(lambda: answers[1].reset is not None)
        self.assertEqual(answers[1].reset, NO_ERROR)

    def test_goaway_refuses_what_was_not_begun(self):
        self.await_request()
        self.http2.h2.close_connection(last_stream_id=0)
        self.http2.flush()
        self.assertEqual(self.done()[0], 14)

    def test_junk(self):
        self.await_request()
        self.http2.socket.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        self.assertEqual(self.done()[0], 14)

    def test_push_is_an_error_of_the_connection(self):
        stream = self.await_request()
        self.http2.raw(frame(5, 4, stream, struct.pack(">I", 2) + b"\x82"))
        self.assertEqual(self.done()[0], 14)

    def test_hang_up_and_calls_after_it(self):
        self.await_request()
        self.http2.socket.close()
        self.assertEqual(self.done()[0], 14)
        self.ask()
        self.assertEqual(self.done()[0], 14)


if __name__ == "__main__":
    unittest.main()
