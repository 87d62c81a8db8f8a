# SPDX-License-Identifier: Apache-2.0
"""A driver that is missing, empty, hung, killed or wrong: said with the remedy, and recovered from."""

import os
import signal
import unittest

import grpc

from agent_case import NVML, SIM, AgentCase, fault, has_library, scenario, shared, t4s, uuid
from kubelet_peer import wait_until

COUNT_CALL = "nvmlDeviceGetCount_v2"
HANG = [fault(COUNT_CALL, "hang")]
CRASH = [fault(COUNT_CALL, "crash")]
NOT_LOADED = [fault("nvmlInit_v2", "fail", error="NVML_ERROR_DRIVER_NOT_LOADED")]
# Shorter than the default, so that a hang is found within the patience of a test.
DEADLINE = "--driver-deadline=500ms"
KILLS = 5


class DriverCase(AgentCase):
    def driver_process(self):
        """The one that serves now; a killed one may still be there for a moment."""
        return wait_until(lambda: next(iter(self.agent.children()), 0), "a driver process")

    def kill_driver(self):
        """Also makes the next one meet the scenario at once, not at the next regular question."""
        pid = self.driver_process()
        os.kill(pid, signal.SIGKILL)
        # Not for its successor: one that crashes at once may live too short to be seen.
        wait_until(lambda: pid not in self.agent.children(), "the end of the driver process")

    def assert_answers(self, registration):
        """Whatever the driver does, kubelet does not wait for it."""
        options = registration.plugin.call("GetDevicePluginOptions", timeout=30)
        self.assertTrue(options.get_preferred_allocation_available)
        self.status()


@unittest.skipIf(has_library(), "this machine has an NVIDIA driver, which cannot be missing")
class NoLibrary(DriverCase):
    def setUp(self):
        super().setUp()
        self.library_path = self.directory / "lib"
        self.library_path.mkdir()

    def test_agent_ends_with_the_remedy(self):
        kubelet = self.start_kubelet()
        agent = self.start_agent()
        self.assertEqual(agent.wait(), 1)
        for text in (NVML, "install the driver", "--fail-on-init-error=false"):
            self.assertIn(text, agent.log())
        self.assertEqual(kubelet.calls, 0)
        self.assertFalse(self.agent_socket.exists())

    def test_agent_waits_if_told_to_and_goes_on_when_the_library_comes(self):
        kubelet = self.start_kubelet()
        agent = self.start_agent("--fail-on-init-error=false", config=shared(5))
        agent.wait_log("waiting for it")
        self.assertIn("install the driver", agent.log())
        status = self.status()
        self.assertFalse(status["driver"]["ok"])
        self.assertIn(NVML, status["driver"]["fault"])
        self.assertEqual(kubelet.calls, 0)
        (self.library_path / NVML).symlink_to(SIM / NVML)
        kubelet.wait_registrations(1).watch.wait_count(5)
        self.assertTrue(self.status()["driver"]["ok"])


class NoDriver(DriverCase):
    def test_agent_ends_with_the_remedy(self):
        self.set_scenario(t4s(1, faults=NOT_LOADED))
        agent = self.start_agent()
        self.assertEqual(agent.wait(), 1)
        self.assertIn("modprobe nvidia", agent.log())

    def test_agent_waits_if_told_to(self):
        """By the environment, which is how NVIDIA's chart says it."""
        self.set_scenario(t4s(1, faults=NOT_LOADED))
        kubelet = self.start_kubelet()
        agent = self.start_agent(environment={"FAIL_ON_INIT_ERROR": "false"})
        agent.wait_log("modprobe nvidia")
        self.set_scenario(t4s(1))
        kubelet.wait_registrations(1).watch.wait_count(1)

    def test_hang_at_the_start_is_waited_for_under_either_setting(self):
        self.set_scenario(t4s(1, faults=HANG))
        kubelet = self.start_kubelet()
        agent = self.start_agent(DEADLINE)
        agent.wait_log("did not answer within 500 ms")
        self.set_scenario(t4s(1))
        kubelet.wait_registrations(1).watch.wait_count(1)

    def test_crash_at_the_start_is_waited_for_under_either_setting(self):
        self.set_scenario(t4s(1, faults=CRASH))
        kubelet = self.start_kubelet()
        agent = self.start_agent()
        agent.wait_log("ended by signal 6")
        self.set_scenario(t4s(1))
        kubelet.wait_registrations(1).watch.wait_count(1)


class NoGpu(DriverCase):
    def test_gpus_appear(self):
        self.set_scenario(scenario())
        kubelet = self.start_kubelet()
        agent = self.start_agent(config=shared(5))
        agent.wait_log("no GPU on this node")
        self.assertTrue(self.status()["driver"]["ok"])
        self.assertEqual(kubelet.calls, 0)
        self.set_scenario(t4s(4))
        kubelet.wait_registrations(1).watch.wait_count(20)

    def test_one_more_gpu_appears(self):
        self.set_scenario(t4s(1))
        kubelet, registration = self.start_node(config=shared(5))
        registration.watch.wait_count(5)
        self.set_scenario(t4s(2))
        self.kill_driver()
        registration.watch.wait_count(10)
        self.assertEqual(kubelet.calls, 1)


