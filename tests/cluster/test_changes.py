# SPDX-License-Identifier: Apache-2.0
"""What changes while pods run: the configuration, a name, a GPU's health, the agent. Pods run on in the
containers that they had, and the node soon says how it is."""

import os
import re
import signal

import driver
from cluster_case import GPU
from plugin_case import BAD_CONFIG, BAD_PLACE, SHARED, TOLD_SECONDS, PluginCase, shared

# Of the agent's log.
READ = "configuration read again"
SETTLED = {"rota": {"health": {"settle": "0s"}}}


class Changes(PluginCase):
    def edit(self, step, config, expected):
        """Change the ConfigMap; the agent advertises what is expected, and then the node does.

        expected: {resource: (capacity, allocatable)}
        """
        before = self.agent_log().count(READ)
        self.set_config(config)
        self.sees(f"{step}: read again", 1, lambda: self.agent_log().count(READ) - before)
        self.sees_told(step, expected)

    def sees_told(self, step, expected):
        self.sees(f"{step}: the agent", expected, self.advertised)
        on_node = {name: tuple(map(str, amounts)) for name, amounts in expected.items()}
        self.sees(f"{step}: the node", on_node, lambda: {name: self.amounts(name) for name in expected},
                  seconds=TOLD_SECONDS)

    def sees_phase(self, name, phase):
        self.sees(f"a new pod {name}", phase, lambda: self.phase(name))

    def test_replicas_edited_up_and_down(self):
        self.install(shared(5))
        before = self.run_pods(4)
        self.edit("5 to 10", shared(10), {GPU: (10, 10)})
        self.sees_undisturbed("5 to 10", before)
        self.pod("large", count=6)
        self.sees_phase("large", "Running")
        before = self.identities()
        # Held are more than 5: none of it is taken off the list, and none of it is free.
        self.edit("10 to 5", shared(5), {GPU: (10, 10)})
        self.pod("late")
        self.sees_phase("late", "Pending")
        self.edit("renamed", shared(5, renameByDefault=True), {GPU: (10, 10)})
        before_restart = len(self.lengths())
        self.restart_kubelet()
        self.sees_amount("after kubelet's restart", 10)
        self.sees("lists meanwhile without what pods hold", [],
                  lambda: [n for n in self.lengths()[before_restart:] if n != 10])
        self.sees_undisturbed("after kubelet's restart", before)

    def lengths(self):
        """Of the lists that kubelet was sent, in their order; the agent logs those that differ."""
        return [int(n) for n in re.findall(r"replicas advertised.* count=(\d+)", self.agent_log())]

    def test_a_new_name_while_pods_hold_the_old_one_and_a_bad_configuration(self):
        self.install(shared(5))
        before = self.run_pods(2)
        self.edit("renamed", shared(5, renameByDefault=True), {GPU: (2, 2), SHARED: (3, 3)})
        self.pod("new", resource=SHARED)
        self.sees_phase("new", "Running")
        self.pod("old")
        self.sees_phase("old", "Pending")
        self.sees_undisturbed("renamed", before)
        self.node.kubectl("delete", "pod", "--now", "old", *before)
        before = self.identities()
        self.see_refused(BAD_CONFIG)
        self.sees("the bad one changes nothing", (3, 3), lambda: self.advertised()[SHARED])
        self.pod("late", resource=SHARED)
        self.sees_phase("late", "Running")
        self.edit("mended", shared(6, renameByDefault=True), {SHARED: (6, 6)})
        self.sees("nothing is refused", "", self.refusal)
        self.sees_amount("no pod has the old name", 0)
        self.sees_undisturbed("mended", before)

    def see_refused(self, config):
        self.set_config(config)
        self.sees("rota status names the fault and its line", True,
                  lambda: BAD_PLACE in self.refusal() and "must be >= 2" in self.refusal())
        self.sees("so does the log", True, lambda: self.refusal() in self.agent_log())
        self.sees("the metric says it", True, lambda: "rota_config_refused 1" in self.metrics())

    def refusal(self):
        """What `rota status` says of the file on disk."""
        refused = self.status()["configRefused"]
        return refused["cause"] if refused else ""

    def set_node(self, faults=(), **keys):
        """Two GPUs; keys of the second."""
        document = driver.scenario(2, faults=list(faults))
        for gpu in document["gpus"]:
            gpu["recoveryAction"] = "none"
        document["gpus"][1].update(keys)
        driver.write_scenario(document)

    def reasons(self):
        return [row["reason"] for row in self.status()["devices"]]

    def test_gpus_fall_ill_and_are_well_again_and_the_agent_is_killed(self):
        self.set_node()
        self.install({**shared(3), **SETTLED})
        before = self.run_pods(4)
        self.set_node(faults=[{"do": "loseGpu", "gpu": 0}])
        self.sees_told("GPU 0 fell off the bus", {GPU: (6, 3)})
        self.set_node(faults=[{"do": "loseGpu", "gpu": 0}], recoveryAction="gpuReset")
        self.sees_told("GPU 1 wants a reset", {GPU: (6, 0)})
        self.sees("the reason stands in rota status", [False, False],
                  lambda: [reason == "" for reason in self.reasons()])
        self.pod("late")
        self.sees_phase("late", "Pending")
        self.set_node()
        self.sees_told("both are well", {GPU: (6, 6)})
        self.sees_phase("late", "Running")
        self.kill_agent()
        self.sees_told("an agent that was killed is back", {GPU: (6, 6)})
        self.sees_undisturbed("to the end", before)
        self.pod("last")
        self.sees_phase("last", "Running")
        held = [ident for name in [*before, "late", "last"] for ident in self.held(name)]
        self.sees("each pod has a replica of its own", 6, lambda: len(set(held)))

    def kill_agent(self):
        os.kill(self.agent_process(), signal.SIGKILL)
        self.sees("the agent's container was restarted", [1], lambda: [
            row["restartCount"] for row in self.plugin_pod()["status"]["containerStatuses"]])
        self.wait_plugin()
