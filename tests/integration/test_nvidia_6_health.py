# SPDX-License-Identifier: Apache-2.0
"""Health, row by row of the reference's section 6: which errors of the driver NVIDIA's device plugin v0.20 takes a
device away for. docs/health.md says what Rota does; it brings devices back, NVIDIA's plugin never does."""

import signal
import unittest

from agent_case import a100, fault, gpu, part, part_uuid, scenario, shared, strategy, t4s, uuid
from nvidia_node import HEALTHY, ILL, NodeRows

BUILT_IN = (13, 31, 43, 45, 68, 109)
OTHERS = (1, 48, 63, 64, 74, 79, 94, 95, 119, 999, 5000)
XIDS = BUILT_IN + OTHERS
REPORTED = "driver reports an Xid error"
OFF, ON = "DP_DISABLE_HEALTHCHECKS", "DP_ENABLE_HEALTHCHECKS"
# Nobody returns while a test looks.
STAYS = {"version": "v1", "rota": {"health": {"settle": "1h"}}}
AT_ONCE = {"version": "v1", "rota": {"health": {"settle": "0s"}}}

EVENT_TRIES = 5

BOTH = "what is enabled wins, as NVIDIA's comment says; its code then watches nothing"
NO_EVENTS = "docs/health.md: what the driver says of the GPU itself decides, not whether it can report Xids"
RETURNS = "docs/health.md: a device returns when it is proven well; NVIDIA's plugin needs a restart"
WHOLE = "docs/health.md: this Xid concerns the whole GPU, whatever part the driver names"
ALL_PARTS = "all parts of the GPU; of NVIDIA's plugin only one, since its table keeps one device a GPU (its issue 1929)"
ALL_REPLICAS = "all replicas; of NVIDIA's plugin only one (its issue 1929)"
ACTION = "docs/health.md: the driver wants it; NVIDIA's plugin does not ask for that"
KEPT = "docs/health.md: neither a reload nor kubelet makes an ill GPU well; NVIDIA's plugin begins anew"


def event(number, xid, **keys):
    return {"id": f"{number}-{xid}-{len(keys)}", "gpu": number, "xid": xid, **keys}


# Variables -> what counts, of XIDS.
CHOICES = (
    ("6 built in", None, None, OTHERS, ""),
    ("6 set and empty", "", "", OTHERS, ""),
    ("6 disable one", "48", None, set(OTHERS) - {48}, ""),
    ("6 disable a list, trimmed", " 79 ,48,", None, set(OTHERS) - {48, 79}, ""),
    ("6 disable all", "all", None, (), ""),
    ("6 disable xids", "xids", None, (), ""),
    ("6 lower-cased", "ALL", None, (), ""),
    ("6 all among others", "48, Xids", None, (), ""),
    ("6 bad numbers are dropped", "x,48,-1,4.8", None, set(OTHERS) - {48}, ""),
    ("6 enable one that is built in", None, "13", {13, *OTHERS}, ""),
    ("6 enable a list, trimmed", None, " 31, 43 ", {31, 43, *OTHERS}, ""),
    ("6 enable all, the built-ins too", None, "all", XIDS, ""),
    ("6 enable a bad number", None, "x", OTHERS, ""),
    ("6 enable beats disable", "48", "48", OTHERS, ""),
    ("6 enable all beats disable", "48,79", "all", XIDS, ""),
    ("6 disable some, enable others", "48", "13", {13, *OTHERS} - {48}, ""),
    ("6 disable all, enable one", "all", "48", (48,), BOTH),
    ("6 disable all, enable all", "all", "all", XIDS, BOTH),
    ("6 disable xids, enable a built-in", "xids", "13", (13,), BOTH),
)


class Health(NodeRows):
    def wait_health(self, registration, expected):
        registration.watch.wait(lambda watch: watch.health() == expected, expected)

    def health(self, count, ill=()):
        return {uuid(n): ILL if n in ill else HEALTHY for n in range(count)}


