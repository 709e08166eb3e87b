"""What somebody meets first in the repository: forms for issues, how people treat each other, where faults are told."""

from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.tools import ROOT
from kunsthalle import __version__

FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def _checked(path: Path) -> subprocess.CompletedProcess[str]:
    schema = "vendor.github-issue-config" if path.name == "config.yml" else "vendor.github-issue-forms"
    command = [str(Path(sys.executable).parent / "check-jsonschema"), "--builtin-schema", schema, str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.name)
def test_a_form_is_one_that_the_schema_allows(path: Path) -> None:
    checked = _checked(path)
    assert checked.returncode == 0, checked.stdout


def test_a_form_that_the_schema_does_not_allow_is_found(tmp_path: Path) -> None:
    broken = tmp_path / "fault.yml"
    broken.write_text(FORMS[1].read_text().replace("body:", "bodies:"))
    assert _checked(broken).returncode == 1


def _fields(name: str) -> dict[str, Any]:
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / name).read_text())
    return {part["id"]: part for part in form["body"] if "id" in part}


def test_a_fault_is_told_with_the_transcript_of_a_run() -> None:
    transcript = _fields("fault.yml")["transcript"]
    assert transcript["validations"] == {"required": True}
    assert "kunsthalle run --record" in transcript["attributes"]["description"]
    assert "kunsthalle report" in transcript["attributes"]["description"]


def test_conduct_is_reported_where_vulnerabilities_are() -> None:
    assert "(SECURITY.md)" in (ROOT / "CODE_OF_CONDUCT.md").read_text()
    assert "## Reporting" in (ROOT / "SECURITY.md").read_text()


KINDS = ["Added", "Changed", "Fixed", "Security"]
"""The headings of a version in CHANGELOG.md, in this order."""


def _versions(text: str) -> list[tuple[str, str, list[str]]]:
    """Each version of a changelog in its order: its number, its day, and the lines below it."""
    parts = re.split(r"^## (?:(Unreleased)|(\d+\.\d+\.\d+) \((\d{4}-\d{2}-\d{2})\))$", text, flags=re.MULTILINE)
    return [
        (unreleased or number, day or "", lines.splitlines())
        for unreleased, number, day, lines in zip(*(parts[start::4] for start in (1, 2, 3, 4)), strict=True)
    ]


def _wrong(text: str) -> list[str]:
    """What in a changelog has not the form that CONTRIBUTING.md says."""
    versions = _versions(text)
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    wrong = [] if len(headings) == len(versions) else [f"headings: {headings}"]
    numbers = [tuple(map(int, number.split("."))) for number, _, _ in versions if number != "Unreleased"]
    wrong += [f"order: {earlier} above {later}" for earlier, later in pairwise(numbers) if earlier <= later]
    wrong += [f"not on top: {number}" for number, _, _ in versions[1:] if number == "Unreleased"]
    for number, day, lines in versions:
        if day:
            dt.date.fromisoformat(day)
        kinds = [line.removeprefix("### ") for line in lines if line.startswith("### ")]
        wrong += [] if kinds == [kind for kind in KINDS if kind in kinds] else [f"{number}: {kinds}"]
        first = next((place for place, line in enumerate(lines) if line.startswith("### ")), len(lines))
        entries = [line for line in lines[first:] if line and not line.startswith("### ")]
        wrong += [f"{number}: {line[:60]}" for line in entries if not re.match(r"- [A-Z0-9`]", line)]
    lines = [line for line in text.splitlines() if line.startswith("- ")]
    return wrong + [f"twice: {line[:60]}" for line in set(lines) if lines.count(line) > 1]


def test_the_changelog_has_its_form_and_begins_with_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert _wrong(text) == []
    released = [number for number, _, _ in _versions(text) if number != "Unreleased"]
    assert released[0] == __version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("## 0.1.0 (2026-01-01)\n\n## 0.2.0 (2026-01-02)\n", ["order: (0, 1, 0) above (0, 2, 0)"]),
        ("## 0.1.0 (2026-01-01)\n\n## Unreleased\n", ["not on top: Unreleased"]),
        ("## 0.1.0\n", ["headings: ['## 0.1.0']"]),
        ("## Unreleased\n\n### Fixed\n\n- One.\n\n### Added\n\n- Two.\n", ["Unreleased: ['Fixed', 'Added']"]),
        ("## Unreleased\n\n### Fixed\n\n- One\n  two.\n", ["Unreleased:   two."]),
        ("## Unreleased\n\n### Fixed\n\n- One.\n- One.\n", ["twice: - One."]),
        ("# Changelog\n\n## 0.1.0 (2026-01-01)\n\nWords.\n\n### Added\n\n- One.\n", []),
    ],
)
def test_what_a_changelog_must_not_have_is_found(text: str, wrong: list[str]) -> None:
    assert _wrong(text) == wrong
