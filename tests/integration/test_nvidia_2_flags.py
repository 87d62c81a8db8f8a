# SPDX-License-Identifier: Apache-2.0
"""Flags and environment, row by row of the reference's sections 2 and 2.1, and the variables of health checks of section 6:
what NVIDIA's device plugin v0.20 takes, refuses and ignores."""

import json
import unittest

from nvidia_rows import Row, RowTest, rota

EXIT_CODE = "wrong usage is exit code 2 in all of rota's commands"
KNOWN_WORDS = "a word that is unknown is refused, NVIDIA's plugin ignores it"

# setting, its flags, its variables, its default, another text and the value that it is read as
TABLE = (
    ("flags.migStrategy", ("mig-strategy",), ("MIG_STRATEGY",), "none", "mixed", "mixed"),
    ("flags.failOnInitError", ("fail-on-init-error",), ("FAIL_ON_INIT_ERROR",), True, "false", False),
    ("flags.nvidiaDriverRoot", ("driver-root", "nvidia-driver-root"), ("NVIDIA_DRIVER_ROOT",), "/", "/a", "/a"),
    ("flags.nvidiaDevRoot", ("dev-root", "nvidia-dev-root"), ("NVIDIA_DEV_ROOT",), "/", "/a", "/a"),
    ("flags.plugin.passDeviceSpecs", ("pass-device-specs",), ("PASS_DEVICE_SPECS",), False, "true", True),
    ("flags.plugin.deviceListStrategy", ("device-list-strategy",), ("DEVICE_LIST_STRATEGY",), ["envvar"],
     "volume-mounts", ["volume-mounts"]),
    ("flags.plugin.deviceIDStrategy", ("device-id-strategy",), ("DEVICE_ID_STRATEGY",), "uuid", "index", "index"),
    ("flags.gdrcopyEnabled", ("gdrcopy-enabled",), ("GDRCOPY_ENABLED",), False, "true", True),
    ("flags.gdsEnabled", ("gds-enabled",), ("GDS_ENABLED",), False, "true", True),
    ("flags.mofedEnabled", ("mofed-enabled",), ("MOFED_ENABLED",), False, "true", True),
    ("flags.plugin.cdiAnnotationPrefix", ("cdi-annotation-prefix",), ("CDI_ANNOTATION_PREFIX",), "cdi.k8s.io/",
     "x/", "x/"),
    ("flags.plugin.nvidiaCTKPath", ("nvidia-cdi-hook-path", "nvidia-ctk-path"),
     ("NVIDIA_CDI_HOOK_PATH", "NVIDIA_CTK_PATH"), "/usr/bin/nvidia-ctk", "/a", "/a"),
    ("flags.plugin.containerDriverRoot", ("driver-root-ctr-path", "container-driver-root"),
     ("DRIVER_ROOT_CTR_PATH", "CONTAINER_DRIVER_ROOT"), "/driver-root", "/a", "/a"),
    ("flags.mpsRoot", ("mps-root",), ("MPS_ROOT",), "", "/a", "/a"),
    ("flags.plugin.sharedDevicesAllocationPolicy", ("shared-devices-allocation-policy",),
     ("SHARED_DEVICES_ALLOCATION_POLICY",), "distributed", "packed", "packed"),
    ("flags.deviceDiscoveryStrategy", ("device-discovery-strategy",), ("DEVICE_DISCOVERY_STRATEGY",), "auto",
     "nvml", "nvml"),
    ("imex.channelIDs", ("imex-channel-ids",), ("IMEX_CHANNEL_IDS",), [], "0", [0]),
    ("imex.required", ("imex-required",), ("IMEX_REQUIRED",), False, "true", True),
    ("--kubelet-socket", ("kubelet-socket",), ("KUBELET_SOCKET",),
     "/var/lib/kubelet/device-plugins/kubelet.sock", "/a", "/a"),
    ("--config-file", ("config-file",), ("CONFIG_FILE",), "", "/dev/null", "/dev/null"),
    ("--cdi-feature-flags", ("cdi-feature-flags",), ("CDI_FEATURE_FLAGS",), [], "disable-ipc-discoverer",
     ["disable-ipc-discoverer"]),
    ("--cdi-disable-hooks", ("cdi-disable-hooks",), ("CDI_DISABLE_HOOKS",), ["chmod"], "create-symlinks",
     ["chmod", "create-symlinks"]),
)

