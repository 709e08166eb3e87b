"""What the last runs on the lab came to, kept for docs/compatibility.md: docs/compatibility/openstack.json."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULT = Path(__file__).resolve().parents[2] / "docs" / "compatibility" / "openstack.json"
LOCK = Path(__file__).with_name("lab.lock")
_NAMES = ("Nova", "Cinder", "Glance", "Keystone", "openstacksdk")
_DIFFERENCES = [
    {"what": "Encrypted volumes", "reason": "Refused: the cloud would have to know the passphrase."},
    {"what": "A forced stop", "reason": "Nova presses the button, and cuts when its own `shutdown_timeout` is over."},
    {"what": "Snapshots", "reason": "Cinder keeps a volume for its snapshots: one that is deleted goes with the last."},
    {"what": "Carriage returns and escapes in what was said before a session", "reason": "Nova leaves them out."},
]


def write(report: Path) -> None:
    """Takes the tests of a report in JUnit's form into the result; those that did not run stay as they were."""
    known: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {"walks": []}
    today = datetime.now(UTC).date().isoformat()
    walks = {
        walk["name"]: {step["name"]: {"date": known["date"], **step} for step in walk["steps"]}
        for walk in known["walks"]
    }
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314  pytest has just written it
        walk = case.attrib["classname"].rpartition(".test_")[2].replace("_", "-")
        name = case.attrib["name"].removeprefix("test_").removesuffix("[fleet]").replace("_", " ")
        passed = case.find("failure") is None and case.find("error") is None
        counts = {each.attrib["name"]: int(each.attrib["value"]) for each in case.iter("property")}
        step = {"name": name, "passed": passed, "date": today}
        walks.setdefault(walk, {})[name] = {**step, **({"counts": counts} if counts else {})}
    versions = dict(re.findall(r"^([\w.-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))
    result = {
        "date": today,
        "versions": [f"{name} {versions[name.lower()]}" for name in _NAMES],
        "walks": [{"name": walk, "covers": [], "steps": list(steps.values())} for walk, steps in sorted(walks.items())],
        "differences": _DIFFERENCES,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
