# SPDX-License-Identifier: Apache-2.0
"""Starts tests/integration/rpc_peer and talks to it; for test_rpc.py and test_rpc_wire.py."""

import os
import pathlib
import queue
import resource
import shutil
import subprocess
import tempfile
import threading
import unittest

BUILD = pathlib.Path(os.environ.get("ROTA_BUILD", "build"))
PROGRAM = BUILD / "tests" / "integration" / "rpc_peer"
# Guards against hangs; nothing here takes nearly as long.
GUARD_SECONDS = 60


class Peer:
    """One rpc_peer process. Lines that it prints are taken in order."""

    def __init__(self, role, path, files=None):
        limit = (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) if files else None
        # What is freed must be seen to be free: tests here look at the peer's memory.
        options = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"
        self.process = subprocess.Popen(
            [PROGRAM, role, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env=dict(os.environ, ASAN_OPTIONS=options), preexec_fn=limit)
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def line(self):
        return self.lines.get(timeout=GUARD_SECONDS)

    def say(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def stats(self):
        self.say("stats")
        words = self.line().split()
        assert words[0] == "stats", words
        return {key: int(value) for key, value in (word.split("=") for word in words[1:])}

    def send(self, size):
        self.say(f"send {size}")
        line = self.line()
        assert line == "sent", line

    def end(self):
        """Ask it to stop; returns its exit status."""
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            return self.process.wait(GUARD_SECONDS)
        finally:
            self.process.kill()
            self.process.wait()
            self.reader.join()
            self.process.stdout.close()


class PeerCase(unittest.TestCase):
    """A folder for sockets, and peers that must end well."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="rota-rpc-", dir="/tmp")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.path = os.path.join(self.folder, "peer.sock")

    def start_server(self, **more):
        peer = Peer("server", self.path, **more)
        self.addCleanup(self.end, peer)
        self.assertEqual(peer.line(), "ready")
        return peer

    def start_client(self):
        peer = Peer("client", self.path)
        self.addCleanup(self.end, peer)
        self.assertEqual(peer.line(), "ready")
        return peer

    def end(self, peer):
        self.assertEqual(peer.end(), 0, "the peer ended badly")

    def wait_stats(self, peer, **wanted):
        """Poll until the peer's counters are as wanted."""
        for _ in range(GUARD_SECONDS * 100):
            stats = peer.stats()
            if all(stats[key] == value for key, value in wanted.items()):
                return stats
            threading.Event().wait(0.01)
        self.fail(f"{stats} never became {wanted}")
