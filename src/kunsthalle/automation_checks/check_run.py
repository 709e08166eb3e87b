"""Checks files: reads them all, asks the server where there is one, and applies every rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from kunsthalle.automation_checks.checked_files import CheckedFile, read
from kunsthalle.automation_checks.facts import Facts, Place
from kunsthalle.automation_checks.knowledge import Known, known_from
from kunsthalle.automation_checks.rules import RULES, Rule
from kunsthalle.core.records import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that something in a file breaks: where, and what is wrong. The way out is the rule's."""

    rule: Rule
    place: Place
    message: str


@dataclass(frozen=True, slots=True)
class JudgedFile:
    """A file, what it is, and the account that it was judged for; an empty text where none is known."""

    file: str
    form: str
    account: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a check came to. `server`: the address of the server that was asked, or an empty text."""

    files: tuple[JudgedFile, ...]
    findings: tuple[Finding, ...]
    server: str = ""


class Source(Protocol):
    """Somebody who knows more than the files."""

    url: str

    def teach(self, known: Known, files: Collection[Facts]) -> None:
        """Add what is known there about the images and versions of files."""


def check(paths: Iterable[Path], own: str = "", source: Source | None = None, ignored: Collection[str] = ()) -> Report:
    """Check files. All are read before anything is asked or judged; BadFile for the first that cannot be read.

    `own` is the account that the user says is theirs, `ignored` are ids of rules that are left out.
    """
    files = [_for_account(read(path, own), own) for path in paths]
    together = [file.facts for file in files if not file.facts.apart]
    known = known_from(together)
    if source is not None and together:
        source.teach(known, together)
    findings = [
        finding
        for file in files
        for finding in _findings(file, known_from([file.facts]) if file.facts.apart else known, ignored)
    ]
    judged = tuple(JudgedFile(file.facts.file, file.facts.form, _judged_for(file.facts, own)) for file in files)
    return Report(judged, tuple(findings), source.url if source is not None and together else "")


def _for_account(file: CheckedFile, own: str) -> CheckedFile:
    """Have what does not say whose it is be of the account that the user says, or that all else in the file is of."""
    facts = file.facts
    account = own or facts.account
    facts.uses = [use if use.account else replace(use, account=account) for use in facts.uses]
    facts.lookups = [lookup if lookup.account else replace(lookup, account=account) for lookup in facts.lookups]
    facts.reads = [read if read.account else replace(read, account=account) for read in facts.reads]
    return file


def _judged_for(facts: Facts, own: str) -> str:
    if facts.apart:
        return "each caller"
    return own or ", ".join(sorted(facts.accounts))


def _findings(file: CheckedFile, known: Known, ignored: Collection[str]) -> list[Finding]:
    hits = [
        Finding(rule, place, message)
        for rule in RULES
        if rule.id not in ignored
        for place, message in rule.find(file.facts, known)
    ]
    lines = file.lines([hit.place for hit in hits])
    placed = [replace(hit, place=file.place(hit.place, lines)) for hit in hits]
    return sorted(placed, key=lambda hit: hit.place.line)
