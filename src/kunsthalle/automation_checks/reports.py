"""Reports of a check: text for people, JSON, annotations of GitHub, and SARIF 2.1.0."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from kunsthalle import __version__
from kunsthalle.automation_checks.check_run import Finding, Report
from kunsthalle.automation_checks.rules import RULES, Level, Rule
from kunsthalle.local.display import escape, to_json
from kunsthalle.local.text_tables import line

Doc = dict[str, Any]
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_COMMANDS = {Level.ERROR: "error", Level.WARNING: "warning", Level.NOTE: "notice"}


def as_text(report: Report) -> str:
    """For people: each file with what it was judged for, each finding with its place and the way out."""
    lines = [_judged(file.file, file.form, file.account) for file in report.files]
    for finding in report.findings:
        lines += ["", f"{_where(finding)}: {finding.rule.level} [{finding.rule.id}]"]
        subject = f"{finding.place.subject}: " if finding.place.subject else ""
        lines += [line(f"  {subject}{finding.message}"), line(f"  {finding.rule.remedy}.")]
    return "\n".join([*lines, "", _summary(report)])


def _judged(file: str, form: str, account: str) -> str:
    whose = f"judged for the account {account}" if account else "no account is known: name yours with --account"
    return line(f"{file}: {form}, {whose if account != 'each caller' else 'judged for each caller'}")


def _where(finding: Finding) -> str:
    return line(f"{finding.place.file}:{finding.place.line}")


def _summary(report: Report) -> str:
    counted = Counter(finding.rule.level for finding in report.findings)
    numbers = [f"{counted[level]} {level}{'s' if counted[level] != 1 else ''}" for level in reversed(Level)]
    told = ", ".join(count for count in numbers if not count.startswith("0 ")) or "Nothing was found"
    by = f"The server at {report.server} was asked" if report.server else "No server was asked: the files alone tell"
    return line(f"{told}. {by}.")


def as_json(report: Report) -> str:
    """For programs: `files`, `findings`, and `server`, which is null where none was asked."""
    return to_json(
        {
            "server": report.server or None,
            "files": [{"file": file.file, "form": file.form, "account": file.account or None} for file in report.files],
            "findings": [
                {
                    "rule": finding.rule.id,
                    "level": finding.rule.level.value,
                    "file": finding.place.file,
                    "line": finding.place.line,
                    "subject": finding.place.subject,
                    "message": finding.message,
                    "remedy": f"{finding.rule.remedy}.",
                }
                for finding in report.findings
            ],
        },
        indent=2,
    )


def as_github(report: Report) -> str:
    """Workflow commands, which GitHub Actions shows as annotations; and the summary, which its log shows."""
    return "\n".join([*map(_command, report.findings), _summary(report)])


def _command(finding: Finding) -> str:
    subject = f"{finding.place.subject}: " if finding.place.subject else ""
    properties = {"file": finding.place.file, "line": str(finding.place.line), "title": finding.rule.id}
    told = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    message = f"{subject}{finding.message} {finding.rule.remedy}."
    return f"::{_COMMANDS[finding.rule.level]} {told}::{_data(message)}"


def _data(text: str) -> str:
    """As the runner's toolkit escapes messages; what else a terminal would obey is written out."""
    escaped = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return escape(escaped)


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(report: Report) -> str:
    """SARIF 2.1.0, as code scanning services read it."""
    driver = {
        "name": "kunsthalle check",
        "semanticVersion": __version__,
        "rules": [_sarif_rule(rule) for rule in RULES],
    }
    results = list(_sarif_results(report))
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return to_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _sarif_rule(rule: Rule) -> Doc:
    return {
        "id": rule.id,
        "name": "".join(word.title() for word in rule.id.split("-")),
        "shortDescription": {"text": f"{rule.title}."},
        "help": {"text": f"{rule.remedy}."},
        "defaultConfiguration": {"level": rule.level.value},
        "properties": {"promise": rule.promise},
    }


def _sarif_results(report: Report) -> Iterator[Doc]:
    positions = {rule.id: number for number, rule in enumerate(RULES)}
    seen: Counter[str] = Counter()
    for finding in report.findings:
        subject = f"{finding.place.subject}: " if finding.place.subject else ""
        named = (finding.rule.id, finding.place.file, finding.place.subject, finding.message)
        mark = hashlib.sha256(repr(named).encode()).hexdigest()
        seen[mark] += 1
        location: Doc = {
            "physicalLocation": {
                "artifactLocation": {"uri": _uri(finding.place.file)},
                "region": {"startLine": finding.place.line},
            }
        }
        if finding.place.subject:
            location["logicalLocations"] = [{"fullyQualifiedName": finding.place.subject}]
        yield {
            "ruleId": finding.rule.id,
            "ruleIndex": positions[finding.rule.id],
            "level": finding.rule.level.value,
            "message": {"text": f"{subject}{finding.message} {finding.rule.remedy}."},
            "locations": [location],
            "partialFingerprints": {"findingHash/v1": f"{mark[:32]}:{seen[mark]}"},
        }


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(os.fsencode(path.as_posix()))


FORMATS: dict[str, Callable[[Report], str]] = {
    "text": as_text,
    "json": as_json,
    "github": as_github,
    "sarif": as_sarif,
}
"""The formats of `--format`."""
