# SPDX-License-Identifier: Apache-2.0
"""A GPU that falls ill leaves with all its replicas, says why, and returns when it is proven well."""

from agent_case import AgentCase, gpu, scenario, shared, uuid

# A settle time of nothing, so that a test need not wait for it; health_settle has tests of its own.
REPLICAS = 3
CONFIG = {**shared(REPLICAS), "rota": {"health": {"settle": "0s"}}}
HEALTHY, ILL = "Healthy", "Unhealthy"


def xid(number, **keys):
    return {"id": f"xid-{number}-{len(keys)}", "gpu": 0, "xid": number, **keys}


class HealthCase(AgentCase):
    """Two GPUs of three replicas; a change of the scenario is seen by the running driver process."""

    def start(self, environment=None, config=CONFIG):
        self.set_node()
        self.kubelet, registration = self.start_node(config=config, environment=environment)
        self.watch = registration.watch
        self.wait_health([HEALTHY, HEALTHY])

    def set_node(self, events=(), faults=(), **first):
        """first: keys of the first GPU."""
        self.set_scenario({**scenario(gpu(0, **first), gpu(1), faults=faults),
                           "driver": {"version": "570.10"}, "events": list(events)})

    def wait_health(self, expected):
        """Of each GPU, by all of its replicas alike, none of which may be missing."""
        wanted = {f"{uuid(number)}::{n}": expected[number] for number in range(2)
                  for n in range(REPLICAS)}
        self.watch.wait(lambda watch: watch.health() == wanted, expected)

    def reason(self, number=0):
        device = self.status()["devices"][number]
        self.assertEqual(device["healthy"], device["reason"] == "")
        return device["reason"]

    def assert_not_registered_again(self):
        self.assertEqual(self.kubelet.calls, 1)


class Xids(HealthCase):
    def test_all_replicas_leave_together_and_return_when_the_driver_wants_nothing(self):
        self.start()
        self.set_node([xid(79)], recoveryAction="nodeReboot")
        self.wait_health([ILL, HEALTHY])
        # No list has only some of them.
        ill = [sum(device.health == ILL for device in devices) for devices in self.watch.lists]
        self.assertEqual(set(ill), {0, REPLICAS})
        self.assertIn("Xid 79", self.reason())
        self.assertEqual(self.reason(1), "")
        self.set_node([xid(79)], recoveryAction="none")
        self.wait_health([HEALTHY, HEALTHY])
        self.assertEqual(self.reason(), "")
        self.assert_not_registered_again()
        self.assertIn("device is healthy again", self.agent.log())

    def test_an_xid_of_a_program_does_not_count(self):
        self.start()
        self.set_node([xid(31)])
        self.agent.wait_log("Xid error that does not count")
        self.assertEqual(self.reason(), "")
        self.set_node([xid(31), xid(94)], recoveryAction="gpuReset")
        self.wait_health([ILL, HEALTHY])

    def test_disabled_xids_do_not_count(self):
        self.start({"DP_DISABLE_HEALTHCHECKS": "94, nonsense"})
        self.assertIn("nonsense", self.agent.log())
        self.set_node([xid(94)])
        self.agent.wait_log("Xid error that does not count")
        self.set_node([xid(94), xid(95)], recoveryAction="gpuReset")
        self.wait_health([ILL, HEALTHY])

    def test_enabled_wins_over_disabled(self):
        self.start({"DP_DISABLE_HEALTHCHECKS": "all", "DP_ENABLE_HEALTHCHECKS": "31"})
        self.set_node([xid(79)])
        self.agent.wait_log("Xid error that does not count")
        self.set_node([xid(79), xid(31)], recoveryAction="gpuReset")
        self.wait_health([ILL, HEALTHY])


class Conditions(HealthCase):
    def test_a_recovery_action_alone_is_an_illness(self):
        self.start()
        self.set_node(recoveryAction="gpuReset")
        self.wait_health([ILL, HEALTHY])
        self.assertIn("reset", self.reason())
        self.set_node(recoveryAction="none")
        self.wait_health([HEALTHY, HEALTHY])

    def test_a_gpu_that_is_lost_stays_on_the_list_and_comes_back(self):
        self.start()
        self.set_node(faults=[{"do": "loseGpu", "gpu": 0}])
        self.wait_health([ILL, HEALTHY])
        self.assertIn("bus", self.reason())
        self.set_node()
        self.wait_health([HEALTHY, HEALTHY])
        self.assert_not_registered_again()

    def test_it_settles_before_it_returns(self):
        self.start(config={**shared(REPLICAS), "rota": {"health": {"settle": "1h"}}})
        self.set_node(recoveryAction="gpuReset")
        self.wait_health([ILL, HEALTHY])
        self.set_node(recoveryAction="none")
        self.agent.wait_log("device is unhealthy", 2)  # with another reason: it settles
        self.set_config(CONFIG)
        self.wait_health([HEALTHY, HEALTHY])

    def test_a_pod_may_still_be_given_what_kubelet_believes_to_be_well(self):
        """Kubelet decides by the list; what it asks for a moment too early is not refused."""
        self.start()
        self.set_node(recoveryAction="gpuReset")
        self.wait_health([ILL, HEALTHY])
        answer, = self.kubelet.registrations[0].plugin.allocate([f"{uuid(0)}::0"])
        self.assertEqual(dict(answer.envs)["NVIDIA_VISIBLE_DEVICES"], uuid(0))