class Xids(Health):
    def test_which_count(self):
        """Of as many GPUs as there are Xids, each meets one."""
        for section, disable, enable, ill, differs in CHOICES:
            with self.row(section, differs):
                environment = {name: text for name, text in ((OFF, disable), (ON, enable)) if text is not None}
                registration = self.serve_one(t4s(len(XIDS)), config=STAYS, environment=environment)
                self.wait_health(registration, self.health(len(XIDS)))
                self.set_scenario({**t4s(len(XIDS)), "events": [event(n, xid) for n, xid in enumerate(XIDS)]})
                self.agent.wait_log(REPORTED, len(XIDS))
                self.assertEqual(self.agent.log().count("does not count"), len(XIDS) - len(ill))
                self.wait_health(registration, self.health(len(XIDS), [XIDS.index(xid) for xid in ill]))

    def test_shared(self):
        """6 a GPU that is shared"""
        registration = self.serve_one(t4s(2), config={**shared(3), **STAYS})
        healthy = {f"{uuid(n)}::{k}": HEALTHY for n in range(2) for k in range(3)}
        self.wait_health(registration, healthy)
        self.set_scenario({**t4s(2), "events": [event(0, 79)]})
        with self.subTest(row="6 the replicas", differs=ALL_REPLICAS):
            self.wait_health(registration, {**healthy, **{f"{uuid(0)}::{k}": ILL for k in range(3)}})

    def test_events_that_are_no_xids(self):
        """6 they are skipped. One after the other, so the last has been read when a GPU falls ill"""
        node = t4s(3)
        registration = self.serve_one(node, config=STAYS)
        self.wait_health(registration, self.health(3))
        events = [{"id": "s", "gpu": 0, "type": "singleBitEcc"}, {"id": "d", "gpu": 1, "type": "doubleBitEcc"}]
        self.set_scenario({**node, "events": [*events, event(2, 79)]})
        self.wait_health(registration, self.health(3, [2]))
        self.assertEqual(self.agent.log().count(REPORTED), 1)


# Two parts of each GPU: GI 13 (the first) and 12, CI 0. Instances that the driver names, Xid -> which parts are ill.
NAMED = (
    ("6 GI and CI of the first", {"gpuInstance": 13, "computeInstance": 0}, 94, (0,), ""),
    ("6 GI and CI of the second", {"gpuInstance": 12, "computeInstance": 0}, 94, (1,), ""),
    ("6 GI of nobody", {"gpuInstance": 11, "computeInstance": 0}, 94, (), ""),
    ("6 CI of nobody", {"gpuInstance": 13, "computeInstance": 1}, 94, (), ""),
    ("6 neither is named", {}, 94, (0, 1), ALL_PARTS),
    ("6 named, but it is of the GPU", {"gpuInstance": 13, "computeInstance": 0}, 79, (0, 1), WHOLE),
    ("6 named, and it does not count", {"gpuInstance": 13, "computeInstance": 0}, 31, (), ""),
)


