# SPDX-License-Identifier: Apache-2.0
"""Start, reload and end, row by row of the reference's section 5: what NVIDIA's device plugin v0.20 does when it is
told something, or something around it changes.

5.5 is not applicable: NVIDIA's plugin starts its gRPC server anew when that crashes, and ends after five times. Ours
is part of the agent's one loop and cannot end without the agent, which kubelet starts again.
"""

import errno
import os
import signal
import unittest

import grpc

from agent_case import (
    BUILD, IS_SANITIZED, NVML, SIM, a100, fault, gpu, has_library, part, part_uuid, replica_ids, scenario, shared, strategy,
    t4s, uuid)
from kubelet_peer import Kubelet, wait_until
from nvidia_node import NodeRows

GOES_ON = "decision 4: it waits, and goes on by itself when there is something"
AT_ONCE = "it tries again by itself at once, then with growing pauses; NVIDIA's plugin begins anew after 30 s"
POLLED = "what inotify does not tell is seen by looking each 2 s; NVIDIA's plugin ends"
KEEPS = "a refused configuration leaves the old one in force; NVIDIA's plugin ends, its plugins already stopped"
IN_PLACE = "the list changes in place; NVIDIA's plugin stops and registers again"
SEEN = "it is seen within seconds; NVIDIA's plugin needs SIGHUP or a restart"
TOLD = "decision 7: kubelet is told that nothing is left; NVIDIA's plugin leaves the last number on the node"
FAULTS = BUILD / "tests" / "integration" / "libfaults.so"
NOT_LOADED = [fault("nvmlInit_v2", "fail", error="NVML_ERROR_DRIVER_NOT_LOADED")]
TWO = scenario(a100(0, part("1g.5gb", 1)), gpu(1))
MIXED = strategy("mixed")


class Watching(NodeRows):
    def check_restart_is_seen(self):
        self.kubelet.registration_after(self.kubelet.restart).watch.wait_count(1)
        self.assertTrue(self.agent.is_running())

    @unittest.skipIf(IS_SANITIZED, "what is preloaded and a sanitizer exclude each other")
    def test_inotify_that_refuses(self):
        mark = self.directory / "mark"
        with self.row("5.1 the directory cannot be watched", POLLED):
            registration = self.serve_one(t4s(1), environment={
                "LD_PRELOAD": str(FAULTS), "ROTA_FAULT_MARK": str(mark),
                "ROTA_FAULT": f"agent inotify_add_watch 1 {errno.ENOSPC} libuv"})
            registration.watch.wait_count(1)
            self.assertTrue(mark.exists(), "nothing was refused")
            self.check_restart_is_seen()

    def test_a_directory_that_is_not_there(self):
        self.kubelet.stop()
        os.rmdir(self.plugins)
        with self.row("5.1 no directory to watch", POLLED):
            self.start_agent()
            self.agent.wait_log("driver answers")
            os.mkdir(self.plugins)
            self.kubelet.start()
            self.kubelet.wait_registrations(1).watch.wait_count(1)
            self.check_restart_is_seen()


