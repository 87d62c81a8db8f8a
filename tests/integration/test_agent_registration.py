# SPDX-License-Identifier: Apache-2.0
"""The agent finds kubelet, registers with it, and finds it again after everything that happens."""

import contextlib
import os
import pathlib
import signal
import unittest

import grpc

from agent_case import AgentCase, a100, gpu, scenario, shared, t4s
from kubelet_peer import Plugin, wait_until

# The pauses between two calls of Register to a kubelet that refuses, each twice the one before.
FIRST_PAUSE_SECONDS = 0.1
PAUSES = 4
# An allocator settles within the first restarts; a leak of 2 KiB for each later one would show.
MEMORY_SLACK_KIB = 160
KUBELET_DIRECTORY = "/var/lib/kubelet/device-plugins"
# With its last slash; nvidia-gpu.sock in it makes the 107 bytes of a unix socket.
LONGEST_FOLDER = 92
RESTARTS = 100
WARM_UP_RESTARTS = 20
# Others on the machine make files too and may take the number.
INODE_TRIES = 20


class Registration(AgentCase):
    def test_serves_before_it_registers(self):
        """Kubelet dials and asks for the options inside Register; a fault there refuses us."""
        kubelet, registration = self.start_node()
        self.assertEqual(kubelet.faults, [])
        self.assertEqual(len(kubelet.attempts), 1)
        self.assertTrue(registration.options.get_preferred_allocation_available)
        self.assertFalse(registration.options.pre_start_required)

    def test_says_what_kubelet_needs_to_know(self):
        _, registration = self.start_node()
        request = registration.request
        self.assertEqual(request.version, "v1beta1")
        self.assertEqual(request.endpoint, "nvidia-gpu.sock")
        self.assertEqual(request.resource_name, "nvidia.com/gpu")
        self.assertEqual(request.options, registration.options)

    def test_renamed_resource_has_its_own_socket(self):
        _, registration = self.start_node(config=shared(5, renameByDefault=True))
        self.assertEqual(registration.request.resource_name, "nvidia.com/gpu.shared")
        self.assertEqual(registration.request.endpoint, "nvidia-gpu.shared.sock")
        registration.watch.wait_count(5)

    def test_a_name_whose_socket_does_not_fit_takes_no_other_away(self):
        """nvidia-gpu.sock fits beside kubelet's to the byte."""
        above = len(os.fsencode(self.directory)) + len("//")
        self.assertLess(above, LONGEST_FOLDER)
        self.plugins = self.directory / ("d" * (LONGEST_FOLDER - above))
        self.plugins.mkdir()
        self.kubelet_socket = self.plugins / "kubelet.sock"
        self.set_scenario(scenario(gpu(0), a100(1)))
        kubelet, registration = self.start_node(config={
            "rota": {}, "resources": {"gpus": [{"pattern": "*A100*", "name": "large"},
                                               {"pattern": "*", "name": "gpu"}]}})
        self.assertEqual(registration.request.resource_name, "nvidia.com/gpu")
        registration.watch.wait_count(1)
        complaint, = self.status()["complaints"]
        self.assertEqual(complaint, "nvidia.com/large: its socket beside kubelet's has a path of 109 bytes, of at most "
                                    "107; give it a shorter name, or --kubelet-socket a shorter folder")
        self.assertIn(complaint, self.agent.log())
        self.set_config({"rota": {}})
        registration.watch.wait_count(2)
        self.assertEqual(self.status()["complaints"], [])
        self.assertEqual(kubelet.calls, 1)

    def test_agent_starts_before_kubelet(self):
        agent = self.start_agent()
        agent.wait_log("driver answers")
        self.start_kubelet().wait_registrations(1).watch.wait_count(1)

    def test_directory_is_made_after_the_agent_started(self):
        self.plugins.rmdir()
        agent = self.start_agent()
        agent.wait_log("driver answers")
        self.plugins.mkdir()
        self.start_kubelet().wait_registrations(1).watch.wait_count(1)

    def test_directory_is_replaced(self):
        """The directory under inotify is gone; only looking at its path again helps."""
        kubelet, _ = self.start_node()
        kubelet.stop()
        self.plugins.rename(self.directory / "old")
        self.plugins.mkdir()
        kubelet.registration_after(kubelet.start).watch.wait_count(1)
        inode = f"ino:{self.plugins.stat().st_ino:x} "
        wait_until(lambda: inode in self.inotify(), lambda: f"a watch on {inode} in {self.inotify()}")

    def inotify(self):
        """What the agent watches, as the system says it."""
        text = ""
        for path in pathlib.Path(f"/proc/{self.agent.pid}/fdinfo").iterdir():
            with contextlib.suppress(FileNotFoundError):
                text += path.read_text()
        return text

    def test_stale_socket_of_a_killed_kubelet(self):
        """A file that nobody listens on; kubelet replaces it when it starts."""
        kubelet = self.start_kubelet()
        kubelet.stop()
        kubelet.leave_stale_socket()
        agent = self.start_agent()
        agent.wait_log("kubelet did not register us")
        kubelet.start()
        kubelet.wait_registrations(1).watch.wait_count(1)

    @unittest.skipIf(os.path.exists(KUBELET_DIRECTORY), "this machine has a kubelet of its own")
    def test_no_kubelet_socket_means_no_registration(self):
        """An empty --kubelet-socket is NVIDIA's way to serve only; the place is then fixed."""
        agent = self.start_agent("--kubelet-socket=", "--agent-socket", str(self.agent_socket),
                                 has_sockets=False)
        agent.wait_log("replicas advertised")
        self.assertEqual(self.status()["kubeletSocket"], "")
        self.assertFalse(self.status()["resources"][0]["registered"])