class Parts(Health):
    def test_instances(self):
        """A GPU for each row, so that one agent answers for all."""
        gpus = [a100(n, part("1g.5gb", 2 * n, start=6), part("1g.5gb", 2 * n + 1, start=5)) for n in range(len(NAMED))]
        registration = self.serve_one(scenario(*gpus), config={**strategy("single"), **STAYS})
        healthy = {part_uuid(n): HEALTHY for n in range(2 * len(NAMED))}
        self.wait_health(registration, healthy)
        events = [event(n, xid, **keys) for n, (_, keys, xid, _, _) in enumerate(NAMED)]
        self.set_scenario({**scenario(*gpus), "events": events})
        self.agent.wait_log(REPORTED, len(NAMED))
        ill = {part_uuid(2 * n + k): ILL for n, row in enumerate(NAMED) for k in row[3]}
        registration.watch.wait(lambda watch: sum(health == ILL for health in watch.health().values()) >= len(ill),
                                f"{len(ill)} parts ill")
        for n, (section, _, xid, parts, differs) in enumerate(NAMED):
            with self.subTest(row=section, xid=xid, differs=differs):
                now = registration.watch.health()
                self.assertEqual({k for k in range(2) if now[part_uuid(2 * n + k)] == ILL}, set(parts))

    def test_instances_of_a_gpu_that_is_advertised_whole(self):
        """6 with none no device is of MIG, so the instances are not looked at"""
        gpus = [a100(n, part("1g.5gb", 2 * n, start=6), part("1g.5gb", 2 * n + 1, start=5)) for n in range(4)]
        registration = self.serve_one(scenario(*gpus), config={**strategy("none"), **STAYS})
        self.wait_health(registration, self.health(4))
        events = [event(0, 94, gpuInstance=13, computeInstance=0), event(1, 94, gpuInstance=11, computeInstance=0),
                  event(2, 31, gpuInstance=13, computeInstance=0)]
        self.set_scenario({**scenario(*gpus), "events": events})
        self.agent.wait_log(REPORTED, len(events))
        self.wait_health(registration, self.health(4, [0, 1]))

    def test_a_part_that_is_ill_when_its_gpu_is_advertised_whole(self):
        node = scenario(a100(0, part("1g.5gb", 1, start=6), part("1g.5gb", 2, start=5)))
        parts = self.serve_one(node, config={**strategy("mixed"), **STAYS})
        parts.watch.wait_count(2)
        self.set_scenario({**node, "events": [event(0, 94, gpuInstance=13, computeInstance=0)]})
        self.wait_health(parts, {part_uuid(1): ILL, part_uuid(2): HEALTHY})
        with self.subTest(row="6 a reload to none", differs=KEPT):
            self.set_config({**strategy("none"), **STAYS})
            whole = self.kubelet.registration_after(lambda: None)
            self.wait_health(whole, self.health(1, [0]))
            self.assertEqual({device.health for devices in whole.watch.lists for device in devices}, {ILL})

    def test_a_part_that_is_a_gpu_of_its_own_name(self):
        """6 one health for each resource; what has another name is well"""
        node = scenario(a100(0, part("1g.5gb", 1, start=6), part("2g.10gb", 2)), gpu(1))
        by_name = self.serve(node, ["gpu", "mig-1g.5gb", "mig-2g.10gb"], config={**strategy("mixed"), **STAYS})
        self.wait_health(by_name["mig-1g.5gb"], {part_uuid(1): HEALTHY})
        self.set_scenario({**node, "events": [event(0, 94, gpuInstance=13, computeInstance=0)]})
        self.wait_health(by_name["mig-1g.5gb"], {part_uuid(1): ILL})
        self.wait_health(by_name["mig-2g.10gb"], {part_uuid(2): HEALTHY})
        self.wait_health(by_name["gpu"], {uuid(1): HEALTHY})


TOO_OLD = "GPU {}: the driver reports no Xid errors of it, so only what it answers when asked makes the GPU unhealthy; "
OF_ONE = "errors of GPU 0 are seen only when it is asked"
OF_ALL = "errors of GPUs are seen only when they are asked"

# A call of NVML that refuses: the GPU stays healthy.
UNSUPPORTED = (
    ("6 too old to support health checks", "nvmlDeviceGetSupportedEventTypes"),
    ("6 events that are not supported", "nvmlDeviceRegisterEvents"),
)

# A call of NVML that fails, of the first GPU where the complaint is about one -> the complaint. Nobody is ill.
REFUSALS = (
    ("6 supported events cannot be asked for", "nvmlDeviceGetSupportedEventTypes", "NVML_ERROR_UNKNOWN", OF_ONE,
     NO_EVENTS),
    ("6 events cannot be registered", "nvmlDeviceRegisterEvents", "NVML_ERROR_UNKNOWN", OF_ONE, NO_EVENTS),
    ("6 no set of events", "nvmlEventSetCreate", "NVML_ERROR_UNKNOWN", OF_ALL, NO_EVENTS),
    ("6 the wait fails again and again", "nvmlEventSetWait_v2", "NVML_ERROR_UNKNOWN", OF_ALL, NO_EVENTS),
)