class Start(NodeRows):
    def assert_ends(self, *words):
        self.assertEqual(self.agent.wait(), 1)
        for word in words:
            self.assertIn(word, self.agent.log())

    def test_kubelet_that_is_not_there(self):
        with self.row("5.3 kubelet comes later", AT_ONCE):
            self.kubelet.stop()
            self.start_agent()
            self.agent.wait_log("kubelet's socket is not there, waiting for it")
            self.kubelet.start()
            self.kubelet.wait_registrations(1).watch.wait_count(1)
        with self.row("5.3 kubelet refuses", AT_ONCE):
            self.kubelet.refusal = "not today"
            self.start_agent()
            self.kubelet.wait_attempts(3)
            self.kubelet.refusal = None
            self.kubelet.wait_registrations(2).watch.wait_count(1)

    def test_directory_that_cannot_be_watched(self):
        """5.1 a folder that is missing: what makes the watcher fail in practice"""
        self.kubelet.stop()
        self.plugins = self.directory / "later"
        with self.row("5.1 no FS watcher", "it waits for the folder; NVIDIA's plugin ends"):
            self.start_agent(f"--kubelet-socket={self.plugins}/kubelet.sock")
            self.agent.wait_log("kubelet's socket is not there, waiting for it")
            self.plugins.mkdir()
            self.kubelet = self.start_kubelet()
            self.kubelet.wait_registrations(1).watch.wait_count(1)

    def test_one_resource_that_kubelet_refuses(self):
        """5.3 NVIDIA's plugin does not start those behind it"""
        def register(request, context):
            if request.resource_name == "nvidia.com/gpu":
                context.abort(grpc.StatusCode.UNKNOWN, "not this one")
            return Kubelet.Register(self.kubelet, request, context)

        self.kubelet.stop()
        self.kubelet = self.start_kubelet(Register=register)
        with self.row("5.3", AT_ONCE):
            by_name = self.serve(TWO, ["mig-1g.5gb"], config=MIXED)
            self.wait_ids(by_name["mig-1g.5gb"], {part_uuid(1)})
            self.agent.wait_log("not this one")

    def test_errors_before_the_start_end_it(self):
        for section, config, flags, word in (
                ("5.3 a configuration", {"version": "v2"}, (), "unknown version: v2"),
                ("5.3 no configuration file", None, ("--config-file=/nonexistent",), "error opening config file"),
                ("5.3 MIG", strategy("single"), (), "all devices on the node must be configured with the same"),
                ("5.3 IMEX", None, ("--imex-channel-ids=0", "--imex-required", f"--root={self.directory}"),
                 "error querying IMEX channels"),
                ("5.3 CDI", None, ("--device-list-strategy=cdi-cri", f"--root={self.directory}"), "CDI: no library")):
            with self.row(section):
                self.set_scenario(TWO)
                self.start_agent(*flags, config=config)
                self.assert_ends(word)
                self.assertEqual(self.kubelet.calls, 0)
                self.assertEqual(os.listdir(self.plugins), ["kubelet.sock"])

    def test_nvml_that_cannot_be_initialised(self):
        self.set_scenario(t4s(1, faults=NOT_LOADED))
        with self.row("5.6 failOnInitError is true"):
            self.start_agent()
            self.assert_ends("nvmlInit_v2", "modprobe nvidia", "--fail-on-init-error=false")
        with self.row("5.6 failOnInitError is false", GOES_ON):
            self.start_agent("--fail-on-init-error=false")
            self.agent.wait_log("driver does not answer, waiting for it")
            self.assertEqual(self.kubelet.calls, 0)
            self.set_scenario(t4s(1))
            self.kubelet.wait_registrations(1).watch.wait_count(1)
        self.set_scenario(t4s(1, faults=NOT_LOADED))
        with self.row("5.6 false, and CDI", GOES_ON + ", which NVIDIA's plugin cannot"):
            self.start_agent("--fail-on-init-error=false", "--device-list-strategy=cdi-cri")
            self.agent.wait_log("driver does not answer, waiting for it")
            self.status()

    @unittest.skipIf(has_library(), "this machine has an NVIDIA driver, which cannot be missing")
    def test_nvml_that_is_not_there(self):
        self.library_path = self.directory / "lib"
        self.library_path.mkdir()
        with self.row("5.6 no library, failOnInitError is true"):
            self.start_agent()
            self.assert_ends(NVML, "install the driver")
        for lists in ("cdi-cri", "envvar,cdi-annotations"):
            with self.row("2.1 no library, and CDI", "it is the driver that is said to be missing, with the remedy; "
                          "NVIDIA's text is that CDI is only supported on NVML-based systems"):
                self.start_agent(f"--device-list-strategy={lists}", f"--root={self.directory}")
                self.assert_ends(NVML, "install the driver")
                self.assertEqual(self.kubelet.calls, 0)
            with self.row("5.6 no library, and CDI, failOnInitError is false", GOES_ON + ", which NVIDIA's cannot"):
                self.start_agent(f"--device-list-strategy={lists}", f"--root={self.directory}",
                                 "--fail-on-init-error=false")
                self.agent.wait_log("driver does not answer, waiting for it")
                self.status()
        with self.row("5.6 no library, failOnInitError is false", GOES_ON):
            self.start_agent("--fail-on-init-error=false")
            self.agent.wait_log("driver does not answer, waiting for it")
            (self.library_path / NVML).symlink_to(SIM / NVML)
            self.kubelet.wait_registrations(1).watch.wait_count(1)

    def test_no_devices(self):
        for flags in ((), ("--fail-on-init-error=false",), ("--device-list-strategy=cdi-cri",)):
            with self.row("5.6 no GPU", flags):
                self.set_scenario(scenario())
                self.start_agent(f"--root={self.directory}", *flags)
                self.agent.wait_log("no GPU on this node")
                self.assertTrue(self.status()["driver"]["ok"])
                self.assertEqual(self.kubelet.calls, 0)
        with self.row("5.6 GPUs come", GOES_ON + "; NVIDIA's plugin waits for a signal"):
            self.start_agent()
            self.agent.wait_log("no GPU on this node")
            self.set_scenario(t4s(2))
            self.kubelet.wait_registrations(1).watch.wait_count(2)


