"""What the console takes from npm: the committed files are those that the committed lock builds."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from fixtures.tools import tool

console_build = tool("console_build")


def test_the_files_are_those_of_the_last_build() -> None:
    """Needs neither Node nor a network: what a build was made from and what it made, by their digests."""
    recorded = console_build.recorded()
    assert recorded["sources"] == console_build.sources(), "run ./dev assets: what the files are built from has changed"
    found = {name: hashlib.sha256((console_build.TARGET / name).read_bytes()).hexdigest() for name in recorded["files"]}
    assert found == recorded["files"], "run ./dev assets: a built file was changed by hand"


@pytest.mark.needs_console_assets
def test_the_lock_builds_the_committed_files(tmp_path: Path) -> None:
    assert console_build.build(tmp_path) == console_build.recorded()["files"]


def test_versions_are_exact_and_no_registry_is_named() -> None:
    package = json.loads((console_build.FOLDER / "package.json").read_text())
    lock = (console_build.FOLDER / "package-lock.json").read_text()
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["devDependencies"].values())
    assert "resolved" not in lock
    assert set(package["devDependencies"]) == set(json.loads(lock)["packages"][""]["devDependencies"])


def test_fonts_are_asked_for_by_the_marks_of_their_bytes() -> None:
    from kunsthalle.console import static

    sheet = (console_build.TARGET / "carbon.css").read_text()
    addresses = re.findall(r'url\("([^"]+)"\)', sheet)
    assert len(addresses) == 3
    for address in addresses:
        assert address == static.address(address.split("/")[-1].split("?")[0])


def test_nothing_that_a_content_security_policy_forbids_is_built_in() -> None:
    for name in ("xterm.js", "novnc.js"):
        script = (console_build.TARGET / name).read_text()
        assert not re.search(r'createElement\("style"\)|setAttribute\("style"|\beval\(|new Function\(', script), name
