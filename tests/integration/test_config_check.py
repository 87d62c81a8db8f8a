#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""rota config check, rota version and rota --help as a person and a script meet them."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROTA = pathlib.Path(os.environ.get("ROTA_BUILD", "build")).resolve() / "rota"
# A command that takes longer hangs.
GUARD_SECONDS = 120

GOOD = """version: v1
sharing:
  timeSlicing:
    resources:
    - name: nvidia.com/gpu
      replicas: 5
"""

WARNED = """flags:
  failOnInitError: yes
"""

BAD = """version: v1
flags:
  migStrategy: some
  failOnInitEror: true
sharing:
  timeSlicing:
    resources:
    - name: nvidia.com/gpu
      replicas: 1
"""


def rota(*arguments, text=None):
    """Run rota; text is what stands on its standard input."""
    given = text.encode() if isinstance(text, str) else text
    done = subprocess.run([str(ROTA), *arguments], input=given or b"", capture_output=True,
                          timeout=GUARD_SECONDS, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


class CheckTest(unittest.TestCase):
    """Exit codes, lines and JSON of config check."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, text, name="rota.yaml"):
        path = self.folder / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def test_a_good_file_is_one_plain_line(self):
        path = self.file(GOOD)
        self.assertEqual(rota("config", "check", path), (0, f"{path}: ok\n", ""))

    def test_an_empty_file_is_good(self):
        path = self.file("")
        self.assertEqual(rota("config", "check", path), (0, f"{path}: ok\n", ""))

    def test_every_finding_is_a_line_with_place_remedy_and_effect(self):
        path = self.file(BAD)
        code, out, err = rota("config", "check", path)
        self.assertEqual((code, err), (1, ""))
        self.assertEqual(out.splitlines(), [
            f"{path}:3:16: flags.migStrategy: unknown MIG strategy: some, allowed: none, single, "
            "mixed (the agent refuses the file)",
            f"{path}:4:3: flags.failOnInitEror: unknown key, it has no effect, did you mean "
            "failOnInitError? (the agent warns and goes on)",
            f"{path}:9:17: sharing.timeSlicing.resources[0].replicas: number of replicas must be "
            ">= 2, 1 is not allowed, allowed: 2 to 61000 (the agent refuses the file)",
        ])

    def test_a_block_of_ours_turns_warnings_into_refusals(self):
        path = self.file(WARNED + "rota: {}\n")
        code, out, err = rota("config", "check", "--lenient", path)
        self.assertEqual((code, err), (1, ""))
        self.assertEqual(out, f"{path}:2:20: flags.failOnInitError: yes is read as true, write "
                              "true; with a rota: block this is refused (the agent refuses the "
                              "file)\n")
        path = self.file(GOOD + "rota: {turns: {mode: none}, health: {settle: 5s}}\n")
        self.assertEqual(rota("config", "check", path), (0, f"{path}: ok\n", ""))

    def test_a_warning_fails_the_check_unless_it_is_lenient(self):
        path = self.file(WARNED)
        self.assertEqual(rota("config", "check", path)[0], 1)
        code, out, _ = rota("config", "check", path, "--lenient")
        self.assertEqual(code, 0)
        self.assertIn("write true (the agent warns and goes on)", out)
        self.assertTrue(out.endswith(f"{path}: ok, with 1 warning\n"), out)
        self.assertEqual(rota("config", "check", "--lenient", self.file(BAD))[0], 1)

    def test_json_is_one_document(self):
        path = self.file(BAD)
        code, out, _ = rota("config", "check", path, "-o", "json")
        self.assertEqual(code, 1)
        answer = json.loads(out)
        self.assertEqual(answer["file"], path)
        self.assertFalse(answer["ok"])
        self.assertEqual((answer["refusals"], answer["warnings"]), (2, 1))
        self.assertEqual(answer["findings"][1], {
            "line": 4, "column": 3, "path": "flags.failOnInitEror", "effect": "warn",
            "text": "unknown key, it has no effect, did you mean failOnInitError?"})
        code, out, _ = rota("config", "check", self.file(GOOD), "-o=json")
        self.assertEqual((code, json.loads(out)["ok"], json.loads(out)["findings"]),
                         (0, True, []))

    def test_standard_input_is_a_dash(self):
        self.assertEqual(rota("config", "check", "-", text=GOOD), (0, "-: ok\n", ""))
        self.assertEqual(rota("config", "check", "-", text=""), (0, "-: ok\n", ""))
        code, out, _ = rota("config", "check", "-", text="version: v2\n")
        self.assertEqual(code, 1)
        self.assertEqual(out, "-:1:10: version: unknown version: v2, allowed: v1 (the agent "
                              "refuses the file)\n")

    def test_a_pipe_is_read_to_its_end(self):
        self.assertEqual(rota("config", "check", "/dev/stdin", text=GOOD),
                         (0, "/dev/stdin: ok\n", ""))

    def test_json_files_are_read_too(self):
        path = self.file('{"sharing": {"timeSlicing": {"resources": [\n'
                         '  {"name": "gpu", "replicas": "5"}]}}}', "rota.json")
        code, out, _ = rota("config", "check", path)
        self.assertEqual(code, 1)
        self.assertIn(f"{path}:2:31: sharing.timeSlicing.resources[0].replicas: 5 is a text", out)

    def test_a_broken_json_file_is_not_said_to_be_no_yaml(self):
        code, out, _ = rota("config", "check", self.file('{"version": "v1",', "rota.json"))
        self.assertEqual(code, 1)
        self.assertIn("not YAML or JSON: ", out)

    def test_a_whole_config_map_is_one_finding(self):
        path = self.file("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: rota}\n"
                         "data:\n  any: |\n    version: v1\n")
        code, out, err = rota("config", "check", path)
        self.assertEqual((code, err), (1, ""))
        self.assertEqual(out, f"{path}:4:1: data: this is a ConfigMap and nothing in it has an "
                              "effect, check the text below data.any (the agent warns and goes "
                              "on)\n")

    def test_a_mebibyte_is_read_and_one_byte_more_is_refused(self):
        limit = 1 << 20
        full = GOOD + "#" * (limit - len(GOOD) - 1) + "\n"
        self.assertEqual(rota("config", "check", self.file(full))[0], 0)
        self.assertEqual(rota("config", "check", "-", text=full)[0], 0)
        code, out, err = rota("config", "check", self.file(full + "#"))
        self.assertEqual((code, out), (1, ""))
        self.assertIn("1048576", err)
        code, out, err = rota("config", "check", "-", text=full + "#")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("1048576", err)

    def test_bombs_and_binaries_are_refused(self):
        bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi"))
        inputs = {
            "bomb.yaml": (bomb, "anchors (&) are not allowed"),
            "deep.yaml": ("[" * 100000, "nested deeper than 32"),
            "wide.yaml": ("[" + "1," * 200000 + "]", "more than 100000 values"),
            "program": (pathlib.Path("/bin/true").read_bytes()[:4096], "not text"),
            "zeros": (b"\0" * 4096, "not text"),
            "utf16.yaml": ("version: v1\n".encode("utf-16"), "not text"),
        }
        for name, (text, reason) in inputs.items():
            with self.subTest(name):
                code, out, _ = rota("config", "check", self.file(text, name))
                self.assertEqual(code, 1)
                self.assertIn(reason, out)
                self.assertEqual(len(out.splitlines()), 1)

    def test_many_findings_are_bounded(self):
        path = self.file("".join(f"unknown{i}: 1\n" for i in range(1000)))
        code, out, _ = rota("config", "check", path)
        self.assertEqual(code, 1)
        lines = out.splitlines()
        self.assertEqual(len(lines), 101)
        self.assertEqual(lines[-1], f"{path}: and 900 more")

    def test_a_missing_file_and_a_folder_are_named(self):
        for path in (str(self.folder / "none.yaml"), str(self.folder)):
            code, out, err = rota("config", "check", path)
            self.assertEqual((code, out), (1, ""))
            self.assertIn(path, err)


class CommandLineTest(unittest.TestCase):
    """Dispatch, help and wrong usage."""

    def test_version_in_both_forms(self):
        code, out, _ = rota("version")
        self.assertEqual(code, 0)
        self.assertRegex(out, r"\Arota \d+\.\d+\.\d+\n\Z")
        self.assertEqual(rota("--version")[1], out)
        answer = json.loads(rota("version", "-o", "json")[1])
        self.assertEqual(f"rota {answer['version']}\n", out)

    def test_help_lists_commands_and_explains_each(self):
        code, out, _ = rota("--help")
        self.assertEqual(code, 0)
        self.assertIn("  config check", out)
        self.assertNotIn("  driver", out)
        self.assertEqual(rota("help")[1], out)
        self.assertEqual(rota()[1], out)
        code, out, _ = rota("config", "check", "--help")
        self.assertEqual(code, 0)
        self.assertIn("Usage: rota config check FILE", out)
        self.assertIn("--lenient", out)
        self.assertEqual(rota("help", "config", "check")[1], out)
        self.assertIn("  config check", rota("config")[1])

    def test_the_agent_has_every_flag_of_nvidia_in_its_help(self):
        code, out, _ = rota("agent", "--help")
        self.assertEqual(code, 0)
        for flag in ("--mig-strategy", "--nvidia-driver-root", "--device-id-strategy",
                     "--kubelet-socket", "--config-file", "--driver-deadline"):
            self.assertIn(flag, out)
        self.assertIn("[MIG_STRATEGY]", " ".join(out.split()))

    def test_help_fits_a_terminal(self):
        for arguments in (["--help"], ["config", "check", "--help"], ["agent", "--help"]):
            for line in rota(*arguments)[1].splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_wrong_usage_is_exit_2_and_says_what_is_right(self):
        wrong = {
            ("chxck",): "unknown command chxck",
            ("config", "chxck", "x"): "did you mean rota config check?",
            ("versjon",): "did you mean rota version?",
            ("config", "check"): "an argument is missing",
            ("config", "check", "a", "b"): "b: one argument too many",
            ("config", "check", "a", "--lenint"): "did you mean --lenient?",
            ("config", "check", "a", "-o", "xml"): "xml is not allowed, allowed: table, json",
            ("config", "check", "a", "-o"): "needs a value",
            ("--nonsense",): "unknown option --nonsense",
        }
        for arguments, words in wrong.items():
            with self.subTest(arguments):
                code, out, err = rota(*arguments)
                self.assertEqual((code, out), (2, ""))
                self.assertIn(words, err)

    def test_an_answer_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "wb") as full:
            for arguments in (["version"], ["version", "-o", "json"], ["--help"]):
                done = subprocess.run([str(ROTA), *arguments], stdout=full,
                                      stderr=subprocess.PIPE, timeout=GUARD_SECONDS, check=False)
                self.assertEqual(done.returncode, 1, arguments)
                self.assertIn(b"cannot write", done.stderr)


if __name__ == "__main__":
    unittest.main()