class Told(NodeRows):
    def test_signals_that_end_it(self):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            with self.row("5.4", number.name):
                by_name = self.serve(TWO, ["gpu", "mig-1g.5gb"], config=MIXED)
                for registration in by_name.values():
                    registration.watch.wait_count(1)
                self.assertEqual(self.agent.stop(number), 0)
                self.assertEqual(os.listdir(self.plugins), ["kubelet.sock"], "its sockets are removed")
                for registration in by_name.values():
                    registration.watch.wait_end()
                    # 5.7: no empty list is sent, so that kubelet keeps what pods have.
                    self.assertEqual([len(devices) for devices in registration.watch.lists], [1])

    def test_sighup(self):
        registration = self.serve_one(t4s(1), config=shared(2))
        self.wait_ids(registration, replica_ids(1, 2))
        with self.subTest(row="5.4 the configuration is read again", differs=IN_PLACE):
            self.set_config(shared(3))
            self.agent.tell(signal.SIGHUP)
            self.wait_ids(registration, replica_ids(1, 3))
        with self.subTest(row="5.4 an invalid one", differs=KEEPS):
            for count, content in enumerate(({"version": "v2"}, "sharing: [", shared(1)), 1):
                self.set_config(content)
                self.agent.tell(signal.SIGHUP)
                self.agent.wait_log("new configuration refused, keeping the old one", count)
            self.assertIn("number of replicas must be >= 2", self.status()["configRefused"]["cause"])
            self.assertEqual(len(registration.plugin.allocate([f"{uuid(0)}::2"])), 1)
        with self.subTest(row="5.4 then a valid one"):
            self.set_config(shared(4))
            self.agent.tell(signal.SIGHUP)
            self.wait_ids(registration, replica_ids(1, 4))
        with self.subTest(row="5.9 what a pod holds stays", differs="decision 6: held ids are listed first"):
            self.set_config(shared(2))
            self.agent.tell(signal.SIGHUP)
            self.wait_ids(registration, {f"{uuid(0)}::0", f"{uuid(0)}::2"})
        self.assertEqual((self.kubelet.calls, self.agent.is_running()), (1, True))

    def test_sighup_with_another_name(self):
        first = self.serve_one(t4s(1), config=shared(2))
        first.watch.wait_count(2)
        self.set_config(shared(2, renameByDefault=True))
        second = self.kubelet.registration_after(lambda: self.agent.tell(signal.SIGHUP))
        with self.subTest(row="5.4 the new resource is registered"):
            self.assertEqual(second.request.resource_name, "nvidia.com/gpu.shared")
            second.watch.wait_count(2)
        with self.subTest(row="5.7 the old one ends", differs=TOLD):
            first.watch.wait_end()
            self.assertEqual(first.watch.health(), {})
            wait_until(lambda: not self.own_socket.exists(), "the old socket gone")


