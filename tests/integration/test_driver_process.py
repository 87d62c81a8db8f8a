# SPDX-License-Identifier: Apache-2.0
"""`rota driver` itself, asked as the agent asks it: packets over descriptor 3, and how it ends."""

import contextlib
import errno
import os
import socket
import struct
import subprocess
import sys
import unittest

from agent_case import BUILD, COMMAND_SECONDS, IS_SANITIZED, ROTA, AgentCase, fault, gpu, scenario
from agent_case import t4s, uuid

HEAD = struct.Struct("<IHH")
VERSION = 2
REQUEST, ANSWER, EVENT = 1, 2, 3
AS_IS, FRESH = 0, 2
FAULTS = BUILD / "tests" / "integration" / "libfaults.so"
# Of one question; the driver process makes a fraction of this.
ALLOCATIONS_MAX = 2000
# From one allocation that fails to the next one.
STEP = 3
NOT_LOADED = t4s(1, faults=[fault("nvmlInit_v2", "fail", error="NVML_ERROR_DRIVER_NOT_LOADED")])


def packet(body, kind=REQUEST, version=VERSION, length=None):
    return HEAD.pack(len(body) if length is None else length, version, kind) + body


def request(number, freshness=AS_IS):
    """Both fields are small numbers, which are one byte each."""
    return packet(bytes([0x08, number, 0x10, freshness]))


class Process:
    """A driver process and our end of its socket."""

    def __init__(self, environment, *flags, prefix=(), theirs=None, more=()):
        self.ours, given = socket.socketpair() if theirs is None else (None, theirs)
        # In the child descriptor 3 is made by the shell, which then becomes the command.
        command = [*prefix, str(ROTA), "driver", *map(str, flags)]
        self.process = subprocess.Popen(
            ["/bin/bash", "-c", f'exec "$@" 3<&{given.fileno()}', "bash", *command],
            pass_fds=[given.fileno(), *more], env=environment, stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors="replace")
        given.close()
        if self.ours:
            self.ours.settimeout(COMMAND_SECONDS)

    def receive(self, length):
        """Less at the end of the stream."""
        data = b""
        with contextlib.suppress(ConnectionError):
            while len(data) < length:
                part = self.ours.recv(length - len(data))
                if not part:
                    break
                data += part
        return data

    def packet(self):
        """(kind, body); None at the end of the stream."""
        head = self.receive(HEAD.size)
        if len(head) < HEAD.size:
            return None
        length, version, kind = HEAD.unpack(head)
        assert version == VERSION
        return kind, self.receive(length)

    def ask(self, number, freshness=AS_IS):
        """The body of the answer; None when the process ends instead, perhaps before it is asked."""
        with contextlib.suppress(BrokenPipeError):
            self.ours.sendall(request(number, freshness))
        while True:
            got = self.packet()
            if got is None or got[0] == ANSWER:
                return got and got[1]

    def hang_up(self):
        if self.ours:
            self.ours.close()
            self.ours = None

    def end(self):
        """Exit code and what it said."""
        self.hang_up()
        _, said = self.process.communicate(timeout=COMMAND_SECONDS)
        return self.process.returncode, said

    def kill(self):
        self.hang_up()
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class DriverCase(AgentCase):
    def start_driver(self, *flags, environment=None, **keys):
        driver = Process(self.environment(**(environment or {})), *flags, **keys)
        self.addCleanup(driver.kill)
        return driver

    def assert_refused(self, driver, text):
        code, said = driver.end()
        self.assertEqual(code, 1, said)
        self.assertRegex(said, "^rota driver: .*" + text)


class Questions(DriverCase):
    def test_each_question_is_answered_until_the_end(self):
        self.set_scenario(t4s(2))
        driver = self.start_driver()
        for number in range(1, 4):
            body = driver.ask(number)
            self.assertEqual(body[:2], bytes([0x08, number]))
            self.assertIn(uuid(0).encode(), body)
            self.assertIn(uuid(1).encode(), body)
        self.assertEqual(driver.end(), (0, ""))

    def test_a_question_may_come_in_pieces(self):
        driver = self.start_driver()
        for byte in request(7):
            driver.ours.sendall(bytes([byte]))
        kind, body = driver.packet()
        self.assertEqual((kind, body[:2]), (ANSWER, b"\x08\x07"))
        self.assertEqual(driver.end(), (0, ""))

    def test_the_end_in_a_question_is_an_end(self):
        for length in (1, HEAD.size, HEAD.size + 1):
            with self.subTest(length=length):
                driver = self.start_driver()
                driver.ours.sendall(request(1)[:length])
                self.assertEqual(driver.end(), (0, ""))

    def test_nonsense_is_refused_in_words(self):
        for sent, text in ((packet(b"", version=VERSION + 1), "a packet of version 3"),
                           (packet(b"", length=1 << 30), "a packet of 1073741824 bytes"),
                           (packet(b"", length=1000), "a request of 1008 bytes"),
                           (packet(b"", kind=EVENT), "kind 3"),
                           (packet(b"\xff\xff"), "Request")):
            with self.subTest(text=text):
                driver = self.start_driver()
                driver.ours.sendall(sent)
                self.assertIsNone(driver.packet())
                self.assert_refused(driver, text)

    def test_who_asks_and_goes_is_told_nothing(self):
        driver = self.start_driver()
        driver.ours.sendall(request(1))
        self.assert_refused(driver, "write an answer: .*[Pp]ipe")

    def test_a_driver_that_is_loaded_later_is_found(self):
        self.set_scenario(NOT_LOADED)
        driver = self.start_driver()
        self.assertIn(b"modprobe nvidia", driver.ask(1))
        self.set_scenario(t4s(1))
        self.assertIn(uuid(0).encode(), driver.ask(2, FRESH))
        self.set_scenario(t4s(2))
        self.assertIn(uuid(1).encode(), driver.ask(3, FRESH))
        self.assertEqual(driver.end(), (0, ""))

    def test_a_fault_is_told_in_printable_letters(self):
        """A loader's message quotes the path, whatever is in it."""
        folder = self.directory / "a\x01b"
        folder.mkdir()
        (folder / "libnvidia-ml.so.1").write_text("no library")
        driver = self.start_driver(environment={"LD_LIBRARY_PATH": str(folder)})
        self.assertIn(b"a?b", driver.ask(1))
        self.assertEqual(driver.end(), (0, ""))

    def test_an_event_comes_unasked(self):
        driver = self.start_driver()
        driver.ask(1)
        self.set_scenario({**t4s(1), "events": [{"id": "a", "gpu": 0, "xid": 79}]})
        kind, body = driver.packet()
        self.assertEqual(kind, EVENT)
        self.assertEqual(body[:body.index(b"\x18")], b"\x0a" + bytes([len(uuid(0))]) + uuid(0).encode() + b"\x10\x4f")
        self.assertEqual(driver.end(), (0, ""))


