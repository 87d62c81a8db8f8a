# SPDX-License-Identifier: Apache-2.0
"""What the tables need that hold the running agent against NVIDIA's device plugin v0.20: one kubelet, and for each row
a node, an agent, and an end.

A row is a tuple or a dataclass that begins with its section of the reference. Where it has `differs`, Rota does
something else on purpose, and that says why.
"""

import contextlib

from agent_case import AgentCase
from kubelet_peer import wait_until

PREFIX = "nvidia.com/"
HEALTHY, ILL = "Healthy", "Unhealthy"


class NodeRows(AgentCase):
    def setUp(self):
        super().setUp()
        self.kubelet = self.start_kubelet()

    @contextlib.contextmanager
    def row(self, *words):
        """One row, as its own failure, and the end of its agent."""
        with self.subTest(row=words), self.explained():
            try:
                yield
            finally:
                if self.agent and self.agent.is_running():
                    self.agent.stop()

    def serve(self, node, names, *flags, config=None, environment=None):
        """Start an agent on this scenario. The registrations by resource name, once there are all of these, without
        NVIDIA's prefix."""
        self.set_scenario(node)
        before = len(self.kubelet.registrations)
        self.start_agent(*flags, config=config, environment=environment)
        wait_until(lambda: len(self.kubelet.registrations) >= before + len(names) or not self.agent.is_running(),
                   f"registrations of {sorted(names)}")
        return {registration.request.resource_name.removeprefix(PREFIX): registration
                for registration in self.kubelet.registrations[before:]}

    def serve_one(self, node, *flags, **keys):
        """The registration of the only resource."""
        registration, = self.serve(node, ["it"], *flags, **keys).values()
        return registration

    def names(self):
        """Of all resources that the agent has now, also of those that kubelet does not know yet."""
        return {resource["name"].removeprefix(PREFIX) for resource in self.status()["resources"]}

    def wait_ids(self, registration, ids, health=HEALTHY):
        registration.watch.wait(lambda watch: watch.health() == dict.fromkeys(ids, health),
                                f"{sorted(ids)} {health}")
