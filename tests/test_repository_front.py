"""What somebody meets first in the repository: forms for issues, how people treat each other, where faults are told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.tools import ROOT

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
