# SPDX-License-Identifier: Apache-2.0
"""Every call of the agent and of the driver process fails once: an allocation, a system call.

Whatever fails, the agent says so and ends with 1, or it goes on and then does all that it should.
It never ends by a signal, hangs, or lacks something without a word.
"""

import errno
import http.client
import itertools
import signal
import socket
import time
import unittest

import grpc

from soak_case import IS_FULL, SoakCase, count_of
from agent_case import BUILD, IS_SANITIZED, replica_ids, shared, uuid
from kubelet_peer import wait_until
from pods_peer import PodResources

FAULTS = BUILD / "tests" / "integration" / "libfaults.so"
RESOURCE = "nvidia.com/gpu"
# A question that could not be sent is one without an answer.
DEADLINE = "--driver-deadline=1s"
HELD = f"{uuid(0)}::9"
# A call that fails by the fault is done again; a second failure is one of ours.
TRIES = 3
STEP_SECONDS = 30
# A socket stays when these fail at the end, and the next agent has to cope with it: what cannot be looked
# at may be another one's.
REMOVAL = ("unlink", "lstat64")
# In the small version: of each function one of the first calls, and of the allocations any.
FEW = 2
ALLOCATIONS = 470
# Other allocations may delay the start by more; theirs is not the one that is looked for.
LOOK_SECONDS = 0.5
NO_LIST = "cannot advertise, keeping what was advertised before"

