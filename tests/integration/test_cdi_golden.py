# SPDX-License-Identifier: Apache-2.0
"""The golden specifications, as an independent reader of CDI's rules sees them."""

import json
import pathlib
import unittest

import cdi_reader

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "unit" / "golden" / "cdi"


class Reader(unittest.TestCase):
    """The reader knows a bad specification, so that what it says of ours counts."""

    def setUp(self):
        self.good = json.loads((GOLDEN / "one-t4.json").read_text())

    def refused(self, word, **changes):
        with self.assertRaisesRegex(cdi_reader.Refusal, word):
            cdi_reader.read(json.dumps({**self.good, **changes}))

    def test_takes_every_golden_file(self):
        paths = sorted(GOLDEN.glob("*.json"))
        self.assertGreater(len(paths), 7)
        for path in paths:
            with self.subTest(path=path.name):
                cdi_reader.read(path.read_text())

    def test_golden_files_are_minified(self):
        for path in GOLDEN.glob("*.json"):
            text = path.read_text()
            self.assertEqual(text, json.dumps(json.loads(text), separators=(",", ":")))

    def test_refuses_what_a_runtime_refuses(self):
        device = self.good["devices"][0]
        self.refused("needs 0.3.0", cdiVersion="0.5.0")
        self.refused("no version", cdiVersion="9")
        self.refused("no kind", kind="gpu")
        self.refused("a list of something", devices=[])
        self.refused("two devices", devices=[device, device])
        self.refused("without edits", devices=[{**device, "containerEdits": {}}])
        self.refused("no name", devices=[{**device, "name": "-a"}])
        self.refused("needs 0.5.0", devices=[{**device, "name": "0"}])
        self.refused("no env", containerEdits={"env": ["A"]})
        self.refused("no group", containerEdits={"additionalGids": [0]})
        self.refused("unknown", containerEdits={"devices": []})
        self.refused("options: missing", containerEdits={
            "mounts": [{"hostPath": "/a", "containerPath": "/b"}]})
        with self.assertRaisesRegex(cdi_reader.Refusal, "twice"):
            cdi_reader.read('{"kind":"a/b","kind":"a/b"}')


if __name__ == "__main__":
    unittest.main()
