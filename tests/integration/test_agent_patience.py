# SPDX-License-Identifier: Apache-2.0
"""What the agent does only after some seconds: the registrations that take long to see."""

import time
import unittest

from agent_case import AgentCase

# Longer than the wait for a stream and than the slow look at the directory.
QUIET_SECONDS = 7


class Patience(AgentCase):
    def test_register_without_an_answer_is_given_up_and_tried_again(self):
        kubelet = self.start_kubelet(is_hanging=True)
        kubelet.on_register = lambda: setattr(kubelet, "is_hanging", kubelet.calls == 1)
        agent = self.start_agent()
        kubelet.wait_registrations(1).watch.wait_count(1)
        self.assertIn("kubelet did not register us", agent.log())

    def test_registers_again_when_no_stream_follows(self):
        """Kubelet up to 1.36 may lose a plugin that it has just registered, and never tries again."""
        kubelet, _ = self.start_node(opens_stream=False)
        kubelet.opens_stream = True
        kubelet.wait_registrations(2).watch.wait_count(1)
        first, second = kubelet.registrations
        self.assertGreaterEqual(second.at - first.answered_at, 1.0, "not in a busy loop")

    def test_registers_once_while_all_is_well(self):
        """Other files come and go in kubelet's directory all the time."""
        kubelet, registration = self.start_node()
        for number in range(50):
            path = self.plugins / f"other-{number}.sock"
            path.write_text("")
            path.unlink()
        (self.plugins / "kubelet_internal_checkpoint").write_text("{}")
        time.sleep(QUIET_SECONDS)
        registration.plugin.options()
        self.assertEqual(kubelet.calls, 1)
        self.assertFalse(registration.watch.is_over)


if __name__ == "__main__":
    unittest.main()