class Events(Health):
    def test_refusals(self):
        for section, call, error, complaint, differs in REFUSALS:
            with self.row(section, differs):
                keys = {"gpu": 0} if complaint == OF_ONE else {}
                registration = self.serve_one(t4s(2, faults=[fault(call, "fail", error=error, **keys)]), config=STAYS)
                self.wait_health(registration, self.health(2))
                self.agent.wait_log(f'"driver has a complaint, going on" cause="{complaint}: {call}: ')
                self.assertEqual(len(registration.watch.lists), 1, "the list is sent once")

    def test_what_is_too_old_is_said_once_a_gpu(self):
        for section, call in UNSUPPORTED:
            with self.row(section):
                node = t4s(2, faults=[fault(call, "fail", error="NVML_ERROR_NOT_SUPPORTED")])
                registration = self.serve_one(node, config=STAYS)
                self.wait_health(registration, self.health(2))
                self.agent.tell(signal.SIGHUP)
                self.agent.wait_log("configuration read again")
                for text, number in zip(self.status()["complaints"], range(2), strict=True):
                    self.assertTrue(text.startswith(TOO_OLD.format(number)), text)
                    self.assertIn("DP_DISABLE_HEALTHCHECKS=xids", text)
                    self.assertEqual(self.agent.log().count(text), 1)
                self.assertEqual(len(registration.watch.lists), 1, "the list is sent once")

    def test_what_is_too_old_is_not_said_where_no_xid_counts(self):
        """6 disable xids"""
        node = t4s(2, faults=[fault("nvmlDeviceRegisterEvents", "fail", error="NVML_ERROR_NOT_SUPPORTED")])
        registration = self.serve_one(node, environment={OFF: "xids"})
        self.wait_health(registration, self.health(2))
        self.assertEqual(self.status()["complaints"], [])

    def test_an_event_of_a_gpu_that_the_resource_does_not_have(self):
        """6 an unknown UUID is ignored; of one that no resource has tests/unit/test_health.c knows"""
        names = {"version": "v1", "rota": {}, "resources": {"gpus": [{"pattern": "*A100*", "name": "big"},
                                                                  {"pattern": "*", "name": "small"}]}}
        node = scenario(gpu(0), a100(1))
        by_name = self.serve(node, ["small", "big"], config={**names, **STAYS})
        for registration in by_name.values():
            registration.watch.wait_count(1)
        self.set_scenario({**node, "events": [event(0, 79)]})
        self.wait_health(by_name["small"], {uuid(0): ILL})
        self.assertEqual(by_name["big"].watch.health(), {uuid(1): HEALTHY})
        self.assertEqual(len(by_name["big"].watch.lists), 1, "the list is sent once")

    def test_an_event_whose_uuid_cannot_be_read(self):
        """6 all are unhealthy. GPU 0, whose it is, is lost when it is asked next, and if that comes first, its event
        is not told: then again with another."""
        registration = self.serve_one(t4s(2), config=AT_ONCE)
        self.wait_health(registration, self.health(2))
        unread = [fault("nvmlDeviceGetUUID", "fail", gpu=0, error="NVML_ERROR_UNKNOWN")]
        for number in range(EVENT_TRIES):
            self.set_scenario({**t4s(2, faults=unread), "events": [{**event(0, 119), "id": f"x{number}"}]})
            registration.watch.wait(lambda watch: watch.health()[uuid(0)] == ILL, "GPU 0 ill")
            if REPORTED in self.agent.log():
                break
            self.set_scenario(t4s(2))
            self.wait_health(registration, self.health(2))
        self.wait_health(registration, self.health(2, [0, 1]))
        self.assertIn("Xid 119", self.status()["devices"][1]["reason"])

    def test_the_other_gpu_is_watched_all_the_same(self):
        """6 not supported"""
        node = t4s(2, faults=[fault("nvmlDeviceRegisterEvents", "fail", gpu=0, error="NVML_ERROR_NOT_SUPPORTED")])
        registration = self.serve_one(node, config=STAYS)
        self.wait_health(registration, self.health(2))
        self.set_scenario({**node, "events": [event(0, 79), event(1, 79)]})
        self.wait_health(registration, self.health(2, [1]))