# (which process, function, errno, whose calls). libuv aborts where it has no way to tell of a failure
# (its table of watchers does not grow, epoll or its own pipe break), so of its calls only those are
# here whose failure it hands on, and its memory is not. Nor is that of libnghttp2 1.52, which frees a
# frame twice when its queue cannot grow.
CALLS = [
    ("agent", "memory", errno.ENOMEM, "ours"),
    ("agent", "memory", errno.ENOMEM, "libjansson"),
    ("agent", "memory", errno.ENOMEM, "libyaml"),
    ("agent", "open64", errno.EMFILE, "ours"),
    ("agent", "read", errno.EIO, "ours"),
    ("agent", "read", errno.EINTR, "libuv"),
    ("agent", "write", errno.EIO, "ours"),
    ("agent", "write", errno.EINTR, "libuv"),
    ("agent", "send", errno.EAGAIN, "ours"),
    ("agent", "unlink", errno.EACCES, "ours"),
    ("agent", "mkdir", errno.EACCES, "ours"),
    ("agent", "access", errno.EACCES, "ours"),
    ("agent", "fchmod", errno.EPERM, "ours"),
    ("agent", "lstat64", errno.EACCES, "ours"),
    ("agent", "stat64", errno.EACCES, "ours"),
    ("agent", "socket", errno.EMFILE, "ours"),
    ("agent", "socket", errno.EMFILE, "libuv"),
    ("agent", "socketpair", errno.EMFILE, "libuv"),
    ("agent", "bind", errno.EACCES, "ours"),
    ("agent", "bind", errno.EADDRINUSE, "libuv"),
    ("agent", "listen", errno.EADDRINUSE, "libuv"),
    ("agent", "accept4", errno.EMFILE, "libuv"),
    ("agent", "accept4", errno.ECONNABORTED, "libuv"),
    ("agent", "connect", errno.ECONNREFUSED, "libuv"),
    ("agent", "setsockopt", errno.ENOBUFS, "libuv"),
    ("agent", "inotify_init1", errno.EMFILE, "libuv"),
    ("agent", "inotify_add_watch", errno.ENOSPC, "libuv"),
    ("agent", "epoll_create1", errno.EMFILE, "libuv"),
    ("agent", "epoll_wait", errno.EINTR, "libuv"),
    ("agent", "fork", errno.EAGAIN, "libuv"),
    ("agent", "execvp", errno.EACCES, "libuv"),
    ("agent", "kill", errno.ESRCH, "libuv"),
    ("driver", "memory", errno.ENOMEM, "ours"),
    ("driver", "dlopen", errno.ENOMEM, "ours"),
    ("driver", "open64", errno.EMFILE, "ours"),
    ("driver", "read", errno.EIO, "ours"),
    ("driver", "read", errno.EINTR, "ours"),
    ("driver", "send", errno.EPIPE, "ours"),
    ("driver", "send", errno.EINTR, "ours"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@unittest.skipIf(IS_SANITIZED, "what is preloaded and a sanitizer exclude each other")
class FaultsSoak(SoakCase):
    def setUp(self):
        super().setUp()
        self.mark = self.directory / "mark"
        self.kubelet = self.start_kubelet()
        self.pods = PodResources(self.pods_socket)
        self.pods.pods = {"a": {RESOURCE: [HELD]}}
        self.addCleanup(self.pods.stop)
        self.pods.start()

    def test_each_call_fails_once(self):
        progress = self.start_progress("failing calls", count_of("faults"))
        for call, number in self.chosen():
            with self.subTest(process=call[0], function=call[1], error=errno.errorcode[call[2]],
                              whose=call[3], number=number):
                self.try_one(call, number)
            progress.step(f"{call[0]} {call[1]} {number}")

    def chosen(self):
        """All of them in order, or some by chance: early calls are other ones than late ones."""
        if not IS_FULL:
            for call in CALLS:
                yield call, self.random.randint(1, FEW)
            for _ in range(count_of("faults")):
                yield CALLS[0], self.random.randint(1, ALLOCATIONS)
            return
        for call in CALLS:
            for number in itertools.count(1):
                yield call, number
                if not self.mark.exists():
                    self.assertGreater(number, 1, f"{call} is never called: not a row for here")
                    break

    def test_list_without_memory_is_made_when_there_is_some(self):
        """Also when nothing else is a reason to make it: kubelet is not asked, the driver says the same."""
        for number in range(1, ALLOCATIONS):
            before = len(self.kubelet.registrations)
            agent = self.start_faulty(CALLS[0], number, "--pod-resources-socket=")
            end = time.monotonic() + LOOK_SECONDS
            while self.is_undecided(before) and time.monotonic() < end:
                time.sleep(0.01)
            if NO_LIST in agent.log():
                self.kubelet.wait_registrations(before + 1)
                return
            agent.kill()
            self.kubelet.hang_up()
        self.fail("no allocation was one for the list")

    def is_undecided(self, before):
        return (self.agent.is_running() and len(self.kubelet.registrations) == before
                and NO_LIST not in self.agent.log())

    def start_faulty(self, call, number, *flags):
        word, function, error, whose = call
        self.mark.unlink(missing_ok=True)
        return self.start_agent(
            *flags, DEADLINE, config=shared(5),
            environment={"LD_PRELOAD": str(FAULTS), "ROTA_FAULT_MARK": str(self.mark),
                         "ROTA_FAULT": f"{word} {function} {number} {error} {whose}"})

    def try_one(self, call, number):
        self.port = free_port()
        before = len(self.kubelet.registrations)
        agent = self.start_faulty(call, number, "--http-listen", f"127.0.0.1:{self.port}")
        try:
            wait_until(lambda: len(self.kubelet.registrations) > before or not agent.is_running(),
                       "a registration or the end", STEP_SECONDS)
            if agent.is_running():
                self.use(agent, call[1])
            else:
                self.assert_ended_well(agent)
        except Exception as failure:
            failure.add_note(f"---- the agent's log\n{agent.log()}")
            raise
        finally:
            agent.kill()
            self.kubelet.hang_up()
            agent.log_path.unlink()

    def assert_ended_well(self, agent):
        self.assertEqual(agent.wait(), 1)
        self.assertTrue(self.mark.exists(), "it ended and nothing had failed")
        last = agent.log().splitlines()[-1]
        self.assertRegex(last, r'level=error event="agent ends" cause=("[^"]{4,}|\w{4,})|: out of memory$')

    def use(self, agent, function):
        """All that it is for, once the fault may come anywhere in it."""
        if "cannot ask kubelet which ids pods hold" in agent.log():
            self.wait_list(replica_ids(1, 5))
            self.assertEqual(agent.stop(), 0)
            return
        self.wait_list({HELD} | set(sorted(replica_ids(1, 5))[:4]))
        self.again(lambda: self.assertEqual(
            self.plugin().allocate([HELD])[0].envs["NVIDIA_VISIBLE_DEVICES"], uuid(0)))
        self.again(lambda: self.assertEqual(self.plugin().prefer(
            sorted(replica_ids(1, 4)), 1, [f"{uuid(0)}::0"]), [f"{uuid(0)}::0"]))
        self.ask_page()
        self.set_config(shared(3))
        wait_until(self.is_shrunk, "the new configuration", STEP_SECONDS)
        self.wait_list({HELD, f"{uuid(0)}::0", f"{uuid(0)}::1"})
        self.ask_status()
        self.assertEqual(agent.stop(), 0)
        if function not in REMOVAL:
            self.assertEqual([path.name for path in self.plugins.iterdir()], ["kubelet.sock"])
            self.assertFalse(self.agent_socket.exists())

    def plugin(self):
        return self.kubelet.registrations[-1].plugin

    def wait_list(self, expected):
        """By whatever stream is the newest: a stream that could not be told has ended."""
        wait_until(lambda: self.kubelet.registrations[-1].watch.health() ==
                   {ident: "Healthy" for ident in expected},
                   lambda: f"{expected}, but {self.kubelet.registrations[-1].watch.health()}",
                   STEP_SECONDS)

    def is_shrunk(self):
        """SIGHUP also when nobody watches the file; once more when the reading failed."""
        if len(self.kubelet.registrations[-1].watch.health()) == 3:
            return True
        self.agent.tell(signal.SIGHUP)
        return False

    def again(self, action):
        for tries in range(TRIES):
            try:
                return action()
            except (grpc.RpcError, AssertionError, OSError, http.client.HTTPException):
                if tries == TRIES - 1:
                    raise
        return None

    def ask_page(self):
        """Without its port the agent goes on and has said so."""
        if "no metrics and no probes" not in self.agent.log():
            self.again(self.ask_page_once)

    def ask_page_once(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=STEP_SECONDS)
        try:
            connection.request("GET", "/metrics")
            self.assertEqual(connection.getresponse().status, 200)
        finally:
            connection.close()

    def ask_status(self):
        """It tries again only after five seconds, which a short run does not wait for."""
        if "no socket for `rota status`" in self.agent.log():
            if not IS_FULL:
                return
            self.agent.wait_log("socket for `rota status` made")
        self.again(lambda: self.assertEqual(self.status()["driver"]["ok"], True))
