# SPDX-License-Identifier: Apache-2.0
"""The manual pages: one for each command, with every option, without a warning of what reads them."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ROTA_BUILD", ROOT / "build")).resolve()
PAGES = BUILD / "src" / "cli"
# A command that takes longer hangs.
GUARD_SECONDS = 120
COLUMNS = 80


def run(*command):
    ended = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, timeout=GUARD_SECONDS, check=False)
    return ended.returncode, ended.stdout, ended.stderr


def rota(*arguments):
    code, out, err = run(BUILD / "rota", *arguments)
    if code or err:
        raise AssertionError(f"rota {arguments}: {code}\n{err}")
    return out


def commands():
    """Those of the overview; hidden ones have no page."""
    listing = rota("--help").split("Commands:\n")[1].split("\n\n")[0]
    return [re.match(r"  ([a-z]+( [a-z]+)*)  +\S", line)[1] for line in listing.splitlines()]


def page(command):
    return PAGES / ("-".join(["rota", *command.split()]) + ".1")


def plain(path):
    """The source without its escapes, as a person would read it."""
    text = path.read_text(encoding="ascii")
    for escape, letter in ((r"\-", "-"), (r"\(aq", "'"), (r"\(dq", '"'), (r"\fB", ""), (r"\fI", ""),
                           (r"\fR", ""), (r"\&", ""), (r"\e", "\\")):
        text = text.replace(escape, letter)
    return text


def options(command):
    """Every spelling of every option in the help of a command."""
    text = rota(*command.split(), "--help").split("\nOptions:\n")[1]
    forms = re.findall(r"^  (-.*?)(?:  |$)", text, re.MULTILINE)
    return [word for form in forms for word in re.findall(r"(?<!\S)--?[a-z][a-z0-9-]*", form)]


class Manual(unittest.TestCase):
    def test_every_command_has_a_page_and_every_page_a_command(self):
        self.assertEqual({path.name for path in PAGES.glob("*.1")},
                         {"rota.1", *(page(command).name for command in commands())})

    def test_a_page_has_every_option_of_its_command(self):
        seen = 0
        for command in ("", *commands()):
            text = plain(page(command))
            for option in options(command):
                self.assertRegex(text, rf"(?m)^(-.*, )?{re.escape(option)}( |,|$)", command)
                seen += 1
        self.assertGreater(seen, 100)

    def test_a_page_has_every_variable_and_default_of_the_reference(self):
        text = plain(page("agent"))
        for item in json.loads(rota("config", "reference", "-o", "json"))["settings"]:
            for flag in item["flags"][:1]:
                entry = text.split(f"\n{flag}")[1].split("\n.TP\n")[0]
                self.assertIn(f"Default: {item['default'] or 'none'}.", entry)
            for name in item["environment"]:
                told = f"As {item['flags'][0]}.\n" if item["flags"] else item["doc"].split(",")[0]
                self.assertIn(f"\n.TP\n{name}\n{told}", text)

    def test_the_overview_and_each_page_name_the_commands(self):
        overview = plain(PAGES / "rota.1")
        for command in commands():
            self.assertIn(f"\nrota {command}\n", overview)
            self.assertIn(f".BR {page(command).stem} (1)", overview)
            own = plain(page(command))
            self.assertIn(f"\n.SH NAME\n{page(command).stem} - ", own)
            self.assertIn("\n.SH SYNOPSIS\n", own)
            self.assertIn(".BR rota (1)", own)

    def test_sentences_begin_lines_and_lines_are_short(self):
        for path in PAGES.glob("*.1"):
            for line in path.read_text(encoding="ascii").splitlines():
                self.assertLess(len(line), COLUMNS, path)
                self.assertNotEqual(line, "", path)
                self.assertNotRegex(line, r"[a-z]\. +[A-Z]", path)

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_groff_has_no_warning(self):
        for path in PAGES.glob("*.1"):
            self.assertEqual(run("groff", "-man", "-ww", "-Tutf8", "-z", path), (0, "", ""), path)

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_mandoc_finds_nothing(self):
        for path in PAGES.glob("*.1"):
            self.assertEqual(run("mandoc", "-Tlint", path), (0, "", ""), path)

    @unittest.skipUnless(shutil.which("meson"), "meson is not installed")
    def test_install_puts_them_where_man_looks(self):
        code, out, err = run("meson", "introspect", "--installed", BUILD)
        self.assertEqual(code, 0, err)
        installed = json.loads(out)
        for path in PAGES.glob("*.1"):
            self.assertTrue(installed[str(path)].endswith(f"/man/man1/{path.name}"), path)


if __name__ == "__main__":
    unittest.main()