BOOLS = {"1": True, "t": True, "T": True, "TRUE": True, "true": True, "True": True,
         "0": False, "f": False, "F": False, "FALSE": False, "false": False, "False": False}

SYNTAX = (
    Row("2.1 one dash", flags=("-mig-strategy=mixed",), values={"flags.migStrategy": "mixed"}),
    Row("2.1 a value as the next word", flags=("--mig-strategy", "mixed"), values={"flags.migStrategy": "mixed"}),
    Row("2.1 a switch", flags=("--pass-device-specs",), values={"flags.plugin.passDeviceSpecs": True}),
    Row("2.1 a switch that is off", flags=("--fail-on-init-error=false",), values={"flags.failOnInitError": False}),
    Row("2.1 no truth", flags=("--fail-on-init-error=maybe",), refused="maybe", code=2, differs=EXIT_CODE),
    Row("2.1 no truth in a variable", environment={"GDS_ENABLED": "yes"}, refused="GDS_ENABLED: yes", code=2,
        differs=EXIT_CODE),
    Row("2.1 an unknown flag", flags=("--mig-stategy=none",), refused="unknown option --mig-stategy", code=2,
        differs=EXIT_CODE),
    Row("2.1 no value", flags=("--mig-strategy",), refused="needs a value", code=2, differs=EXIT_CODE),
    Row("2.1 a list is split and trimmed", flags=("--device-list-strategy= envvar , cdi-cri",),
        values={"flags.plugin.deviceListStrategy": ["envvar", "cdi-cri"]}),
    Row("2.1 a list of a variable", environment={"DEVICE_LIST_STRATEGY": "volume-mounts, cdi-annotations"},
        values={"flags.plugin.deviceListStrategy": ["volume-mounts", "cdi-annotations"]}),
    Row("2.1 a list flag that is given again", flags=("--device-list-strategy=envvar", "--device-list-strategy=cdi-cri"),
        values={"flags.plugin.deviceListStrategy": ["envvar", "cdi-cri"]}),
)

# In the order in which NVIDIA's plugin looks, each with a bad value.
ORDER = (
    ("DEVICE_LIST_STRATEGY", "x", "invalid --device-list-strategy option: invalid strategy: x"),
    ("DEVICE_ID_STRATEGY", "x", "invalid --device-id-strategy option: x"),
    ("SHARED_DEVICES_ALLOCATION_POLICY", "x", "invalid --shared-devices-allocation-policy option: x"),
    ("DEVICE_DISCOVERY_STRATEGY", "x", "invalid --device-discovery-strategy option x"),
    ("MIG_STRATEGY", "x", "unknown MIG strategy: x"),
    ("IMEX_CHANNEL_IDS", "1", "invalid IMEX channel IDs: invalid IMEX config: channelIDs must be [] or [0]; found [1]"),
)

FEATURES = ["enable-explicit-driver-libraries", "disable-nvsandboxutils", "enable-coherent-annotations",
            "disable-multiple-csv-devices", "no-additional-gids-for-device-nodes", "disable-ipc-discoverer"]
HOOKS = ["update-application-profile", "chmod", "create-symlinks", "disable-device-node-modification",
         "enable-cuda-compat", "update-ldcache"]

CDI = (
    Row("2.1 every feature flag", flags=("--cdi-feature-flags=" + ",".join(FEATURES),),
        values={"--cdi-feature-flags": FEATURES}),
    Row("2.1 an unknown feature flag", flags=("--cdi-feature-flags=x",), refused="unknown CDI feature flag: x",
        code=2, differs=KNOWN_WORDS),
    *(Row(f"2.1 hook {hook}", flags=(f"--cdi-disable-hooks={hook}",),
          values={"--cdi-disable-hooks": [word for word in HOOKS if word in (hook, "chmod")]}) for hook in HOOKS),
    Row("2.1 all hooks", flags=("--cdi-disable-hooks=all",), values={"--cdi-disable-hooks": ["all"]}),
    Row("2.1 an unknown hook", environment={"CDI_DISABLE_HOOKS": "x"}, refused="unknown CDI hook: x", code=2,
        differs=KNOWN_WORDS),
    Row("2.1 empty lists", environment={"CDI_FEATURE_FLAGS": "", "CDI_DISABLE_HOOKS": ""},
        values={"--cdi-feature-flags": [], "--cdi-disable-hooks": ["chmod"]}),
)