class Refusals(AgentCase):
    def test_refused_registration_is_tried_with_growing_pauses(self):
        text = "the ResourceName \"nvidia.com/gpu\" is invalid: 100 % wrong"
        kubelet = self.start_kubelet(refusal=text)
        agent = self.start_agent()
        attempts = kubelet.wait_attempts(PAUSES + 1)
        pauses = [begin - end for (_, end), (begin, _) in zip(attempts, attempts[1:])]
        for number, pause in enumerate(pauses[:PAUSES]):
            self.assertGreaterEqual(pause, FIRST_PAUSE_SECONDS * 2 ** number, pauses)
        agent.wait_log("is invalid: 100 % wrong")
        kubelet.refusal = None
        kubelet.wait_registrations(1).watch.wait_count(1)

    def test_same_refusal_is_said_once(self):
        kubelet = self.start_kubelet(refusal="not today")
        agent = self.start_agent()
        kubelet.wait_attempts(4)
        self.assertEqual(agent.log().count("not today"), 1, agent.log())

    def test_new_kubelet_is_tried_at_once_whatever_the_old_one_said(self):
        kubelet = self.start_kubelet(refusal="not today")
        self.start_agent()
        kubelet.wait_attempts(4)
        kubelet.stop()
        kubelet.refusal = None
        kubelet.start()
        kubelet.wait_registrations(1)

    def test_answers_while_register_hangs(self):
        """Kubelet may be slow; our own calls and our end must not wait for it."""
        kubelet = self.start_kubelet(is_hanging=True)
        agent = self.start_agent()
        kubelet.wait_calls(1)
        plugin = Plugin(self.own_socket).dial()
        self.addCleanup(plugin.close)
        plugin.options()
        plugin.watch().wait_count(1)
        self.assertEqual(self.status()["resources"][0]["registrations"], 0)
        self.assertEqual(agent.stop(), 0)

    def test_kubelet_that_hung_is_restarted(self):
        kubelet = self.start_kubelet(is_hanging=True)
        self.start_agent()
        kubelet.wait_calls(1)
        kubelet.stop()
        kubelet.is_hanging = False
        kubelet.start()
        kubelet.wait_registrations(1).watch.wait_count(1)


