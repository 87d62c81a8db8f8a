# SPDX-License-Identifier: Apache-2.0
"""CDI specifications as a strict container runtime reads them: the rules of the specification 1.1.0,
written down independently of the ones in C. What a runtime would refuse is a Refusal."""

import json
import pathlib
import re

# Field of an object: (the version of CDI that brought it, what it holds). "!" marks one that must be there.
EDITS = {
    "env": ("0.3.0", ["env"]),
    "deviceNodes": ("0.3.0", [{
        "path!": ("0.3.0", "path"), "hostPath": ("0.5.0", "path"), "type": ("0.3.0", "text"),
        "major": ("0.3.0", "number"), "minor": ("0.3.0", "number"), "fileMode": ("0.3.0", "number"),
        "permissions": ("0.3.0", "text"), "uid": ("0.3.0", "number"), "gid": ("0.3.0", "number")}]),
    "hooks": ("0.3.0", [{
        "hookName!": ("0.3.0", "stage"), "path!": ("0.3.0", "path"), "args": ("0.3.0", ["text"]),
        "env": ("0.3.0", ["env"]), "timeout": ("0.3.0", "number")}]),
    "mounts": ("0.3.0", [{
        "hostPath!": ("0.3.0", "path"), "containerPath!": ("0.3.0", "path"),
        "options!": ("0.3.0", ["text"]), "type": ("0.4.0", "text")}]),
    "additionalGids": ("0.7.0", ["group"]),
}
SPECIFICATION = {
    "cdiVersion!": ("0.3.0", "version"), "kind!": ("0.3.0", "kind"),
    "annotations": ("0.6.0", "texts"),
    "devices!": ("0.3.0", [{"name!": ("0.3.0", "name"), "annotations": ("0.6.0", "texts"),
                            "containerEdits!": ("0.3.0", EDITS)}]),
    "containerEdits": ("0.3.0", EDITS),
}
VERSIONS = ("0.3.0", "0.4.0", "0.5.0", "0.6.0", "0.7.0", "0.8.0", "1.0.0", "1.1.0")
STAGES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")
ALPHANUMERIC = "A-Za-z0-9"
PART = rf"[A-Za-z](?:[{ALPHANUMERIC}_.-]*[{ALPHANUMERIC}])?"
KIND = re.compile(rf"({PART})/({PART})")
NAME = re.compile(rf"[{ALPHANUMERIC}](?:[{ALPHANUMERIC}_.:-]*[{ALPHANUMERIC}])?")
VENDOR_MAX, CLASS_MAX = 253, 63


class Refusal(Exception):
    """Why a runtime would not take it."""


def is_number(value):
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2 ** 32


def is_kind(value):
    match = isinstance(value, str) and KIND.fullmatch(value)
    return bool(match) and len(match[1]) <= VENDOR_MAX and len(match[2]) <= CLASS_MAX


SCALARS = {
    "text": lambda value: isinstance(value, str) and bool(value),
    "texts": lambda value: isinstance(value, dict) and all(
        isinstance(text, str) for text in value.values()),
    "env": lambda value: isinstance(value, str) and value.find("=") > 0,
    "path": lambda value: isinstance(value, str) and value.startswith("/"),
    "number": is_number,
    "group": lambda value: is_number(value) and value > 0,
    "stage": lambda value: value in STAGES,
    "version": lambda value: value in VERSIONS,
    "kind": is_kind,
    "name": lambda value: isinstance(value, str) and bool(NAME.fullmatch(value)),
}


def check(value, shape, place, used):
    """Add to used the version that each field needs."""
    if isinstance(shape, str):
        if not SCALARS[shape](value):
            raise Refusal(f"{place}: {value!r} is no {shape}")
    elif isinstance(shape, list):
        if not isinstance(value, list) or not value:
            raise Refusal(f"{place}: not a list of something")
        for number, item in enumerate(value):
            check(item, shape[0], f"{place}[{number}]", used)
    else:
        check_object(value, shape, place, used)


def check_object(value, fields, place, used):
    if not isinstance(value, dict):
        raise Refusal(f"{place}: not an object")
    known = {name.rstrip("!"): field for name, field in fields.items()}
    for name in value:
        if name not in known:
            raise Refusal(f"{place}.{name}: unknown")
        used.add(known[name][0])
        check(value[name], known[name][1], f"{place}.{name}", used)
    for name in fields:
        if name.endswith("!") and name[:-1] not in value:
            raise Refusal(f"{place}.{name[:-1]}: missing")


def no_repeated_keys(pairs):
    if len(dict(pairs)) != len(pairs):
        raise Refusal("a key stands twice")
    return dict(pairs)


def read(text):
    """The checked document. Its version must be the lowest that will do."""
    document = json.loads(text, object_pairs_hook=no_repeated_keys)
    used = {VERSIONS[0]}
    check(document, SPECIFICATION, "", used)
    if "." in document["kind"].split("/")[1]:
        used.add("0.6.0")
    names = [device["name"] for device in document["devices"]]
    if len(set(names)) != len(names):
        raise Refusal("two devices of one name")
    if any(name[0].isdigit() for name in names):
        used.add("0.5.0")
    if not all(device["containerEdits"] for device in document["devices"]):
        raise Refusal("a device without edits")
    needed = max(used, key=VERSIONS.index)
    if document["cdiVersion"] != needed:
        raise Refusal(f"is of {document['cdiVersion']} and needs {needed}")
    return document


class Registry:
    """What a runtime knows: the specifications of one folder."""

    def __init__(self, folder):
        self.devices = {}
        for path in sorted(pathlib.Path(folder).glob("*.json")):
            document = read(path.read_text())
            for device in document["devices"]:
                name = f"{document['kind']}={device['name']}"
                if name in self.devices:
                    raise Refusal(f"{name}: described twice")
                self.devices[name] = (device["containerEdits"], document.get("containerEdits", {}))

    def nodes(self, name):
        """Paths of the device nodes on the host that this device brings."""
        if name not in self.devices:
            raise Refusal(f"unresolvable CDI device {name}")
        return [node.get("hostPath", node["path"]) for edits in self.devices[name]
                for node in edits.get("deviceNodes", [])]
