# SPDX-License-Identifier: Apache-2.0
"""`rota demo` as a person meets it: what must hold at each step, how it fails, what it leaves behind."""

import errno
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BUILD = pathlib.Path(os.environ.get("ROTA_BUILD", "build")).resolve()
IS_SANITIZED = b"__asan_init" in (BUILD / "rota").read_bytes()
# So many are tried one by one, further ones with this step.
CALLS_MAX = 8
STEP = 43
# Only a guard against hangs: a busy machine under sanitizers is slow.
PATIENCE_SECONDS = 120


def processes_naming(text):
    """Pids of live processes whose command line or environment has this text."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            known = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if text.encode() in known:
            found.append(int(process.name))
    return found


class DemoCase(unittest.TestCase):
    """Every demo works below a TMPDIR of its own, which must be empty in the end."""

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="rota-"))
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        self.scratch = self.root / "t"
        self.scratch.mkdir()
        self.mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        self.environment = dict(os.environ, TMPDIR=str(self.scratch))

    def start(self, *options, **streams):
        return subprocess.Popen([str(BUILD / "rota"), "demo", *options], env=self.environment,
                                text=True, **streams)

    def demo(self, *options):
        """The finished process, after which nothing may be left."""
        process = self.start(*options, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            output, errors = process.communicate(timeout=PATIENCE_SECONDS)
        finally:
            process.kill()
        self.check_clean()
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def check_clean(self):
        self.assertEqual(os.listdir(self.scratch), [])
        end = time.monotonic() + PATIENCE_SECONDS
        while left := processes_naming(str(self.scratch)):
            self.assertLess(time.monotonic(), end, f"processes are left: {left}")
            time.sleep(0.05)
        self.assertEqual(pathlib.Path("/proc/self/mountinfo").read_text(), self.mounts)

    def steps(self, *options):
        """What was seen at each step of a demo that holds: {step: (capacity, running, pending)}."""
        done = self.demo("-o", "json", *options)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        result = json.loads(done.stdout)
        self.assertTrue(result["ok"])
        self.assertEqual([step["seen"]["restarts"] for step in result["steps"]], [0, 0, 0])
        return {step["step"]: tuple(step["seen"][key] for key in ("capacity", "running", "pending"))
                for step in result["steps"]}


class MustHold(DemoCase):
    def test_one_gpu_five_replicas_five_pods(self):
        self.assertEqual(self.steps(), {2: (1, 0, 0), 3: (1, 1, 4), 4: (5, 5, 0)})

    def test_seven_pods_on_six_replicas(self):
        self.assertEqual(self.steps("--pods", "7", "--replicas", "6"),
                         {2: (1, 0, 0), 3: (1, 1, 6), 4: (6, 6, 1)})

    def test_four_gpus_are_four_and_then_twenty(self):
        self.assertEqual(self.steps("--gpus", "4", "--pods", "25"),
                         {2: (4, 0, 0), 3: (4, 4, 21), 4: (20, 20, 5)})

    def test_fewer_pods_than_gpus(self):
        self.assertEqual(self.steps("--gpus", "4", "--pods", "1", "--replicas", "2"),
                         {2: (4, 0, 0), 3: (4, 1, 0), 4: (8, 1, 0)})


class Configurations(DemoCase):
    def config(self, text):
        path = self.root / "config.yaml"
        path.write_text(text)
        return str(path)

    def test_a_file_is_used_as_it_is(self):
        path = self.config("version: v1\n# a comment of mine\nsharing:\n  timeSlicing:\n"
                           "    resources: [{name: nvidia.com/gpu, replicas: 3}]\n")
        done = self.demo("--config", path)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("    # a comment of mine\n", done.stdout)
        self.assertIn("capacity 3, 3 Running, 2 Pending", done.stdout)

    def test_a_renamed_resource_takes_the_pods_along(self):
        path = self.config("version: v1\nsharing:\n  timeSlicing:\n    renameByDefault: true\n"
                           "    resources: [{name: nvidia.com/gpu, replicas: 4}]\n")
        self.assertEqual(self.steps("--config", path)[4], (4, 4, 1))

    def test_a_bad_file_is_refused_with_its_places(self):
        path = self.config("version: v1\nsharing:\n  timeSlicing:\n    resources:\n"
                           "    - name: nvidia.com/gpu\n      replicas: 1\n")
        done = self.demo("--config", path)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout, "")
        self.assertIn(f"{path}:6:17: sharing.timeSlicing.resources[0].replicas:", done.stderr)
        self.assertIn("rota demo: the agent refuses this configuration\n", done.stderr)

    def test_a_missing_file_is_said(self):
        done = self.demo("--config", "/no/such/file")
        self.assertEqual((done.returncode, done.stderr),
                         (1, "rota demo: /no/such/file: No such file or directory\n"))

    def test_wrong_numbers_are_usage(self):
        for options in (("--gpus", "0"), ("--gpus", "17"), ("--pods", "257"),
                        ("--replicas", "1"), ("more",)):
            with self.subTest(options=options):
                self.assertEqual(self.demo(*options).returncode, 2)


class Text(DemoCase):
    def test_shows_what_kubectl_would_show(self):
        done = self.demo()
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        text = done.stdout
        self.assertIn("$ kubectl apply -f deploy/manifests/nvidia-device-plugin-default.yml\n", text)
        self.assertEqual(re.findall(r'    "nvidia.com/gpu": "(\d+)"\n', text), ["1", "5"])
        tables = re.findall(r"^NAME +READY +STATUS +RESTARTS +AGE\n((?:gpu-pod-.*\n)+)", text,
                            re.MULTILINE)
        statuses = [re.findall(r"^gpu-pod-\d +(\d/1 +\w+) +0 ", table, re.MULTILINE)
                    for table in tables]
        self.assertEqual([status.split() for status in statuses[0]],
                         [["1/1", "Running"]] + 4 * [["0/1", "Pending"]])
        self.assertEqual([status.split() for status in statuses[1]], 5 * [["1/1", "Running"]])
        self.assertIn("| NVIDIA-SMI ", text)
        self.assertEqual(text.count("Tesla T4  "), 1)
        self.assertRegex(text, r"(?m)^STEP +WHAT +EXPECTED +SEEN +OK$")
        self.assertRegex(text, r"\nEvery step holds, in \d+\.\d s\.\n$")

    def test_long_lists_are_cut(self):
        text = self.demo("--pods", "40", "--replicas", "40").stdout
        self.assertIn("pod/gpu-pod-5 created\n(and 35 more)\n", text)
        self.assertIn("gpu-pod-20", text)
        self.assertNotIn("gpu-pod-21 ", text)
        self.assertIn("\n(and 20 more)\n", text)

    def test_the_spinner_is_for_terminals_only(self):
        outer, inner = pty.openpty()
        self.addCleanup(os.close, outer)
        process = self.start(stdout=subprocess.PIPE, stderr=inner)
        os.close(inner)
        output = process.communicate(timeout=PATIENCE_SECONDS)[0]
        self.assertEqual(process.returncode, 0)
        self.assertNotIn("\r", output)
        self.assertNotIn("\033", output)


class Failures(DemoCase):
    def tools(self, *left_out):
        """A copy of the simulated tools without some of them."""
        folder = self.root / "sim"
        folder.mkdir()
        for name in {"kubelet", "nvidia-smi", "libnvidia-ml.so.1"} - set(left_out):
            os.symlink(BUILD / "sim" / name, folder / name)
        return folder

    def test_without_a_driver_the_first_step_says_why(self):
        done = self.demo("--sim", str(self.tools("libnvidia-ml.so.1")))
        self.assertEqual(done.returncode, 1)
        self.assertIn("rota demo: step 2, the plugin, without sharing: the agent ended", done.stderr)
        self.assertIn("The agent's log says:\n", done.stderr)
        self.assertRegex(done.stdout, r"(?m)^2 .* no$")

    def test_a_failure_as_json_is_one_document(self):
        done = self.demo("-o", "json", "--sim", str(self.tools("libnvidia-ml.so.1")))
        self.assertEqual(done.returncode, 1)
        result = json.loads(done.stdout)
        self.assertFalse(result["ok"])
        self.assertEqual([step["ok"] for step in result["steps"]], [False])
        self.assertIn("the agent ended", result["steps"][0]["problem"])

    def test_without_the_stand_in_kubelet_nothing_starts(self):
        done = self.demo("--sim", str(self.tools("kubelet")))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"^rota demo: .*/sim/kubelet: No such file or directory\n$")

    def test_a_directory_of_tools_that_is_not_there_is_said(self):
        done = self.demo("--sim", "/no/such/place")
        self.assertEqual((done.returncode, done.stderr),
                         (1, "rota demo: /no/such/place: No such file or directory\n"))

    def hanging(self):
        """A demo that waits for an nvidia-smi which never answers."""
        folder = self.tools("nvidia-smi")
        smi = folder / "nvidia-smi"
        smi.write_text(f"#!/bin/sh\n: >{self.root}/reached\nsleep 1000\n")
        smi.chmod(0o755)
        process = self.start("--sim", str(folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.kill)
        end = time.monotonic() + PATIENCE_SECONDS
        while not (self.root / "reached").exists():
            self.assertLess(time.monotonic(), end)
            time.sleep(0.02)
        return process

    def test_an_interrupt_ends_all_that_was_started(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                process = self.hanging()
                process.send_signal(number)
                errors = process.communicate(timeout=PATIENCE_SECONDS)[1]
                self.assertEqual(process.returncode, 1)
                self.assertIn("interrupted", errors)
                self.check_clean()
            shutil.rmtree(self.root / "sim")
            (self.root / "reached").unlink()

    def test_a_killed_demo_takes_its_processes_along(self):
        process = self.hanging()
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)
        shutil.rmtree(self.scratch)  # nobody is left to remove the directory
        self.scratch.mkdir()
        self.check_clean()

    def test_a_stand_in_kubelet_that_ends_is_said(self):
        folder = self.tools("kubelet")
        (folder / "kubelet").write_text("#!/bin/sh\necho no event\necho '{}'\necho '{\"event\": 1}'\n")
        (folder / "kubelet").chmod(0o755)
        done = self.demo("--sim", str(folder))
        self.assertEqual(done.returncode, 1)
        self.assertIn("the stand-in kubelet ended", done.stderr)


@unittest.skipIf(IS_SANITIZED, "what is preloaded and a sanitizer exclude each other")
class Faults(DemoCase):
    """A call fails once: the demo says why and ends with 1, or goes on, and leaves nothing behind."""

    def setUp(self):
        super().setUp()
        self.mark = self.root / "mark"

    def demo_with_fault(self, function, number, error):
        """Whether the fault happened; what the demo did is looked at."""
        self.mark.unlink(missing_ok=True)
        self.environment.update(
            LD_PRELOAD=str(BUILD / "tests" / "integration" / "libfaults.so"),
            ROTA_FAULT=f"demo {function} {number} {error} ours", ROTA_FAULT_MARK=str(self.mark))
        with self.subTest(function=function, number=number, error=errno.errorcode[error]):
            done = self.demo("-o", "json")
            if done.returncode == 0:
                self.assertTrue(json.loads(done.stdout)["ok"])
                self.assertEqual(done.stderr, "")
            else:
                self.assertEqual(done.returncode, 1)
                self.assertRegex(done.stderr, r"^rota( demo)?: .*\S\n")
        return self.mark.exists()

    def test_each_system_call_fails_once(self):
        for function, error in (("pipe2", errno.EMFILE), ("signalfd", errno.EMFILE),
                                ("fork", errno.EAGAIN), ("dup2", errno.EBUSY),
                                ("poll", errno.ENOMEM), ("poll", errno.EINTR),
                                ("open64", errno.EMFILE), ("read", errno.EIO),
                                ("write", errno.ENOSPC), ("mkdir", errno.EACCES)):
            number = 1
            while number < CALLS_MAX and self.demo_with_fault(function, number, error):
                number += 1

    def test_each_allocation_fails_once(self):
        """Not those of jansson: an event for which it has none is lost, and waited for."""
        number = 1
        while self.demo_with_fault("memory", number, errno.ENOMEM):
            number += 1 if number < CALLS_MAX else STEP


if __name__ == "__main__":
    unittest.main()