class Losses(AgentCase):
    def wait_registered(self):
        """The agent has seen the answer of Register and the stream."""
        wait_until(lambda: self.status()["resources"][0]["registered"],
                   "a status that says registered")

    def test_kubelet_restarts(self):
        kubelet, _ = self.start_node()
        registration = kubelet.registration_after(kubelet.restart)
        registration.watch.wait_count(1)
        self.assertEqual(kubelet.faults, [])

    def test_socket_is_made_anew_while_the_stream_stays(self):
        """Kubelet's socket is another file: that alone says that it does not know us."""
        kubelet, _ = self.start_node()
        kubelet.stop_listening()
        kubelet.registration_after(kubelet.listen).watch.wait_count(1)

    def test_old_stream_ends_before_the_new_registration(self):
        """Up to 1.36 kubelet drops the new registration when the old stream ends after it."""
        kubelet, first = self.start_node()
        kubelet.stop_listening()
        ended_before = []
        kubelet.on_register = lambda: ended_before.append(self.has_ended(first.watch))
        kubelet.registration_after(kubelet.listen)
        self.assertEqual(ended_before, [True])

    @staticmethod
    def has_ended(watch):
        """The end was sent before Register, but our thread may not have read it yet."""
        try:
            watch.wait_end()
        except AssertionError:
            return False
        return True

    def test_socket_is_replaced_by_rename(self):
        """Never absent, so only its identity differs."""
        kubelet, _ = self.start_node()
        kubelet.stop_listening()
        kubelet.leave_stale_socket()
        made = str(self.directory / "new.sock")
        kubelet.listen(made)
        kubelet.registration_after(lambda: os.rename(made, kubelet.path)).watch.wait_count(1)

    def test_new_socket_has_the_inode_number_of_the_old_one(self):
        """ext4 gives a freed number to the next file, so inode and device alone do not tell."""
        kubelet, _ = self.start_node()
        for _ in range(INODE_TRIES):
            inode = os.lstat(kubelet.path).st_ino
            kubelet.registration_after(lambda: self.replace_unseen(kubelet)).watch.wait_count(1)
            if os.lstat(kubelet.path).st_ino == inode:
                return
        self.skipTest("this file system gives no inode number again")

    def replace_unseen(self, kubelet):
        """The agent sees the old socket, then the new one, and never none."""
        self.agent.tell(signal.SIGSTOP)
        try:
            kubelet.stop_listening()
            kubelet.listen()
        finally:
            self.agent.tell(signal.SIGCONT)

    def test_stream_ended_by_kubelet(self):
        kubelet, registration = self.start_node()
        self.wait_registered()
        kubelet.registration_after(registration.watch.cancel).watch.wait_count(1)

    def test_connection_closed_by_kubelet(self):
        kubelet, registration = self.start_node()
        self.wait_registered()
        kubelet.registration_after(registration.plugin.close).watch.wait_count(1)

    def test_kubelet_away_for_a_while(self):
        kubelet, _ = self.start_node()
        self.wait_registered()
        kubelet.stop()
        self.agent.wait_log("kubelet stopped watching")
        wait_until(lambda: not self.status()["resources"][0]["registered"],
                   "a status that says not registered")
        kubelet.start()
        kubelet.wait_registrations(2).watch.wait_count(1)
        self.wait_registered()

    def test_own_socket_deleted_then_kubelet_restarts(self):
        kubelet, _ = self.start_node()
        os.unlink(self.own_socket)
        kubelet.registration_after(kubelet.restart).watch.wait_count(1)
        self.assertEqual(kubelet.faults, [])

    def test_own_socket_deleted_for_good(self):
        """As after another plugin that had taken it, and our place with kubelet, and has ended."""
        kubelet, registration = self.start_node()
        os.unlink(self.own_socket)
        kubelet.wait_registrations(2).watch.wait_count(1)
        wait_until(lambda: registration.watch.is_over, "the end of the old stream")

    def test_own_socket_taken_by_a_plain_file(self):
        """Kubelet leaves files that are no sockets where they are."""
        kubelet, _ = self.start_node()
        os.unlink(self.own_socket)
        self.own_socket.write_text("in the way")
        kubelet.registration_after(kubelet.restart).watch.wait_count(1)

    def test_hundred_kubelet_restarts(self):
        self.set_scenario(t4s(4))
        kubelet, _ = self.start_node(config=shared(5))
        for count in range(1, RESTARTS + 1):
            registration = kubelet.registration_after(kubelet.restart)
            registration.watch.wait_count(20)
            if count == WARM_UP_RESTARTS:
                memory, descriptors = self.agent.resident_kib(), self.agent.descriptors()
        self.assertEqual(kubelet.faults, [])
        self.assertEqual(len(kubelet.registrations), RESTARTS + 1)
        # The connection of Register is closed a moment after its answer.
        wait_until(lambda: self.agent.descriptors() <= descriptors,
                   lambda: f"{descriptors} descriptors, there are {self.agent.descriptors()}")
        self.assert_memory_kept(memory, MEMORY_SLACK_KIB)


class Authority(AgentCase):
    """Kubelet has changed what it says here, and gRPC stacks have refused it for that."""

    def test_strange_authorities(self):
        _, registration = self.start_node()
        for authority in ("localhost", "localhost:0", "%2Fvar%2Flib%2Fkubelet%2Fnvidia-gpu.sock",
                          "unix", "nvidia-gpu.sock"):
            with self.subTest(authority=authority):
                plugin = Plugin(self.own_socket, authority).dial()
                self.addCleanup(plugin.close)
                self.assertTrue(plugin.options().get_preferred_allocation_available)
        self.assertFalse(registration.watch.is_over)

    def test_socket_path_as_authority_harms_nobody_else(self):
        """As kubelet before 1.26 does: no authority to RFC 3986, and nghttp2 refuses the call."""
        _, registration = self.start_node()
        plugin = Plugin(self.own_socket, str(self.own_socket))
        self.addCleanup(plugin.close)
        with self.assertRaises(grpc.RpcError):
            plugin.options()
        self.assertTrue(registration.plugin.options().get_preferred_allocation_available)
        self.assertFalse(registration.watch.is_over)


if __name__ == "__main__":
    unittest.main()