OFF = "DP_DISABLE_HEALTHCHECKS"
ON = "DP_ENABLE_HEALTHCHECKS"
BUILT_IN = "13, 31, 43, 45, 68, 109"


def health(section, off, disable=None, enable=None, differs=""):
    environment = {name: text for name, text in ((OFF, disable), (ON, enable)) if text is not None}
    return Row(section, environment=environment, values={OFF: off}, differs=differs)


HEALTH = (
    health("6 built in", BUILT_IN),
    health("6 set and empty", BUILT_IN, "", ""),
    health("6 a number more", "13, 31, 43, 45, 48, 68, 109", "48"),
    health("6 a list, trimmed", "13, 31, 43, 45, 48, 68, 79, 109", " 79 ,48,"),
    health("6 all", "all", "all"),
    health("6 xids", "all", "xids"),
    health("6 in capital letters", "all", "ALL"),
    health("6 all among others", "all", "48,all"),
    health("6 bad numbers are dropped", "13, 31, 43, 45, 48, 68, 109", "x,48,-1"),
    health("6 enable one that is built in", "31, 43, 45, 68, 109", None, "13"),
    health("6 enable all", "none", None, "all"),
    health("6 enable beats disable", BUILT_IN, "48", "48"),
    health("6 disable all, enable one", "all but 48", "all", "48",
           differs="NVIDIA's plugin watches nothing then, against its own comment"),
)


class FlagsTest(RowTest):
    def test_each_has_its_default(self):
        self.check_rows([Row("2.1 defaults", values={setting: usual for setting, _, _, usual, _, _ in TABLE})])

    def test_each_name_of_each_flag_sets_it(self):
        self.check_rows([Row("2.1 flag", flags=(f"--{flag}={text}",), values={setting: value})
                         for setting, names, _, _, text, value in TABLE for flag in names])

    def test_each_variable_sets_it(self):
        self.check_rows([Row("2.1 env", environment={variable: text}, values={setting: value})
                         for setting, _, variables, _, text, value in TABLE for variable in variables])

    def test_the_first_variable_wins(self):
        self.check_rows([Row("2.1 env", environment={variables[1]: "/other", variables[0]: text},
                             values={setting: value})
                         for setting, _, variables, _, text, value in TABLE if len(variables) > 1])

    def test_booleans_are_go_s(self):
        self.check_rows([Row("2.1 ParseBool", environment={"GDS_ENABLED": text}, values={"flags.gdsEnabled": value})
                         for text, value in BOOLS.items()])

    def test_syntax(self):
        self.check_rows(SYNTAX)

    def test_validation_has_nvidia_s_order(self):
        self.check_rows([Row("2.1 validation", environment={name: value for name, value, _ in ORDER[first:]},
                             refused=f"{ORDER[first][0]}: {ORDER[first][2]}", code=2, differs=EXIT_CODE)
                         for first in range(len(ORDER))])

    def test_words_of_cdi(self):
        self.check_rows(CDI)

    def test_health_checks(self):
        self.check_rows(HEALTH)

    def test_help_and_version(self):
        """2: "All also have --help/-h, --version/-v"; the name is ours, and there is no line of a commit"""
        for words, text in ((("--version", "-version", "-v"), r"\Arota \d+\.\d+\.\d+\n\Z"),
                            (("--help", "-help", "-h"), r"(?s)\Arota agent: .*--mig-strategy.*--version")):
            for word in words:
                with self.subTest(row=f"2 {word}"):
                    ended = rota("agent", word, environment={"MIG_STRATEGY": "unknown"})
                    self.assertEqual((ended.returncode, ended.stderr), (0, ""))
                    self.assertRegex(ended.stdout, text)

    def test_the_reference_has_no_flag_of_nvidia_s_name_but_these(self):
        """What else is there is ours, and its variable says so."""
        known = {flag for _, names, _, _, _, _ in TABLE for flag in names}
        settings = json.loads(rota("config", "reference", "-o", "json").stdout)["settings"]
        for item in settings:
            flags = {name.lstrip("-") for name in item["flags"]}
            if not flags & known:
                self.assertTrue(all(name.startswith("ROTA_") or name in (ON, OFF) for name in item["environment"]),
                                item)


if __name__ == "__main__":
    unittest.main()
