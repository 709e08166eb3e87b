"""Reports for people, programs, GitHub and code scanning."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema_rs import validator_for

from fixtures.tools import ROOT
from kunsthalle import __version__
from kunsthalle.automation_checks.check_run import Finding, JudgedFile, Report
from kunsthalle.automation_checks.facts import Place
from kunsthalle.automation_checks.reports import FORMATS
from kunsthalle.automation_checks.rules import RULES, rule

SCHEMA = "tests/node/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
_WRONG, _RIGHT = "[a-zA-Z]{2}]?$", r"[a-zA-Z]{2}\\]?$"
"""A bracket of the schema's pattern for languages that only lenient readers take for itself."""
HOSTILE = "evil\x1b[31m\n::error::100%, a:b"
FILES = (
    JudgedFile("folder/my state.tfstate", "Terraform state", "account-a"),
    JudgedFile("plan.json", "Terraform plan", ""),
)
FINDINGS = (
    Finding(rule("foreign-image"), Place("folder/my state.tfstate", "ibm_is_instance.web", line=12), "It is foreign."),
    Finding(rule("masked-image"), Place("/plans/plan.json", "", line=1), HOSTILE),
    Finding(rule("masked-image"), Place("/plans/plan.json", "", line=1), HOSTILE),
    Finding(rule("unpinned-version"), Place("plan.json", 'x["a"]', line=3), "No version."),
)
REPORT = Report(FILES, FINDINGS, "http://127.0.0.1:8100")


def test_text_says_where_what_and_the_way_out() -> None:
    told = FORMATS["text"](REPORT)
    assert "folder/my state.tfstate: Terraform state, judged for the account account-a\n" in told
    assert "plan.json: Terraform plan, no account is known: name yours with --account\n" in told
    assert (
        "\nfolder/my state.tfstate:12: error [foreign-image]\n"
        "  ibm_is_instance.web: It is foreign.\n"
        f"  {rule('foreign-image').remedy}.\n"
    ) in told
    assert told.endswith("\n1 error, 1 warning, 2 notes. The server at http://127.0.0.1:8100 was asked.")
    assert "\x1b" not in told
    assert "\n::error" not in told


@pytest.mark.parametrize("form", FORMATS)
def test_no_report_has_what_utf8_cannot_hold(form: str) -> None:
    """Half a character is in names of JSON; names of files that are no UTF-8 come as halves too."""
    places = [Place("i\udcff.json", "i\ud800", line=1), Place("/i\udcff.json", "i\ud800", line=1)]
    findings = tuple(Finding(rule("masked-image"), place, "i\ud800") for place in places)
    told = FORMATS[form](Report((JudgedFile("i\udcff.json", "SDK answer", "\ud800"),), findings))
    told.encode()
    assert r"\ud800" in told


def test_text_says_that_nothing_was_found_and_nobody_asked() -> None:
    told = FORMATS["text"](Report((FILES[0],), ()))
    assert told.endswith("\nNothing was found. No server was asked: the files alone tell.")


def test_json_has_everything() -> None:
    told = json.loads(FORMATS["json"](REPORT))
    assert told["server"] == "http://127.0.0.1:8100"
    assert [one["account"] for one in told["files"]] == ["account-a", None]
    assert told["findings"][0] == {
        "rule": "foreign-image",
        "level": "error",
        "file": "folder/my state.tfstate",
        "line": 12,
        "subject": "ibm_is_instance.web",
        "message": "It is foreign.",
        "remedy": f"{rule('foreign-image').remedy}.",
    }
    assert told["findings"][1]["message"] == HOSTILE
    assert json.loads(FORMATS["json"](Report((), ())))["server"] is None


def test_github_has_a_command_a_finding_that_no_name_can_break() -> None:
    lines = FORMATS["github"](REPORT).split("\n")
    assert lines[0].startswith(
        "::error file=folder/my state.tfstate,line=12,title=foreign-image::ibm_is_instance.web: It is foreign. "
    )
    assert lines[1].startswith(
        "::notice file=/plans/plan.json,line=1,title=masked-image::evil\\x1b[31m%0A::error::100%25, a:b "
    )
    assert [line.partition(" ")[0] for line in lines[:4]] == ["::error", "::notice", "::notice", "::warning"]
    assert lines[4].startswith("1 error")
    assert len(lines) == 5


def _sarif(report: Report) -> Any:
    return json.loads(FORMATS["sarif"](report))


@pytest.mark.needs_node
@pytest.mark.parametrize("report", [REPORT, Report((), ())], ids=["findings", "nothing"])
def test_sarif_is_valid_by_the_schema_of_oasis(report: Report) -> None:
    text = (ROOT / SCHEMA).read_text().replace(_WRONG, _RIGHT)
    validator = validator_for(json.loads(text))
    log = _sarif(report)
    assert [one.message for one in validator.iter_errors(log)] == []
    log["runs"][0]["columnKind"] = "bytes"
    assert not validator.is_valid(log)


def test_sarif_has_what_code_scanning_reads() -> None:
    log = _sarif(REPORT)
    [run] = log["runs"]
    driver = run["tool"]["driver"]
    assert (log["version"], driver["semanticVersion"]) == ("2.1.0", __version__)
    assert [one["id"] for one in driver["rules"]] == [one.id for one in RULES]
    for result in run["results"]:
        assert driver["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in {"note", "warning", "error"}
        assert result["locations"][0]["physicalLocation"]["region"]["startLine"] >= 1
    places = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in run["results"]]
    assert places == ["folder/my%20state.tfstate", "file:///plans/plan.json", "file:///plans/plan.json", "plan.json"]
    assert run["results"][0]["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "ibm_is_instance.web"}]


def test_a_finding_keeps_its_fingerprint_when_its_line_moves() -> None:
    moved = Finding(
        FINDINGS[0].rule, Place("folder/my state.tfstate", "ibm_is_instance.web", line=40), "It is foreign."
    )
    marks = [
        one["partialFingerprints"]["findingHash/v1"]
        for report in (REPORT, Report(FILES, (moved,)))
        for one in _sarif(report)["runs"][0]["results"]
    ]
    assert marks[0] == marks[4]
    assert len(set(marks)) == 4  # the same message twice has two


def test_an_empty_sarif_log_has_no_results() -> None:
    assert _sarif(Report((), ()))["runs"][0]["results"] == []


@pytest.mark.parametrize("one", RULES, ids=lambda one: one.id)
def test_a_rule_is_told_in_sentences(one: Any) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", one.id)
    for text in (one.title, one.remedy):
        assert text[0].isupper() or text.startswith("`")
        assert not text.endswith(".")
    assert not one.promise or f"## {one.promise}: " in _promises()


def _promises() -> str:
    return (ROOT / "docs" / "rules.md").read_text()