class Parent(DriverCase):
    def test_only_whoever_made_the_socket_is_served(self):
        """The signal that ends it with its agent would come from the wrong process."""
        driver = self.start_driver(prefix=[sys.executable, "-c",
                                           "import subprocess, sys\n"
                                           "sys.exit(subprocess.call(sys.argv[1:], pass_fds=[3]))"])
        self.assert_refused(driver, "the agent is gone")

    def test_a_socket_of_another_kind_is_refused(self):
        listener = socket.socket(socket.AF_INET)
        driver = self.start_driver(theirs=listener)
        code, said = driver.end()
        self.assertEqual(code, 1, said)
        self.assertIn("rota driver: ", said)

    def test_without_a_socket_a_person_is_told(self):
        with open("/dev/null", "rb") as null:
            code, said = self.start_driver(theirs=null).end()
        self.assertEqual(code, 2)
        self.assertIn("rota devices", said)


@unittest.skipIf(IS_SANITIZED, "what is preloaded and a sanitizer exclude each other")
class Faults(DriverCase):
    def setUp(self):
        super().setUp()
        self.mark = self.directory / "mark"

    def start_faulty(self, function, number, error, **keys):
        self.mark.unlink(missing_ok=True)
        return self.start_driver(environment={
            "LD_PRELOAD": str(FAULTS), "ROTA_FAULT_MARK": str(self.mark),
            "ROTA_FAULT": f"driver {function} {number} {error} ours"}, **keys)

    def assert_closes_what_is_above(self, **fault_keys):
        theirs, ours = os.pipe()
        reader = os.fdopen(theirs, "rb")
        self.addCleanup(reader.close)
        driver = self.start_faulty(more=[ours], **fault_keys)
        os.close(ours)
        self.assertTrue(driver.ask(1))
        self.assertEqual(reader.read(), b"")  # the end, while it lives
        self.assertEqual(driver.end(), (0, ""))

    def test_what_the_agent_has_open_is_closed_on_any_kernel(self):
        self.assert_closes_what_is_above(function="none", number=1, error=0)
        for error in (errno.ENOSYS, errno.EPERM):
            with self.subTest(error=errno.errorcode[error]):
                self.assert_closes_what_is_above(function="close_range", number=1, error=error)
                self.assertTrue(self.mark.exists())

    def test_what_cannot_be_closed_is_said(self):
        driver = self.start_faulty("close_range", 1, errno.EINVAL)
        self.assert_refused(driver, "close_range")

    def test_a_question_that_cannot_be_read_is_said(self):
        driver = self.start_faulty("poll", 1, errno.ENOMEM)
        self.assert_refused(driver, "wait for a request")
        driver = self.start_faulty("read", 1, errno.EIO)
        driver.ours.sendall(request(1))
        self.assertIsNone(driver.packet())
        self.assert_refused(driver, "read a request")

    def test_an_interruption_changes_nothing(self):
        for function in ("poll", "read", "send"):
            with self.subTest(function=function):
                driver = self.start_faulty(function, 1, errno.EINTR)
                self.assertIn(uuid(0).encode(), driver.ask(1))
                self.assertTrue(self.mark.exists())
                self.assertEqual(driver.end(), (0, ""))

    def test_each_allocation_fails_once(self):
        """The answer is whole, or says why there is none; the next one is whole."""
        self.set_scenario(scenario(gpu(0), gpu(1, model="NVIDIA A100-SXM4-40GB", mig=[
            {"profile": "3g.20gb"}, {"profile": "1g.5gb"}])))
        whole = self.start_driver().ask(1)
        for number in range(1, ALLOCATIONS_MAX, STEP):
            with self.subTest(number=number):
                driver = self.start_faulty("memory", number, errno.ENOMEM)
                self.judge(driver, driver.ask(1), whole)
            if not self.mark.exists():
                return
        self.fail(f"more than {ALLOCATIONS_MAX} allocations")

    def judge(self, driver, body, whole):
        if body is None:
            self.assertEqual(driver.end()[0], 1)
            return
        if body != whole:
            # The loader says of what has no memory that it is not there; the simulated one is without, too.
            self.assertRegex(body, b"out of memory|no NVIDIA driver library|nvmlInit_v2")
            self.assertEqual(driver.ask(1), whole)
        self.assertEqual(driver.end()[0], 0)


if __name__ == "__main__":
    unittest.main()
