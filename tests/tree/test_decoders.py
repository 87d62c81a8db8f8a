# SPDX-License-Identifier: Apache-2.0
"""Whatever makes values of bytes or words from outside has a fuzz target."""

import re

from tree import ROOT, TreeTest, sources

DECODER = re.compile(r"\b([a-z0-9]\w*_(?:decode|parse|read)(?:_\w+)?)\(")
# Not called by the target itself, but with its bytes by what it calls.
WITHIN = {
    "tree_parse": "config",
    "value_read": "config",
    "reader_read": "config",
    "envelope_decode": "rpc",
    "percent_decode": "rpc",
    "replica_parse_end": "text",
    "timeout_parse": "rpc",
}
EXEMPT = {
    "file_read": "hands on the bytes as they are",
    "file_read_stream": "as file_read",
    "inventory_read": "asks NVML: structs of fixed size from a library that runs in our process",
    "parts_read": "as inventory_read",
    "option_parse": "the command line of who starts us; its words are the target text",
}


def decoders(root, folders=("src",)):
    """Declared in a header, so that others call them: {name: header}."""
    return {name: path for path in sources(root, folders, (".h",))
            for name in DECODER.findall(without_comments((root / path).read_text()))}


def without_comments(text):
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def targets(root):
    return {path.stem.removeprefix("fuzz_"): (root / path).read_text()
            for path in sources(root, ("tests/fuzz",), (".c",)) if path.stem.startswith("fuzz_")}


def decoder_faults(root, within, exempt):
    known, fuzzed = decoders(root), targets(root)
    called = {name for text in fuzzed.values() for name in DECODER.findall(text)}
    faults = [f"{path}: {name}() has no target in tests/fuzz"
              for name, path in sorted(known.items())
              if name not in called and name not in exempt and within.get(name) not in fuzzed]
    faults += [f"{name}: is in a table of this test and not in src/"
               for name in sorted({*within, *exempt} - set(known))]
    faults += [f"tests/fuzz/corpus/{stem}: has no input" for stem in sorted(fuzzed)
               if not any((root / "tests/fuzz/corpus" / stem).glob("*"))]
    return faults


HEADER = "int thing_decode(const char *bytes, struct thing *ret);\n"
TARGET = {"tests/fuzz/fuzz_thing.c": "thing_decode(data, &thing);", "tests/fuzz/corpus/thing/a": ""}


class DecodersTest(TreeTest):
    def test_every_decoder_has_a_target(self):
        self.assert_no_faults(decoder_faults(ROOT, WITHIN, EXEMPT))

    def test_those_of_every_edge_are_found(self):
        found = decoders(ROOT)
        for name in ("wire_decode_allocate", "pods_wire_decode", "packet_decode_answer",
                     "http_head_parse", "envelope_decode", "tree_parse", "replica_parse"):
            self.assertIn(name, found)

    def test_the_protocols_without_a_decoder_of_their_own_have_one_too(self):
        self.assertLessEqual({"config", "control", "http_head", "packet", "pods_wire", "rpc",
                              "scenario", "wire"}, set(targets(ROOT)))

    def test_accepts_a_decoder_with_its_target(self):
        root = self.plant({"src/rpc/thing.h": HEADER, **TARGET})
        self.assert_no_faults(decoder_faults(root, {}, {}))

    def test_finds_a_decoder_without_a_target(self):
        root = self.plant({"src/rpc/thing.h": HEADER, "tests/fuzz/replay.c": "thing_decode(a, b);"})
        self.assert_one_fault(decoder_faults(root, {}, {}), "src/rpc/thing.h", "thing_decode()")
        self.assert_one_fault(decoder_faults(root, {"thing_decode": "gone"}, {}), "thing_decode()")
        self.assert_no_faults(decoder_faults(root, {}, {"thing_decode": "why"}))

    def test_finds_a_row_without_a_decoder(self):
        root = self.plant({"src/rpc/thing.h": HEADER, **TARGET})
        self.assert_one_fault(decoder_faults(root, {}, {"lost_parse": "why"}), "lost_parse")

    def test_finds_a_target_without_inputs(self):
        root = self.plant({"src/rpc/thing.h": HEADER,
                           "tests/fuzz/fuzz_thing.c": "thing_decode(data, &thing);"})
        self.assert_one_fault(decoder_faults(root, {}, {}), "corpus/thing", "no input")
