"""NOTICE names everything that the product is installed with, and nothing of it is under the GPL where we use it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from fnmatch import fnmatch

from fixtures.tools import ROOT, tool

notice = tool("notice")
CONSOLE = ROOT / "src" / "kunsthalle" / "console" / "static"
PERMISSIVE = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MIT-0", "PSF-2.0"}
SEPARATE = {"LGPL-2.0-or-later", "LGPL-2.1-only", "LGPL-3.0-only", "MPL-2.0"}
"""Used as libraries of their own: each has a remark that says so."""


def test_every_locked_package_is_named_with_its_version() -> None:
    named = set(re.findall(r"^(\S+ \S+)\n  Licence: ", (ROOT / "NOTICE").read_text(), re.MULTILINE))
    assert named == {f"{name} {version}" for name, version in notice.locked().items()}
    assert len(named) > 30


def test_every_package_that_the_console_holds_parts_of_is_named_with_its_licence() -> None:
    held = notice.held()
    text, texts = (ROOT / "NOTICE").read_text(), (CONSOLE / "licences.txt").read_text()
    for name, (version, licence) in held.items():
        assert f"{name} {version}\n  Terms: {licence}\n" in text
        assert name.startswith("@carbon/") or f"{name} {version}\n" in texts, "licences.txt has no text of it"
    files = {pattern for files, _ in notice.HELD.values() for pattern in files.split(", ")}
    built = json.loads((ROOT / "tools/console_assets/built.json").read_text())["files"]
    unnamed = [one for one in built if not any(fnmatch(one, pattern) for pattern in files)]
    assert unnamed == ["licences.txt"]
    assert {licence for _, licence in held.values()} == {"Apache-2.0", "MIT", "MPL-2.0", "OFL-1.1"}


def test_the_licences_are_ones_that_the_product_can_be_used_with() -> None:
    for one in notice.packages():
        options = set(re.split(r" OR | AND ", one.licence))
        assert options <= PERMISSIVE | SEPARATE, one
        assert options <= PERMISSIVE or one.name in notice.REMARKS, f"{one.name}: say how it is used"


def test_the_module_under_the_gpl_is_never_loaded() -> None:
    program = (
        "import sys, kunsthalle.hypervisor.qemu.qmp; print(sorted(m for m in sys.modules if m.startswith('qemu.')))"
    )
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert "'qemu.qmp.qmp_client'" in loaded
    assert "legacy" not in loaded
    sources = (ROOT / "src").rglob("*.py")
    assert [path.name for path in sources if "qemu.qmp.legacy" in path.read_text()] == []


def test_a_package_that_says_its_licence_in_some_other_way_is_not_passed_over() -> None:
    from email.message import Message

    found = Message()
    found["License"] = "See the file."
    assert notice.licence_of("unknown", found) == ""
    found["Classifier"] = "License :: OSI Approved :: MIT License"
    assert notice.licence_of("unknown", found) == "MIT"