class SickGpu(DriverCase):
    def wait_sick(self, registration, number, replicas):
        sick = {f"{uuid(number)}::{n}" for n in range(replicas)}
        registration.watch.wait(
            lambda watch: {text for text, health in watch.health().items()
                           if health == "Unhealthy"} == sick, "one GPU's replicas unhealthy")

    def test_lost_gpu_takes_its_replicas_and_no_others(self):
        """They leave together, and stay on the list: a pod that holds one must show it."""
        self.set_scenario(t4s(2))
        kubelet, registration = self.start_node(config=shared(3))
        registration.watch.wait_count(6)
        lost = [fault("nvmlDeviceGetHandleByIndex_v2", "fail", gpu=1,
                      error="NVML_ERROR_GPU_IS_LOST")]
        self.set_scenario(t4s(2, faults=lost))
        self.kill_driver()
        self.wait_sick(registration, 1, 3)
        self.assertEqual(len(registration.watch.health()), 6)
        self.set_scenario(t4s(2))
        self.kill_driver()
        registration.watch.wait_health("Healthy")
        self.assertEqual(kubelet.calls, 1)


    def test_gpu_that_falls_off_the_bus_leaves_though_nobody_asks(self):
        """NVML refuses to wait for events then, which is sooner than the next question."""
        self.set_scenario(t4s(2))
        _, registration = self.start_node(config=shared(3))
        registration.watch.wait_count(6)
        process = self.driver_process()
        self.set_scenario(t4s(2, faults=[{"do": "loseGpu", "gpu": 0}]))
        self.wait_sick(registration, 0, 3)
        self.assertEqual(len(registration.watch.health()), 6)
        self.assertEqual(self.driver_process(), process)

    def test_gpu_that_is_no_longer_counted_stays_on_the_list(self):
        self.set_scenario(t4s(2))
        kubelet, registration = self.start_node(config=shared(3))
        registration.watch.wait_count(6)
        self.set_scenario(t4s(1))
        self.kill_driver()
        self.wait_sick(registration, 1, 3)
        self.assertEqual(len(registration.watch.health()), 6)
        self.set_scenario(t4s(2))
        self.kill_driver()
        registration.watch.wait_health("Healthy")
        self.assertEqual(kubelet.calls, 1)


class Process(DriverCase):
    def test_killed_driver_process_is_replaced(self):
        kubelet, registration = self.start_node(config=shared(5))
        registration.watch.wait_count(5)
        for _ in range(KILLS):
            self.kill_driver()
        wait_until(lambda: self.status()["driver"]["ok"], "a driver that answers")
        registration.watch.wait_health("Healthy")
        self.assertEqual(len(registration.watch.health()), 5)
        self.assertEqual(kubelet.calls, 1)

    def test_hanging_driver(self):
        kubelet, registration = self.start_node(DEADLINE, config=shared(5))
        registration.watch.wait_health("Healthy")
        self.set_scenario(t4s(1, faults=HANG))
        registration.watch.wait_health("Unhealthy")
        self.assertEqual(len(registration.watch.health()), 5)
        self.assert_answers(registration)
        self.agent.wait_log("did not answer within 500 ms")
        self.assertIn("its GPUs are unhealthy meanwhile", self.agent.log())
        self.set_scenario(t4s(1))
        registration.watch.wait_health("Healthy")
        self.assertEqual(kubelet.calls, 1)

    def test_crashing_driver(self):
        kubelet, registration = self.start_node(config=shared(5))
        registration.watch.wait_health("Healthy")
        self.set_scenario(t4s(1, faults=CRASH))
        self.kill_driver()
        registration.watch.wait_health("Unhealthy")
        self.assert_answers(registration)
        self.set_scenario(t4s(1))
        registration.watch.wait_health("Healthy")
        self.assertEqual(kubelet.calls, 1)

    def test_failing_driver_after_a_good_start_does_not_end_the_agent(self):
        """fail-on-init-error is about the start; afterwards pods depend on us."""
        kubelet, registration = self.start_node(config=shared(5))
        registration.watch.wait_health("Healthy")
        self.set_scenario(t4s(1, faults=NOT_LOADED))
        self.kill_driver()
        registration.watch.wait_health("Unhealthy")
        self.assert_answers(registration)
        self.assertFalse(self.status()["driver"]["ok"])
        self.set_scenario(t4s(1))
        registration.watch.wait_health("Healthy")
        self.assertTrue(self.agent.is_running())
        self.assertEqual(kubelet.calls, 1)

    def test_stopped_driver_process_is_killed_at_its_deadline(self):
        """As one that hangs in the kernel: no signal handler of its own could help."""
        _, registration = self.start_node(DEADLINE, config=shared(5))
        registration.watch.wait_health("Healthy")
        pid = self.driver_process()
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: self.agent.children() and pid not in self.agent.children(),
                   "another driver process")
        registration.watch.wait_health("Healthy")

    def test_allocates_while_the_driver_hangs(self):
        _, registration = self.start_node(DEADLINE, config=shared(5))
        registration.watch.wait_health("Healthy")
        self.set_scenario(t4s(1, faults=HANG))
        self.kill_driver()
        for ordinal in range(5):
            registration.plugin.allocate([f"{uuid(0)}::{ordinal}"])
        registration.watch.wait_health("Unhealthy")
        with self.assertRaises(grpc.RpcError):
            registration.plugin.allocate(["nobody"])

    def test_ends_while_the_driver_hangs(self):
        self.set_scenario(t4s(1, faults=HANG))
        agent = self.start_agent()
        pid = self.driver_process()
        self.assertEqual(agent.stop(), 0)
        self.assertFalse(os.path.exists(f"/proc/{pid}"))


if __name__ == "__main__":
    unittest.main()
