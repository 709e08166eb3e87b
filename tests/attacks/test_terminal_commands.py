"""Names that command a terminal: what the commands print of others' names does nothing there, as JSON neither."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from attacks.people import Person, owner
from kunsthalle.testing import Served

EVIL = "a\x1b[2Jb\x9b31mc\x85d\x7fe\u202ef\u2066g"
SAFE = frozenset("\n\t")


def _said(served: Served, home: Path, *words: str) -> str:
    env = {**served.environment(), **served.env("outsider"), "IBMCLOUD_HOME": str(home)}
    command = [sys.executable, "-m", "kunsthalle", "ibmcloud", *words]
    told = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=120, env=env)
    assert told.returncode == 0, told.stderr
    return told.stdout + told.stderr


def _commanding(text: str) -> set[str]:
    """Characters that a terminal obeys and does not show."""
    ranges = [(0x00, 0x20), (0x7F, 0xA0), (0x200E, 0x2010), (0x2028, 0x202F), (0x2066, 0x206A)]
    return {one for one in text if one not in SAFE and any(low <= ord(one) < high for low, high in ranges)}


@pytest.fixture(scope="module")
def attacker(served: Served) -> Person:
    return owner(served, "outsider")


def test_nothing_that_is_printed_commands_the_terminal(served: Served, attacker: Person, tmp_path: Path) -> None:
    attacker.ok("POST", "/api/v1-beta/catalogs", {"label": EVIL, "short_description": EVIL})
    home = tmp_path / "home"
    _said(served, home, "login", "-a", served.url, "--apikey", attacker.secret, "-r", "us-south")
    shown = _said(served, home, "catalog", "list")
    assert _commanding(shown) == set()
    assert "a\\x1b[2Jb\\x9b31mc" in shown
    document = _said(served, home, "catalog", "list", "--output", "json")
    assert _commanding(document) == set()
    assert EVIL in [one["label"] for one in json.loads(document)], "programs read it as it is"
