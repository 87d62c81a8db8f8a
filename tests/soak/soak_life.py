# SPDX-License-Identifier: Apache-2.0
"""Kubelet is started again, and the agent and its driver process are killed, under a load of calls."""

import os
import shutil
import signal
import threading
import time

import grpc

from soak_case import DESCRIPTORS_SLACK, SLACK_KIB, SoakCase, count_of
from agent_case import IS_SANITIZED, shared, t4s, uuid
from kubelet_peer import wait_until
from pods_peer import PodResources

GPUS = 2
REPLICAS = 5
RESOURCE = "nvidia.com/gpu"
HELD = {f"{uuid(0)}::7", f"{uuid(1)}::2"}
# Five of each: what is held, and the lowest free ids.
LISTED = HELD | {f"{uuid(0)}::{n}" for n in range(4)} | {f"{uuid(1)}::{n}" for n in range(5)}
# After this many the peak of a warm agent is known, so that what comes on top is a leak.
WARM = 10
# A kill comes at any time up to this after the start: before, at and after the registration.
# A driver process that never lives to answer is started again more and more slowly, so it must be able
# to; a sanitizer makes its start longer.
KILL_SECONDS = 1.0 if IS_SANITIZED else 0.12
LOAD_CALL_SECONDS = 5


class Load:
    """Calls without a pause, on whatever connection is the newest; a wrong answer is a failure, a
    connection that is gone is not."""

    def __init__(self, plugin_of, expected):
        self.plugin_of = plugin_of
        self.expected = expected  # {id: what NVIDIA_VISIBLE_DEVICES may be}
        self.answers = 0
        self.wrong = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._over.wait(0.002):
            plugin = self.plugin_of()
            if not plugin:
                continue
            for ident, visible in self.expected.items():
                self._ask(plugin, ident, visible)

    def _ask(self, plugin, ident, visible):
        try:
            answer = plugin.allocate([ident], timeout=LOAD_CALL_SECONDS)[0]
            if answer.envs["NVIDIA_VISIBLE_DEVICES"] not in visible:
                self.wrong.append(f"{ident}: {answer}")
            chosen = plugin.prefer([ident], 1)
            if chosen != [ident]:
                self.wrong.append(f"{ident}: preferred {chosen}")
            self.answers += 1
        except grpc.RpcError as error:
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
                self.wrong.append(f"{ident}: {error.code()} {error.details()}")
        except ValueError:
            pass  # the channel was closed under us

    def finish(self):
        """What was wrong; one answer more comes first, so that the load is known to have been one."""
        before = self.answers
        wait_until(lambda: self.answers > before or self.wrong, "an answer to the load")
        self.stop()
        return self.wrong

    def stop(self):
        self._over.set()
        self._thread.join(60)


class LifeCase(SoakCase):
    def setUp(self):
        super().setUp()
        self.set_scenario(t4s(GPUS))
        self.pods = PodResources(self.pods_socket)
        self.pods.pods = {"a": {RESOURCE: sorted(HELD)}}
        self.addCleanup(self.pods.stop)
        self.pods.start()
        self.kubelet = self.start_kubelet()

    def start_load(self):
        load = Load(self.newest_plugin, {ident: [ident.split("::")[0]] for ident in HELD})
        self.addCleanup(load.stop)
        return load

    def newest_plugin(self):
        registrations = self.kubelet.registrations
        return registrations[-1].plugin if registrations else None

    def wait_right(self, registration):
        registration.watch.wait(
            lambda seen: seen.health() == {ident: "Healthy" for ident in LISTED}, sorted(LISTED))

    def assert_files(self):
        """One socket of ours beside kubelet's, and nothing of an earlier life."""
        self.assertEqual(sorted(path.name for path in self.plugins.iterdir()),
                         ["kubelet.sock", "nvidia-gpu.sock"])
        self.assertEqual(sorted(path.name for path in self.directory.glob("*.sock")),
                         ["agent.sock", "pod-resources.sock"])

    def assert_no_leak(self, before):
        kib, descriptors = before
        self.assert_memory_kept(kib, SLACK_KIB)
        wait_until(lambda: self.agent.descriptors() <= descriptors + DESCRIPTORS_SLACK,
                   lambda: f"{descriptors} descriptors, not {self.agent.descriptors()}")