class Around(NodeRows):
    def test_kubelet_s_socket_is_made_again(self):
        by_name = self.serve(TWO, ["gpu", "mig-1g.5gb"], config=MIXED)
        for registration in by_name.values():
            registration.watch.wait_count(1)
        count = len(self.kubelet.registrations)
        self.kubelet.restart()
        self.kubelet.wait_registrations(count + 2)
        again = {registration.request.resource_name: registration
                 for registration in self.kubelet.registrations[count:]}
        with self.subTest(row="5.4 all are registered again, with the same ids"):
            self.assertEqual(set(again), {"nvidia.com/gpu", "nvidia.com/mig-1g.5gb"})
            self.wait_ids(again["nvidia.com/gpu"], {uuid(1)})
            self.wait_ids(again["nvidia.com/mig-1g.5gb"], {part_uuid(1)})
        with self.subTest(row="5.4 our sockets, which kubelet removed, are back"):
            self.assertEqual(sorted(os.listdir(self.plugins)),
                             ["kubelet.sock", "nvidia-gpu.sock", "nvidia-mig-1g.5gb.sock"])
        with self.subTest(row="5.4 another file beside it is nothing"):
            (self.plugins / "other.sock").touch()
            again["nvidia.com/gpu"].plugin.options()
            self.assertEqual(len(self.kubelet.registrations), count + 2)

    def test_our_own_socket_is_removed(self):
        """5.4 that is not watched, and what is open goes on"""
        registration = self.serve_one(t4s(1))
        registration.watch.wait_count(1)
        self.own_socket.unlink()
        self.assertEqual(len(registration.plugin.allocate([uuid(0)])), 1)
        self.kubelet.registration_after(self.kubelet.restart).watch.wait_count(1)
        self.assertTrue(self.own_socket.is_socket())

    def test_node_that_changes(self):
        by_name = self.serve(TWO, ["gpu", "mig-1g.5gb"], config=MIXED)
        self.wait_ids(by_name["gpu"], {uuid(1)})
        self.set_scenario(scenario(a100(0, part("2g.10gb", 2)), gpu(1), gpu(2)))
        new = self.kubelet.wait_registrations(3)
        with self.subTest(row="5.8 another partition", differs=SEEN):
            self.assertEqual(new.request.resource_name, "nvidia.com/mig-2g.10gb")
            self.wait_ids(new, {part_uuid(2)})
        with self.subTest(row="5.7 the old one", differs=TOLD):
            by_name["mig-1g.5gb"].watch.wait_end()
            self.assertEqual(by_name["mig-1g.5gb"].watch.health(), {})
        with self.subTest(row="5.8 a new GPU is not seen"):
            self.wait_ids(by_name["gpu"], {uuid(1)})
        with self.subTest(row="5.4 SIGHUP asks NVML anew", differs=IN_PLACE):
            self.agent.tell(signal.SIGHUP)
            self.wait_ids(by_name["gpu"], {uuid(1), uuid(2)})
            self.assertEqual(self.kubelet.calls, 3)

    def test_driver_that_fails_later(self):
        """5.6 is about the start"""
        registration = self.serve_one(t4s(1))
        registration.watch.wait_health("Healthy")
        self.set_scenario(t4s(1, faults=NOT_LOADED))
        os.kill(self.agent.children()[0], signal.SIGKILL)
        with self.subTest(row="5.6 after the start", differs="decision 4: nothing that the driver does then ends it"):
            registration.watch.wait_health("Unhealthy")
            self.assertTrue(self.agent.is_running())


if __name__ == "__main__":
    unittest.main()