class Recovery(Health):
    def test_who_returns(self):
        """GPU 0 meets an Xid that demands nothing, 1 one that demands a reboot, 2 is lost, 3 wants a reset."""
        def node(*faults, wanted=()):
            wanted = dict(wanted)
            gpus = [gpu(n, recoveryAction=wanted.get(n, "none")) for n in range(4)]
            return {**scenario(*gpus, faults=faults), "driver": {"version": "570.10"}}
        registration = self.serve_one(node(), config=AT_ONCE)
        self.wait_health(registration, self.health(4))
        self.set_scenario({**node({"do": "loseGpu", "gpu": 2}, wanted={1: "nodeReboot", 3: "gpuReset"}),
                           "events": [event(0, 94), event(1, 79)]})
        for number, section, differs in ((0, "6 an Xid that demands nothing", ""), (1, "6 Xid 79", ""),
                                         (2, "6 a lost GPU", ""),
                                         (3, "6 a recovery action", ACTION)):
            with self.subTest(row=section, differs=differs):
                registration.watch.wait(lambda watch, n=number: any(
                    device.ID == uuid(n) and device.health == ILL for devices in watch.lists for device in devices),
                    f"{section}: ill")
        self.wait_health(registration, self.health(4, [1, 2, 3]))
        self.set_scenario(node())
        with self.subTest(row="6 no recovery to Healthy ever", differs=RETURNS):
            self.wait_health(registration, self.health(4))
        self.assertEqual(self.kubelet.calls, 1, "nothing is started anew")

    def test_a_count_of_errors_that_is_not_told(self):
        """6 no recovery to Healthy ever: what Rota takes for a reset must be one"""
        first, refuses = gpu(0, eccErrors=5), [fault("nvmlDeviceGetTotalEccErrors", "fail", gpu=0,
                                                     error="NVML_ERROR_UNKNOWN")]
        registration = self.serve_one(scenario(first, gpu(1)), config=AT_ONCE)
        self.wait_health(registration, self.health(2))
        self.set_scenario({**scenario(first, gpu(1)), "events": [event(0, 119)]})
        self.wait_health(registration, self.health(2, [0]))
        # What becomes of GPU 1 tells that the driver was asked since.
        self.set_scenario(scenario(first, gpu(1, recoveryAction="gpuReset"), faults=refuses))
        self.wait_health(registration, self.health(2, [0, 1]))
        self.set_scenario(scenario(first, gpu(1, recoveryAction="none")))
        self.wait_health(registration, self.health(2, [0]))
        self.set_scenario(scenario(gpu(0, eccErrors=0), gpu(1, recoveryAction="none")))
        with self.subTest(row="6 a count that falls is a reset", differs=RETURNS):
            self.wait_health(registration, self.health(2))

    def test_what_makes_nobody_well(self):
        node = t4s(2)
        registration = self.serve_one(node, config=STAYS)
        self.wait_health(registration, self.health(2))
        self.set_scenario({**node, "events": [event(0, 79)]})
        self.wait_health(registration, self.health(2, [0]))
        with self.subTest(row="6 a reload", differs=KEPT):
            self.set_config({**STAYS, "sharing": {"timeSlicing": {"renameByDefault": True, "resources": [
                {"name": "gpu", "replicas": 2}]}}})
            shared_now = self.kubelet.registration_after(lambda: None)
            self.wait_health(shared_now, {f"{uuid(n)}::{k}": HEALTHY if n else ILL for n in range(2) for k in range(2)})
        with self.subTest(row="6 a restart of kubelet", differs=KEPT):
            again = self.kubelet.registration_after(self.kubelet.restart)
            again.watch.wait(lambda watch: watch.lists, "a list")
            self.assertEqual(set(again.watch.health().values()), {HEALTHY, ILL})
        with self.subTest(row="6 a restart of the plugin clears it"):
            self.agent.stop()
            registration = self.serve_one(node)
            self.wait_health(registration, self.health(2))


if __name__ == "__main__":
    unittest.main()
