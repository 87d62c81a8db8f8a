# SPDX-License-Identifier: Apache-2.0
"""The agent over HTTP: metrics as Prometheus reads them, probes, and peers that misbehave."""

import http.client
import signal
import socket
import unittest

from agent_case import AgentCase, fault, shared, t4s
from kubelet_peer import wait_until

HANG_SECONDS = 60
PLACES = 32  # HTTP_CONNECTIONS_MAX
CROWD = 2 * PLACES
# Without a place for it, it would wait for a deadline of ten seconds.
PROBE_SECONDS = 5


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class HttpCase(AgentCase):
    def setUp(self):
        super().setUp()
        self.port = free_port()
        self.listen = f"127.0.0.1:{self.port}"

    def ask(self, path, method="GET", seconds=HANG_SECONDS):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=seconds)
        self.addCleanup(connection.close)
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer

    def send(self, request):
        """All that comes back for these bytes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=HANG_SECONDS) as peer:
            peer.sendall(request)
            peer.shutdown(socket.SHUT_WR)
            return peer.makefile("rb").read()

    def wait_status(self, path, status):
        wait_until(lambda: self.ask(path)[0] == status, lambda: f"{path} to answer {status}")

    def start(self, **keys):
        kubelet, _ = self.start_node("--http-listen", self.listen, config=shared(5), **keys)
        self.wait_status("/readyz", 200)
        return kubelet

    def samples(self):
        """Name and labels -> value."""
        lines = self.ask("/metrics")[1].splitlines()
        return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


class Metrics(HttpCase):
    def test_tell_what_is_advertised_and_done(self):
        self.start()
        samples = self.samples()
        self.assertEqual(samples['rota_replicas{resource="nvidia.com/gpu"}'], "5")
        self.assertEqual(samples['rota_replicas_healthy{resource="nvidia.com/gpu"}'], "5")
        self.assertEqual(samples['rota_registered{resource="nvidia.com/gpu"}'], "1")
        self.assertEqual(samples["rota_driver_up"], "1")

    def test_say_that_they_are_the_text_format(self):
        self.start()
        self.assertEqual(self.ask("/metrics")[2].getheader("Content-Type"), "text/plain; version=0.0.4")


class Probes(HttpCase):
    def test_ready_only_while_kubelet_watches(self):
        kubelet = self.start()
        kubelet.stop()
        self.wait_status("/readyz", 503)
        self.assertIn("not registered with kubelet", self.ask("/readyz")[1])
        self.assertEqual(self.ask("/healthz")[:2], (200, "ok\n"))

    def test_not_ready_while_the_driver_hangs(self):
        self.start_node("--http-listen", self.listen, "--driver-deadline", "500ms", config=shared(5))
        self.wait_status("/readyz", 200)
        self.set_scenario(t4s(1, faults=[fault("nvmlDeviceGetCount_v2", "hang")]))
        self.wait_status("/readyz", 503)
        self.assertEqual(self.samples()["rota_driver_up"], "0")
        self.assertEqual(self.samples()['rota_replicas_healthy{resource="nvidia.com/gpu"}'], "0")

    def test_ready_on_a_node_without_a_gpu(self):
        self.set_scenario({"gpus": []})
        self.start_kubelet()
        self.start_agent("--http-listen", self.listen)
        self.agent.wait_log("no GPU")
        self.assertEqual(self.ask("/readyz")[0], 200)


class Peers(HttpCase):
    def test_head_has_no_body(self):
        self.start()
        status, body, answer = self.ask("/metrics", "HEAD")
        self.assertEqual((status, body), (200, ""))
        self.assertGreater(int(answer.getheader("Content-Length")), 0)

    def test_other_methods_and_paths_are_refused(self):
        self.start()
        self.assertEqual(self.ask("/metrics", "POST")[0], 405)
        self.assertEqual(self.ask("/metrics", "POST")[2].getheader("Allow"), "GET, HEAD")
        self.assertEqual(self.ask("/")[0], 404)
        self.assertEqual(self.ask("/metrics/")[0], 404)
        self.assertEqual(self.ask("/" + "x" * 300)[0], 414)

    def test_junk_is_answered_or_dropped_and_harms_nobody(self):
        self.start()
        self.assertIn(b" 400 ", self.send(b"\x16\x03\x01\x00junk\r\n\r\n"))
        self.assertIn(b" 431 ", self.send(b"GET / HTTP/1.1\r\n" + b"X: " + b"y" * 20000))
        self.assertEqual(self.send(b"GET / HTTP/1.1\r\n"), b"")
        self.assertEqual(self.ask("/healthz")[0], 200)

    def crowd(self, count, request=b""):
        peers = []
        for _ in range(count):
            peers.append(socket.create_connection(("127.0.0.1", self.port), timeout=HANG_SECONDS))
            self.addCleanup(peers[-1].close)
            peers[-1].sendall(request)
        return peers

    def wait_closed(self, peer):
        try:
            self.assertEqual(peer.recv(1), b"")
        except ConnectionResetError:
            pass  # it had sent what nobody read

    def test_peers_at_rest_do_not_keep_a_probe_waiting(self):
        """Each of a crowd that ends nothing is the oldest in its turn; the youngest are left alone."""
        self.start()
        for request in (b"", b"G", b"GET /metrics HTTP/1.0\r\n\r\n"):
            with self.subTest(request=request):
                peers = self.crowd(CROWD, request)
                self.assertEqual(self.ask("/healthz", seconds=PROBE_SECONDS)[0], 200)
                peers[-1].settimeout(0)
                if not request:
                    self.assertRaises(BlockingIOError, peers[-1].recv, 1)
                for peer in peers:
                    peer.close()

    def test_the_oldest_at_rest_makes_room(self):
        self.start()
        peers = self.crowd(PLACES)
        self.assertEqual(self.ask("/healthz")[0], 200)
        self.wait_closed(peers[0])
        peers[1].sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        self.assertIn(b" 200 ", peers[1].recv(100))

    def test_a_silent_peer_is_closed_at_its_deadline(self):
        self.start()
        peer, = self.crowd(1)
        self.wait_closed(peer)

    def test_a_crowd_that_asks_at_once_is_answered_to_the_last(self):
        """None that has asked makes room for another before its answer."""
        self.start()
        self.agent.tell(signal.SIGSTOP)
        peers = self.crowd(PLACES + 1, b"GET /healthz HTTP/1.0\r\n\r\n")
        self.agent.tell(signal.SIGCONT)
        for number, peer in enumerate(peers):
            self.assertIn(b" 200 ", peer.recv(100), number)

    def test_no_descriptor_is_kept(self):
        self.start()
        before = self.agent.descriptors()
        for _ in range(CROWD):
            self.ask("/metrics")
        wait_until(lambda: self.agent.descriptors() <= before, lambda: "connections to be closed")


class Listening(HttpCase):
    def test_a_taken_port_is_said_and_the_agent_goes_on(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", self.port))
            other.listen()
            self.start_node("--http-listen", self.listen, config=shared(5))
            self.agent.wait_log("no metrics and no probes, going on without them")
            self.assertIn(f"{self.listen}: cannot listen: address already in use", self.agent.log())

    def test_what_is_no_address_is_refused(self):
        for address in ("8402", "localhost:8402", "127.0.0.1:0", ":99999", "[::1:8402"):
            with self.subTest(address=address):
                done = self.run_rota("agent", "--http-listen", address)
                self.assertEqual(done.returncode, 2)
                self.assertIn(f"--http-listen: invalid address: {address}, allowed: :PORT or NUMBER:PORT, "
                              "a port of 1 to 65535", done.stderr)

    def test_all_addresses(self):
        self.start_node("--http-listen", f":{self.port}", config=shared(5))
        self.wait_status("/readyz", 200)

    def test_without_the_flag_nothing_listens(self):
        self.start_node(config=shared(5))
        with self.assertRaises(OSError):
            self.ask("/healthz")


if __name__ == "__main__":
    unittest.main()