class KubeletSoak(LifeCase):
    """Each way in which kubelet comes back."""

    def replace(self):
        self.kubelet.restart()

    def die(self):
        """Killed: its socket stays for a while, and it removes all when it is back."""
        self.kubelet.stop()
        self.kubelet.leave_stale_socket()
        self.kubelet.start()

    def come_back_alone(self):
        """Only its own socket is new; ours was not removed."""
        self.kubelet.stop()
        self.kubelet.listen()

    def new_directory(self):
        """As when the volume was mounted anew."""
        self.kubelet.stop()
        shutil.rmtree(self.plugins)
        self.plugins.mkdir()
        self.kubelet.start()

    def test_kubelet_is_started_again_and_again(self):
        count = count_of("restarts")
        ways = [self.replace, self.replace, self.die, self.come_back_alone, self.new_directory]
        self.start_agent(config=shared(REPLICAS))
        self.wait_right(self.kubelet.wait_registrations(1))
        load = self.start_load()
        before = None
        progress = self.start_progress("restarts of kubelet", count)
        for number in range(count):
            way = self.random.choice(ways)
            self.wait_right(self.kubelet.registration_after(way))
            if number == min(WARM, count // 2):
                before = self.agent.resident_kib(), self.agent.descriptors()
            progress.step(way.__name__)
        self.assertEqual(load.finish(), [])
        self.assert_files()
        self.assert_no_leak(before)
        self.assertEqual(self.agent.stop(), 0)


class KillSoak(LifeCase):
    def start_again(self):
        self.start_agent(config=shared(REPLICAS))
        self.addCleanup(self.agent.log_path.unlink, missing_ok=True)

    def kill_agent(self):
        """With SIGKILL, anywhere between its start and its work."""
        children = self.agent.children()
        self.agent.kill()
        for pid in children:
            wait_until(lambda pid=pid: not is_alive(pid), f"the end of driver process {pid}")
        self.agent.log_path.unlink()

    def test_killed_agent_leaves_nothing_and_its_successor_is_right(self):
        count = count_of("kills")
        self.start_again()
        load = self.start_load()
        progress = self.start_progress("kills of the agent", count)
        for _ in range(count):
            time.sleep(self.random.uniform(0, KILL_SECONDS))
            self.kill_agent()
            before = len(self.kubelet.registrations)
            self.start_again()
            progress.step()
            if self.random.random() < 0.5:
                continue  # this one may die before it is registered
            self.wait_right(self.kubelet.wait_registrations(before + 1))
            self.assert_files()
        self.wait_right(wait_until(self.newest_live, "a registration of the last one"))
        self.assertEqual(load.finish(), [])
        self.assert_files()
        self.assertEqual(self.agent.stop(), 0)

    def newest_live(self):
        newest = self.kubelet.registrations[-1] if self.kubelet.registrations else None
        return newest if newest and newest.watch and not newest.watch.is_over else None

    def test_killed_driver_process_is_nothing_that_kubelet_sees(self):
        count = count_of("kills")
        self.start_agent(config=shared(REPLICAS))
        registration = self.kubelet.wait_registrations(1)
        self.wait_right(registration)
        load = self.start_load()
        before = None
        progress = self.start_progress("kills of the driver process", count)
        for number in range(count):
            time.sleep(self.random.uniform(0, KILL_SECONDS))
            pid = wait_until(lambda: next(iter(self.agent.children()), 0), "a driver process")
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda pid=pid: pid not in self.agent.children(), "its end")
            if number == min(WARM, count // 2):
                before = self.agent.resident_kib(), self.agent.descriptors()
            progress.step()
        wait_until(lambda: self.status()["driver"]["ok"], "a driver that answers")
        registration.watch.wait_health("Healthy")
        self.wait_right(registration)
        self.assertEqual(load.finish(), [])
        self.assertEqual(self.kubelet.calls, 1)
        self.assert_no_leak(before)


def is_alive(pid):
    """A zombie is dead; who reaps it is another matter."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
