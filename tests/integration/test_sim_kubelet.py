# SPDX-License-Identifier: Apache-2.0
"""The stand-in kubelet against a plugin on python3-grpcio: what kubelet promises to plugins."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time
import unittest

import grpc

from deviceplugin import device, message
from plugin_stub import RESOURCE, Plugin
from simkubelet import PATIENCE_SECONDS, SimKubelet

LOOP = "echo started; while true; do sleep 0.1; done"


class Case(unittest.TestCase):
    """A node in a directory of its own; nothing of it may be left."""

    options = ("--backoff-ms", "50", "--terminate-ms", "100")
    prefix = ()

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rota-kubelet-"))
        self.addCleanup(shutil.rmtree, self.root)
        self.directory = self.root / "device-plugins"
        self.directory.mkdir()
        self.mounts_before = pathlib.Path("/proc/self/mountinfo").read_text()
        self.addCleanup(self.check_mounts)
        self.kubelet = self.start()

    def start(self, *options, directory=None):
        kubelet = SimKubelet(directory or self.directory, *self.options, *options,
                             prefix=self.prefix)
        self.addCleanup(self.end, kubelet)
        return kubelet

    def end(self, kubelet):
        if not kubelet.process.stdout.closed:
            self.assertEqual(kubelet.close(), 0)

    def check_mounts(self):
        self.assertEqual(pathlib.Path("/proc/self/mountinfo").read_text(), self.mounts_before)

    def plugin(self, *args, **options):
        plugin = Plugin(self.directory, *args, **options)
        self.addCleanup(plugin.close)
        return plugin

    def registered(self, *args, **options):
        """A plugin whose first list kubelet has taken."""
        plugin = self.plugin(*args, **options)
        plugin.register()
        self.kubelet.wait("list", resource=RESOURCE)
        return plugin

    def numbers(self):
        state = self.kubelet.state()
        return state["capacity"].get(RESOURCE), state["allocatable"].get(RESOURCE)

    def running(self, name, command=LOOP, **fields):
        self.kubelet.create(name, command, **fields)
        return self.kubelet.wait("pod", name=name, phase="Running")

    def failed(self, name, **fields):
        self.kubelet.create(name, LOOP, **fields)
        event = self.kubelet.wait("pod", name=name, phase="Failed")
        self.assertEqual(event["reason"], "UnexpectedAdmissionError")
        return event["message"]


class Registration(Case):
    def test_asks_for_options_before_it_answers(self):
        plugin = self.plugin(pre_start_required=True, get_preferred_allocation_available=True)
        plugin.may_answer_options.clear()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            register = pool.submit(plugin.register)
            plugin.called("GetDevicePluginOptions")
            self.assertFalse(register.done())
            self.assertTrue(plugin.calls.empty(), "nothing else may be asked before the options")
            plugin.may_answer_options.set()
            register.result(PATIENCE_SECONDS)
        plugin.called("ListAndWatch")
        event = self.kubelet.wait("registered", resource=RESOURCE, endpoint="plugin.sock")
        self.assertEqual(event["options"], {"preStartRequired": True,
                                            "getPreferredAllocationAvailable": True})

    def refusal(self, plugin, **fields):
        with self.assertRaises(grpc.RpcError) as caught:
            plugin.register(**fields)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNKNOWN)
        self.kubelet.wait("refused")
        return caught.exception.details()

    def test_refuses_an_unknown_version(self):
        plugin = self.plugin()
        self.assertEqual(self.refusal(plugin, version="v1"),
                         'requested API version "v1" is not supported by kubelet. '
                         'Supported version is ["v1beta1"]')
        self.assertTrue(plugin.calls.empty())

    def test_refuses_a_name_that_is_no_extended_resource(self):
        plugin = self.plugin()
        self.assertEqual(self.refusal(plugin, resource="gpu"), 'the ResourceName "gpu" is invalid')

    def test_says_that_a_plugin_cannot_be_dialled(self):
        plugin = self.plugin()
        plugin.name = "nobody.sock"
        self.assertIn("failed to dial device plugin", self.refusal(plugin))

    def test_says_that_the_options_failed(self):
        plugin = self.plugin()
        plugin.error["GetDevicePluginOptions"] = "not today"
        self.assertEqual(self.refusal(plugin), "failed to get device plugin options: "
                         "rpc error: code = Unknown desc = not today")

    def test_refuses_what_is_no_request(self):
        with grpc.insecure_channel(f"unix:{self.directory}/kubelet.sock") as channel:
            register = channel.unary_unary("/v1beta1.Registration/Register")
            with self.assertRaises(grpc.RpcError) as caught:
                register(b"\xff\xff", timeout=PATIENCE_SECONDS)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INTERNAL)


class Lists(Case):
    def test_a_list_is_the_whole_truth(self):
        plugin = self.registered(devices=("a", "b", device("c", healthy=False, numa=1)))
        self.assertEqual(self.numbers(), (3, 2))
        plugin.list("b")
        self.kubelet.wait("node", capacity={RESOURCE: 1}, allocatable={RESOURCE: 1})
        plugin.list()
        self.kubelet.wait("node", capacity={RESOURCE: 0}, allocatable={RESOURCE: 0})

    def test_shows_nothing_before_the_first_list(self):
        plugin = self.plugin()
        plugin.lists.get()
        plugin.register()
        plugin.called("ListAndWatch")
        self.assertEqual(self.numbers(), (None, None))
        plugin.list("a")
        self.kubelet.wait("node", capacity={RESOURCE: 1})

    def test_counts_an_id_of_both_healths_twice_and_a_repeated_one_once(self):
        self.registered(devices=("a", "a", "b", device("b", healthy=False)))
        self.assertEqual(self.numbers(), (3, 2))

    def test_keeps_health_and_numa_nodes(self):
        self.registered(devices=(device("a", numa=1), device("b", healthy=False)))
        devices = self.kubelet.state()["resources"][RESOURCE]["devices"]
        self.assertEqual(devices, [{"id": "a", "healthy": True, "numa": [1]},
                                   {"id": "b", "healthy": False, "numa": []}])

    def test_takes_a_large_list(self):
        self.registered(devices=[f"GPU-{n:036}" for n in range(10000)])
        self.assertEqual(self.numbers(), (10000, 10000))

    def test_the_end_of_the_stream_takes_the_devices_and_keeps_the_capacity(self):
        plugin = self.registered()
        plugin.end_stream()
        self.kubelet.wait("ended", resource=RESOURCE)
        self.kubelet.wait("node", capacity={RESOURCE: 2}, allocatable={RESOURCE: 0})
        self.assertFalse(self.kubelet.state()["resources"][RESOURCE]["served"])

    def test_the_same_plugin_may_come_again(self):
        plugin = self.registered()
        plugin.end_stream()
        self.kubelet.wait("node", allocatable={RESOURCE: 0})
        plugin.list("a", "b", "c")
        plugin.register()
        self.kubelet.wait("node", capacity={RESOURCE: 3}, allocatable={RESOURCE: 3})

    def test_the_newest_registration_wins(self):
        old = self.registered(devices=("a",))
        self.registered("newer.sock", devices=("a", "b"))
        old.list()
        old.end_stream()
        self.kubelet.wait("ended", resource=RESOURCE)
        self.assertEqual(self.numbers(), (2, 2))


class Grace(Case):
    options = ("--grace-ms", "100")

    def test_a_lost_plugin_is_forgotten_after_the_grace(self):
        self.registered().end_stream()
        self.kubelet.wait("node", capacity={RESOURCE: 2}, allocatable={RESOURCE: 0})
        self.kubelet.wait("node", capacity={RESOURCE: 0}, allocatable={RESOURCE: 0})
        self.assertEqual(self.kubelet.state()["resources"][RESOURCE]["state"], "stopped")


class Race(Case):
    options = ("--race-1.36",)

    def test_the_end_of_an_old_stream_takes_the_new_plugin_with_it(self):
        old = self.registered(devices=("a",))
        self.registered("newer.sock", devices=("a", "b"))
        old.end_stream()
        self.kubelet.wait("node", capacity={RESOURCE: 2}, allocatable={RESOURCE: 0})


class Admission(Case):
    def test_asks_for_exactly_one_container(self):
        plugin = self.registered()
        pod = self.running("one", resource=RESOURCE, count=2)
        request = plugin.called("Allocate")
        self.assertEqual(len(request.container_requests), 1)
        self.assertEqual(sorted(request.container_requests[0].devices_ids), ["a", "b"])
        self.assertEqual(sorted(pod["devices"]), ["a", "b"])

    def test_follows_the_preference_drops_what_is_not_free_and_fills_up(self):
        plugin = self.registered(devices=[f"d{n}" for n in range(8)],
                                 get_preferred_allocation_available=True)
        plugin.preferred = lambda available, size: ["d5", "nothing", "d5"]
        pod = self.running("one", resource=RESOURCE, count=3)
        request = plugin.called("GetPreferredAllocation").container_requests[0]
        self.assertEqual(len(request.available_deviceIDs), 8)
        self.assertEqual(request.allocation_size, 3)
        self.assertEqual(list(request.must_include_deviceIDs), [])
        self.assertIn("d5", pod["devices"])
        self.assertEqual(len(set(pod["devices"])), 3)

    def test_asks_for_the_preference_also_when_all_is_needed(self):
        plugin = self.registered(get_preferred_allocation_available=True)
        self.running("one", resource=RESOURCE, count=2)
        plugin.called("GetPreferredAllocation")

    def test_offers_only_what_nobody_holds(self):
        plugin = self.registered(devices=("a", "b", "c"), get_preferred_allocation_available=True)
        first = self.running("one", resource=RESOURCE)
        plugin.called("GetPreferredAllocation")
        self.running("two", resource=RESOURCE)
        request = plugin.called("GetPreferredAllocation").container_requests[0]
        self.assertEqual(sorted(request.available_deviceIDs),
                         sorted({"a", "b", "c"} - set(first["devices"])))

    def test_pods_wait_until_there_is_room_and_go_in_order(self):
        plugin = self.registered(devices=("a",))
        self.running("one", resource=RESOURCE)
        for name in ("two", "three"):
            self.kubelet.create(name, LOOP, resource=RESOURCE)
            event = self.kubelet.wait("pod", name=name, reason="Unschedulable")
            self.assertEqual(event["phase"], "Pending")
            self.assertEqual(event["message"],
                             f"0/1 nodes are available: 1 Insufficient {RESOURCE}.")
        plugin.list("a", "b")
        self.kubelet.wait("pod", name="two", phase="Running")
        self.assertEqual(self.kubelet.pod("three")["phase"], "Pending")
        self.kubelet.do("delete", name="one")
        self.kubelet.wait("deleted", name="one")
        self.kubelet.wait("pod", name="three", phase="Running")

    def test_a_refusal_fails_the_pod_with_the_words_of_kubelet(self):
        plugin = self.registered()
        plugin.error["Allocate"] = "no luck"
        self.assertEqual(self.failed("one", resource=RESOURCE),
                         "Allocate failed due to rpc error: code = Unknown desc = no luck, "
                         "which is unexpected")
        # Kubelet never admits that pod again, and it holds nothing.
        plugin.error.clear()
        self.running("two", resource=RESOURCE, count=2)
        self.assertEqual(self.kubelet.pod("one")["phase"], "Failed")

    def test_a_failing_preference_fails_the_pod(self):
        plugin = self.registered(get_preferred_allocation_available=True)
        plugin.error["GetPreferredAllocation"] = "no idea"
        self.assertIn("desc = no idea", self.failed("one", resource=RESOURCE))

    def test_an_answer_for_no_container_fails_the_pod(self):
        self.registered().answer = None
        self.assertEqual(self.failed("one", resource=RESOURCE),
                         "Allocate failed due to no containers return in allocation response, "
                         "which is unexpected")

    def test_ids_that_vanished_are_not_counted_as_free(self):
        plugin = self.registered(devices=("a",))
        self.running("one", resource=RESOURCE)
        plugin.list("a::0", "a::1")
        self.kubelet.wait("node", allocatable={RESOURCE: 2})
        self.running("two", resource=RESOURCE)
        # The scheduler counts the request of the first pod, whatever its id is called.
        self.kubelet.create("three", LOOP, resource=RESOURCE)
        self.kubelet.wait("pod", name="three", reason="Unschedulable")

    def test_a_pod_without_a_resource_just_runs(self):
        self.running("plain")


class Start(Case):
    def test_pre_start_comes_before_each_start(self):
        plugin = self.registered(pre_start_required=True)
        self.kubelet.create("one", "exit 3", resource=RESOURCE)
        ids = list(plugin.called("Allocate").container_requests[0].devices_ids)
        self.assertEqual(list(plugin.called("PreStartContainer").devices_ids), ids)
        self.kubelet.wait("pod", name="one", reason="Error", message="exit status 3")
        self.assertEqual(list(plugin.called("PreStartContainer").devices_ids), ids)
        self.kubelet.wait("pod", name="one", restarts=1)

    def test_a_failing_pre_start_is_tried_again_and_allocates_nothing_anew(self):
        plugin = self.registered(pre_start_required=True)
        plugin.error["PreStartContainer"] = "still warming"
        self.kubelet.create("one", LOOP, resource=RESOURCE)
        event = self.kubelet.wait("pod", name="one", reason="CreateContainerConfigError")
        self.assertEqual(event["message"],
                         "rpc error: code = Unknown desc = still warming")
        plugin.error.clear()
        event = self.kubelet.wait("pod", name="one", phase="Running")
        self.assertEqual(event["restarts"], 0)
        calls = [name for name, _ in list(plugin.calls.queue)]
        self.assertEqual(calls.count("Allocate"), 1)

    def test_a_container_waits_for_a_lost_plugin_that_wants_pre_start(self):
        plugin = self.registered(devices=("a",), pre_start_required=True)
        flag = self.root / "flag"
        self.running("one", f"while ! test -e {flag}; do sleep 0.05; done", resource=RESOURCE)
        plugin.end_stream()
        self.kubelet.wait("ended", resource=RESOURCE)
        flag.touch()
        event = self.kubelet.wait("pod", name="one", reason="CreateContainerConfigError")
        self.assertEqual(event["message"], f"endpoint of {RESOURCE} has been stopped")
        flag.unlink()
        plugin.list("a")
        plugin.register()
        self.kubelet.wait("pod", name="one", phase="Running", reason=None, restarts=1)

    def test_a_restarted_container_keeps_its_allocation(self):
        plugin = self.registered()
        plugin.answer = {"envs": {"GIVEN": "value"}}
        self.kubelet.create("one", "echo $GIVEN; exit 0", resource=RESOURCE)
        self.kubelet.wait("pod", name="one", restarts=2)
        self.assertIn("value\nvalue\n", self.kubelet.log("one", "value\nvalue\n"))
        self.assertEqual([name for name, _ in list(plugin.calls.queue)].count("Allocate"), 1)

    def test_a_command_that_is_not_there_is_said(self):
        self.kubelet.create("one", ["/no/such/program"])
        event = self.kubelet.wait("pod", name="one", reason="RunContainerError")
        self.assertEqual(event["message"], "/no/such/program: No such file or directory")
        self.assertEqual(event["phase"], "Pending")

    def test_a_pod_that_is_not_restarted_gives_its_devices_back(self):
        self.registered(devices=("a",))
        self.kubelet.create("one", "exit 0", resource=RESOURCE, restartPolicy="Never")
        self.kubelet.wait("pod", name="one", phase="Succeeded")
        self.running("two", resource=RESOURCE)


# A mount namespace can only be cut off from its parent where / is a mount point.
NEEDS_MOUNTS = unittest.skipUnless(
    any(line.split()[4] == "/"
        for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()),
    "/ is no mount point here, as in a chroot, so pods have no mounts")


class Edits(Case):
    def answer(self, **answer):
        plugin = self.registered()
        plugin.answer = answer
        return plugin

    def log(self, command, text, **fields):
        self.kubelet.create("one", f"{command}; echo end; {LOOP}", resource=RESOURCE, **fields)
        return self.kubelet.log("one", text)

    def test_the_environment_of_the_pod_comes_after_that_of_the_plugin(self):
        self.answer(envs={"FROM_PLUGIN": "1", "BOTH": "plugin"})
        log = self.log("env", "end", env={"FROM_POD": "2", "BOTH": "pod"})
        for line in ("FROM_PLUGIN=1", "FROM_POD=2", "BOTH=pod", "HOSTNAME=one"):
            self.assertIn(line, log.splitlines())
        self.assertNotIn("HOME=", log, "the environment of the node must not leak into pods")

    def test_visible_devices_reach_the_simulated_driver(self):
        self.answer(envs={"NVIDIA_VISIBLE_DEVICES": "GPU-1,GPU-2"})
        self.assertIn("ROTA_SIM_VISIBLE=GPU-1,GPU-2", self.log("env", "end"))

    def test_a_pod_without_a_device_sees_none(self):
        self.kubelet.create("plain", f"env; {LOOP}")
        self.kubelet.log("plain", "ROTA_SIM_VISIBLE=none\n")

    @NEEDS_MOUNTS
    def test_mounts_are_made_where_there_was_nothing(self):
        source = self.root / "source"
        source.mkdir()
        (source / "file").write_text("content\n")
        place = self.root / "place"
        place.mkdir()
        (place / "neighbour").write_text("here\n")
        os.symlink("neighbour", place / "link")
        target = place / "new" / "deep"
        self.answer(mounts=[message("Mount", container_path=str(target), host_path=str(source))])
        log = self.log(f"cat {target}/file {place}/neighbour {place}/link; echo w >{target}/made",
                       "end")
        self.assertTrue(log.startswith("content\nhere\nhere\nend\n"), log)
        self.assertEqual(sorted(os.listdir(place)), ["link", "neighbour"])
        self.assertTrue((source / "made").exists())

    @NEEDS_MOUNTS
    def test_a_read_only_mount_cannot_be_written(self):
        source = self.root / "source"
        source.write_text("old\n")
        target = self.root / "target"
        self.answer(mounts=[message("Mount", container_path=str(target), host_path=str(source),
                                    read_only=True)])
        log = self.log(f"cat {target}; echo new >{target}", "end")
        self.assertTrue(log.startswith("old\n"), log)
        self.assertIn("Read-only", log)
        self.assertEqual(source.read_text(), "old\n")

    @NEEDS_MOUNTS
    def test_a_device_node_appears_at_its_path(self):
        target = self.root / "devices" / "null"
        self.answer(devices=[message("DeviceSpec", container_path=str(target),
                                     host_path="/dev/null", permissions="rw")])
        log = self.log(f"test -c {target} && echo is a device; echo x >{target} && echo written",
                       "end")
        self.assertIn("is a device\nwritten\n", log)
        self.assertFalse(target.exists())

    @NEEDS_MOUNTS
    def test_a_missing_source_stops_the_start(self):
        self.answer(mounts=[message("Mount", container_path="/tmp/x", host_path="/no/such/source")])
        self.kubelet.create("one", LOOP, resource=RESOURCE)
        event = self.kubelet.wait("pod", name="one", reason="RunContainerError")
        self.assertEqual(event["message"], "/no/such/source: No such file or directory")

    @NEEDS_MOUNTS
    def test_the_first_mount_of_a_path_wins(self):
        for name in ("first", "second"):
            (self.root / name).write_text(f"{name}\n")
        target = self.root / "target"
        self.answer(mounts=[message("Mount", container_path=str(target),
                                    host_path=str(self.root / name))
                            for name in ("first", "second")])
        self.assertTrue(self.log(f"cat {target}", "end").startswith("first\n"))

    def test_annotations_are_told(self):
        self.answer(annotations={"cdi.k8s.io/x": "y"})
        self.kubelet.create("one", LOOP, resource=RESOURCE)
        event = self.kubelet.wait("started", name="one")
        self.assertEqual(event["annotations"], {"cdi.k8s.io/x": "y"})


# As uid 1000 of a user namespace: no rights, and still the owner of the test's files.
WITHOUT_ROOT = ("unshare", "--user", "--map-user=1000", "--map-group=1000", "--")


@unittest.skipIf(subprocess.run([*WITHOUT_ROOT, "true"], check=False, capture_output=True).returncode,
                 "this system allows no user namespaces")
class EditsWithoutRoot(Edits):
    """The same where each pod needs a user namespace."""

    prefix = WITHOUT_ROOT


# Where mounts are shared, as systemd makes them, whatever they are where the test runs.
SHARED = ("unshare", "--user", "--map-root-user", "--mount", "--propagation", "shared", "--")


@unittest.skipIf(subprocess.run([*SHARED, "true"], check=False, capture_output=True).returncode,
                 "this system allows no user namespaces")
class SharedMounts(Case):
    prefix = SHARED

    def test_what_a_pod_mounts_does_not_travel_back(self):
        table = pathlib.Path(f"/proc/{self.kubelet.process.pid}/mountinfo")
        before = table.read_text()
        plugin = self.registered()
        plugin.answer = {"mounts": [message("Mount", container_path=str(self.root / "new"),
                                            host_path="/dev/null")]}
        self.running("one", resource=RESOURCE)
        self.assertEqual(table.read_text(), before)


# A place that allows no more namespaces, as many containers are.
NO_NAMESPACES = ("unshare", "--user", "--map-root-user", "--", "sh", "-c",
                 "for kind in user pid mnt; do echo 0 >/proc/sys/user/max_${kind}_namespaces; done;"
                 ' exec "$@"', "sh")


@unittest.skipIf(subprocess.run([*NO_NAMESPACES, "true"], check=False,
                                capture_output=True).returncode,
                 "this system allows no user namespaces")
class WithoutNamespaces(Case):
    prefix = NO_NAMESPACES

    def test_a_pod_without_mounts_runs_all_the_same(self):
        self.registered()
        pid = self.running("one", resource=RESOURCE)["pid"]
        self.kubelet.log("one", "started")
        self.assertEqual(os.readlink(f"/proc/{pid}/ns/pid"), os.readlink("/proc/self/ns/pid"))
        self.kubelet.do("delete", name="one")
        self.kubelet.wait("deleted", name="one")

    def test_a_pod_with_mounts_says_what_it_needs(self):
        plugin = self.registered()
        plugin.answer = {"mounts": [message("Mount", container_path=str(self.root / "new"),
                                            host_path="/dev/null")]}
        self.kubelet.create("one", LOOP, resource=RESOURCE)
        event = self.kubelet.wait("pod", name="one", reason="RunContainerError")
        self.assertIn("needs a mount namespace; run as root or allow user namespaces",
                      event["message"])

    def test_what_a_pod_started_ends_with_it(self):
        self.kubelet.create("one", "sleep 1000 & echo child $!; exit 1", restartPolicy="Never")
        self.kubelet.wait("pod", name="one", phase="Failed")
        child = int(self.kubelet.log("one", "child").split()[1])
        end = time.monotonic() + PATIENCE_SECONDS
        while is_alive(child):
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)


class Restart(Case):
    def test_a_restart_wipes_sockets_and_keeps_files(self):
        other = socket.socket(socket.AF_UNIX)
        self.addCleanup(other.close)
        other.bind(str(self.directory / "other.sock"))
        (self.directory / "file").write_text("")
        (self.directory / "folder").mkdir()
        self.kubelet.do("restart")
        self.kubelet.wait("ready")
        self.assertFalse((self.directory / "other.sock").exists())
        self.assertTrue((self.directory / "file").exists())
        self.assertTrue((self.directory / "folder").exists())
        self.assertTrue(stat.S_ISSOCK(os.stat(self.directory / "kubelet.sock").st_mode))

    def test_resources_are_zero_until_their_plugin_comes_again(self):
        self.registered().called("ListAndWatch")
        self.kubelet.do("restart")
        self.kubelet.wait("node", capacity={RESOURCE: 0}, allocatable={RESOURCE: 0})
        self.registered("again.sock")
        self.assertEqual(self.numbers(), (2, 2))

    def test_pods_survive_and_keep_their_devices(self):
        self.registered(devices=("a",))
        before = self.running("one", resource=RESOURCE)
        self.kubelet.do("restart")
        plugin = self.registered("again.sock", devices=("a", "b"))
        after = self.kubelet.pod("one")
        self.assertEqual((after["pid"], after["phase"], after["devices"], after["restarts"]),
                         (before["pid"], "Running", ["a"], 0))
        self.assertEqual(self.running("two", resource=RESOURCE)["devices"], ["b"])
        self.assertEqual(list(plugin.called("Allocate").container_requests[0].devices_ids), ["b"])

    def test_a_stopped_kubelet_leaves_no_socket_and_ends_the_streams(self):
        plugin = self.registered()
        self.running("one", resource=RESOURCE)
        self.kubelet.do("stop")
        self.assertFalse((self.directory / "kubelet.sock").exists())
        with self.assertRaises(grpc.RpcError):
            plugin.register(timeout=5)
        self.assertEqual(self.kubelet.pod("one")["phase"], "Running")
        self.kubelet.do("start")
        self.kubelet.wait("ready")
        plugin = self.registered("again.sock")

    def test_an_admission_in_flight_begins_again(self):
        plugin = self.registered(get_preferred_allocation_available=True)
        hold = threading.Event()
        self.addCleanup(hold.set)
        plugin.preferred = lambda available, size: hold.wait(PATIENCE_SECONDS) and available
        self.kubelet.create("one", LOOP, resource=RESOURCE)
        plugin.called("GetPreferredAllocation")
        self.kubelet.do("restart")
        hold.set()
        self.registered("again.sock")
        self.kubelet.wait("pod", name="one", phase="Running")

    def test_the_checkpoint_is_as_kubelet_writes_it(self):
        plugin = self.registered(devices=(device("a", numa=1), "b"))
        plugin.answer = {"envs": {"X": "1"}}
        self.running("one", resource=RESOURCE, count=2)
        checkpoint = json.loads((self.directory / "kubelet_internal_checkpoint").read_text())
        entry = checkpoint["Data"]["PodDeviceEntries"][0]
        self.assertEqual(entry["ResourceName"], RESOURCE)
        self.assertEqual(entry["DeviceIDs"], {"1": ["a"], "-1": ["b"]})
        self.assertEqual(checkpoint["Data"]["RegisteredDevices"], {RESOURCE: ["a", "b"]})

    def test_a_torn_checkpoint_does_not_keep_kubelet_from_starting(self):
        self.registered()
        path = self.directory / "kubelet_internal_checkpoint"
        self.kubelet.do("stop")
        path.write_text(path.read_text()[:40])
        self.kubelet.do("start")
        self.assertEqual(self.numbers(), (None, None))

    def test_what_pods_of_an_earlier_node_held_is_free(self):
        self.registered(devices=("a",))
        self.running("one", resource=RESOURCE)
        self.end(self.kubelet)
        self.kubelet = self.start()
        self.registered("again.sock", devices=("a",))
        self.running("two", resource=RESOURCE)

    def test_many_restarts_leak_nothing(self):
        descriptors = f"/proc/{self.kubelet.process.pid}/fd"
        for turn in range(20):
            self.registered(f"{turn}.sock")
            if turn == 1:
                before = len(os.listdir(descriptors))
            self.kubelet.do("restart")
            self.kubelet.wait("ready")
        self.registered("last.sock")
        # A connection that a plugin has just closed may take a moment to go.
        self.kubelet.until(lambda _: len(os.listdir(descriptors)) <= before, "no more descriptors")


def is_alive(pid):
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return text.rsplit(")", 1)[1].split()[0] not in "ZX"


class Ends(Case):
    def children(self):
        self.running("one", f"sleep 1000 & {LOOP}")
        self.kubelet.log("one", "started")
        pid = self.kubelet.pod("one")["pid"]
        task = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
        return [pid] + [int(word) for word in task.read_text().split()]

    def check_gone(self, pids):
        end = threading.Event()
        for _ in range(int(PATIENCE_SECONDS / 0.05)):
            if not any(is_alive(pid) for pid in pids):
                return
            end.wait(0.05)
        self.fail(f"{pids} did not end")

    def test_pods_end_with_stdin(self):
        pids = self.children()
        self.end(self.kubelet)
        self.check_gone(pids)
        self.assertFalse((self.directory / "kubelet.sock").exists())

    def test_pods_end_with_sigterm(self):
        pids = self.children()
        self.kubelet.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.kubelet.process.wait(PATIENCE_SECONDS), 0)
        self.check_gone(pids)

    def test_pods_end_when_the_node_is_killed(self):
        pids = self.children()
        self.kubelet.process.kill()
        self.kubelet.process.wait(PATIENCE_SECONDS)
        self.kubelet.process.stdin.close()
        self.kubelet.reader.join(PATIENCE_SECONDS)
        self.kubelet.process.stdout.close()
        self.check_gone(pids)

    def test_a_deleted_pod_is_gone_with_its_children(self):
        pids = self.children()
        self.kubelet.do("delete", name="one")
        self.kubelet.wait("deleted", name="one")
        self.check_gone(pids)
        self.assertEqual(self.kubelet.state()["pods"], [])


class Control(Case):
    def test_bad_lines_are_answered(self):
        for line, error in (
                (b"{", "not JSON"), (b"[]", "a command is a JSON object"),
                (b"\xff", "not JSON"), (b'{"command": "dance"}', "command: must be create"),
                (b'{"command": "create"}', "pod: must be a map"),
                (b'{"command": "create", "pod": {"name": "A"}}', "pod.name: must be"),
                (b'{"command": "create", "pod": {"name": "a"}}', "pod.command: must be"),
                (b'{"command": "create", "pod": {"name": "a", "command": ["x"], "cpu": 1}}',
                 "pod.cpu: unknown key"),
                (b'{"command": "create", "pod": {"name": "a", "command": ["x"], '
                 b'"resource": "r", "count": 0}}', "pod.count: must be 1 to"),
                (b'{"command": "delete"}', "name: must be"),
                (b'{"command": "delete", "name": "none"}', 'pod "none" not found'),
                (b'{"command": "logs", "name": "none"}', 'pod "none" not found'),
                (b'{"command": "start"}', "kubelet runs already")):
            with self.subTest(line=line):
                self.kubelet.send(line + b"\n")
                event = self.kubelet.wait("answer", ok=False)
                self.assertIn(error, event["error"])

    def test_a_line_that_is_too_long_is_refused_once(self):
        self.kubelet.send(b"x" * 200000 + b"\n")
        self.assertIn("at most 65536 bytes", self.kubelet.wait("answer", ok=False)["error"])
        self.assertTrue(self.kubelet.state()["running"])

    def test_a_name_is_taken_once(self):
        self.running("one")
        answer = self.kubelet.ask("create", pod={"name": "one", "command": ["true"]})
        self.assertEqual(answer["error"], 'pod "one" exists already')

    def test_the_log_keeps_its_end(self):
        self.running("one", "seq 1 40000; echo the end; sleep 1000")
        log = self.kubelet.log("one", "the end")
        self.assertLessEqual(len(log), 65536)
        self.assertTrue(log.endswith("39999\n40000\nthe end\n"))

    def test_a_log_of_raw_bytes_is_told_as_text(self):
        self.running("one", r"printf 'a\377b'; echo; sleep 1000")
        self.assertEqual(self.kubelet.log("one", "b\n"), "a?b\n")

    def test_wrong_options_are_usage(self):
        for arguments, reason in (((), b"--device-plugins is needed"),
                                  (("--device-plugins",), b"--device-plugins needs"),
                                  (("--device-plugins", "x", "y"), b"y: no argument"),
                                  (("--device-plugins", "x", "--seed", "-1"), b"--seed: ")):
            with self.subTest(arguments=arguments):
                done = subprocess.run([self.kubelet.process.args[0], *arguments],
                                      capture_output=True, timeout=PATIENCE_SECONDS, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertIn(b"kubelet: " + reason, done.stderr)

    def test_a_directory_that_cannot_be_is_said(self):
        done = subprocess.run([self.kubelet.process.args[0], "--device-plugins", "/no/such/place"],
                              stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=PATIENCE_SECONDS, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"/no/such/place", done.stderr)


if __name__ == "__main__":
    unittest.main()
