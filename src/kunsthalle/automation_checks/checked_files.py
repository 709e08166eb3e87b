"""Reads what is to be checked: what is wrong with a file is told with file, line and reason."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from kunsthalle.automation_checks import answer_facts, terraform_facts, transcript_facts
from kunsthalle.automation_checks.facts import Facts, Place, Steps
from kunsthalle.automation_checks.json_lines import lines_of, nearest
from kunsthalle.automation_checks.terraform_documents import (
    Plan,
    Resource,
    Shown,
    State,
    of_plan,
    of_shown,
    of_state,
)
from kunsthalle.core.records import dataclass
from kunsthalle.transcripts.parsing import BadTranscript, parse

MOST_BYTES = 1 << 26
_STATE_VERSION = 4
_TRANSCRIPT = "kunsthalle transcript"
_ZIP = b"PK\x03\x04"
_WHERE = re.compile(r" - at `(?:key in )?\$([^`]*)`$")
_STEP = re.compile(r"\.([A-Za-z_]\w*)|\[(\d+|\.\.\.)\]")
T = TypeVar("T")


class BadFile(Exception):
    """A file that cannot be read; the message begins with file and line."""


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A file that was read: its text, and what it says. `positions`: whether places in it are steps in JSON."""

    text: str
    facts: Facts
    positions: bool

    def place(self, place: Place, lines: dict[Steps, int]) -> Place:
        """A place with its line."""
        return replace(place, line=nearest(lines, place.steps) or 1) if self.positions else place

    def lines(self, places: list[Place]) -> dict[Steps, int]:
        """The lines of places in JSON, and of what they are in."""
        if not self.positions:
            return {}
        steps = {place.steps[:depth] for place in places for depth in range(len(place.steps) + 1)}
        return lines_of(self.text, steps)


def read(path: Path, own: str = "") -> CheckedFile:
    """Read a file of any of the forms. `own` is the account that the user says is theirs. BadFile otherwise."""
    text = _text(path)
    if text.startswith(_TRANSCRIPT):
        return _transcript(path, text)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadFile(f"{path}:{error.lineno}: this is neither JSON nor a transcript: {error.msg}.") from error
    except (RecursionError, ValueError) as error:
        raise BadFile(f"{path}:1: this JSON is nested too deeply, or has a number that is too long.") from error
    return CheckedFile(text, _facts(path, text, document, own), positions=True)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}.") from error
    if len(raw) > MOST_BYTES:
        raise BadFile(f"{path}: a file has at most {MOST_BYTES} bytes.")
    if raw.startswith(_ZIP):
        raise BadFile(f"{path}: this is a plan in Terraform's own form. Check what `terraform show -json FILE` prints.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BadFile(f"{path}:{line}: the file is not UTF-8 text.") from error


def _transcript(path: Path, text: str) -> CheckedFile:
    try:
        transcript = parse(text, str(path))
    except BadTranscript as error:
        raise BadFile(str(error)) from error
    facts = Facts(str(path), "transcript", apart=True)
    transcript_facts.collect(facts, transcript)
    return CheckedFile(text, facts, positions=False)


def _facts(path: Path, text: str, document: Any, own: str) -> Facts:
    if isinstance(document, dict) and "format_version" in document:
        return _shown_by_terraform(path, text, document, own)
    if isinstance(document, dict) and "terraform_version" in document:
        return _state(path, text, document, own)
    facts = Facts(str(path), "SDK answer")
    try:
        known = answer_facts.collect(facts, document, Place(str(path), ""))
    except RecursionError as error:
        raise BadFile(f"{path}:1: this JSON is nested too deeply.") from error
    if not known:
        forms = "a Terraform state or plan, an SDK's answer (which has a CRN, or a list with items), or a transcript"
        raise BadFile(f"{path}:1: this is none of what can be checked: {forms}.")
    return facts


def _state(path: Path, text: str, document: dict[str, Any], own: str) -> Facts:
    version = document.get("version")
    if version != _STATE_VERSION:
        line = lines_of(text, [("version",)]).get(("version",), 1)
        raise BadFile(
            f"{path}:{line}: this state is of version {version!r}; known is {_STATE_VERSION}. Terraform 0.12 and later"
            " write it anew with `terraform apply -refresh-only`."
        )
    resources = list(of_state(_converted(path, text, document, State)))
    return _of_terraform(path, "Terraform state", resources, own)


def _shown_by_terraform(path: Path, text: str, document: dict[str, Any], own: str) -> Facts:
    version = document["format_version"]
    if not isinstance(version, str) or version.partition(".")[0] not in {"0", "1"}:
        line = lines_of(text, [("format_version",)]).get(("format_version",), 1)
        raise BadFile(f"{path}:{line}: what `terraform show -json` wrote is of version {version!r}; known are 0 and 1.")
    if "resource_changes" in document or "planned_values" in document:
        plan = list(of_plan(_converted(path, text, document, Plan)))
        return _of_terraform(path, "Terraform plan", plan, own)
    shown = list(of_shown(_converted(path, text, document, Shown)))
    return _of_terraform(path, "Terraform state", shown, own)


def _of_terraform(path: Path, form: str, resources: list[Resource], own: str) -> Facts:
    facts = Facts(str(path), form)
    terraform_facts.collect(facts, resources, own)
    return facts


def _converted(path: Path, text: str, document: dict[str, Any], type_: type[T]) -> T:
    try:
        return msgspec.convert(document, type_)
    except RecursionError as error:
        raise BadFile(f"{path}:1: this JSON is nested too deeply.") from error
    except UnicodeEncodeError as error:
        raise BadFile(f"{path}:1: this JSON has half a character (an escape from \\ud800 to \\udfff alone).") from error
    except msgspec.ValidationError as error:
        raise BadFile(_wrong_shape(path, text, str(error))) from error


def _wrong_shape(path: Path, text: str, message: str) -> str:
    where = _WHERE.search(message)
    steps: list[str | int] = []
    for name, index in _STEP.findall(where[1] if where else ""):
        if index == "...":
            break  # msgspec does not tell which key of a map it was
        steps.append(int(index) if index else name)
    prefixes = [tuple(steps[:depth]) for depth in range(len(steps) + 1)]
    line = nearest(lines_of(text, prefixes), tuple(steps)) or 1
    shown = (where[1] if where else "").lstrip(".") or "the document"
    return f"{path}:{line}: {shown}: {_WHERE.sub('', message)}."
