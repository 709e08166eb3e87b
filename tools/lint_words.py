"""The words that this project does not use, and what it says instead; run by `./dev lint`.

`TEXT` is searched in comments, docstrings, messages, templates and documents; `NAMES` are identifiers. A line that
needs one of the words in its ordinary sense ends with `words: allow` in a comment, or is listed in `ALLOWED`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from io import StringIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEXT = {
    r"\bfurniture\b": "files of a package",
    r"\b(?:this|the|each|every|another|other|which|its|a|own|identity|accounts|storage|catalog) rooms?\b": "package",
    r"\brooms\b": "packages",
    r"\b(?:this|the) house\b": "project, layers",
    r"\bhouse rules?\b": "rules of the lint",
    r"\bsights?\b": "visibility",
    r"\bother eyes\b": "another account",
    r"\bglass\b": "masked",
    r"\bthings?\b": "resource, or the noun that is meant",
    r"\bdeeds?\b": "action",
    r"\bon (?:the )?books\b|\bbooks are kept\b|\bkept as books\b": "records only (simulated)",
    r"\bon record\b": "audited",
    r"\bown hand\b": "system context",
    r"\bwards?\b(?<!forward)(?<!backward)": "check context",
    r"\bmade up for\b|\bmakes? up for\b": "checked later",
    r"\bdialects?\b": "surface, API",
    r"\b(?:he|him|his|himself)\b": "the caller, they",
    r"\bopens nothing\b": "what the key cannot do",
    r"\bhalls?\b": "application fixture",
    r"\bunserved\b": "not implemented",
    r"\bstruck\b|\bstrikes?\b": "matched, apply",
    r"\bvouch\w*\b": "recheck",
    r"\bcondemn\w*\b": "mark as failed",
    r"\bripen\w*\b": "apply due dates",
}
NAMES = {
    "Granted": "Authorized",
    "Reach": "PermissionScope",
    "unguarded": "unscoped",
    "Hot": "CompiledSelect",
    "Memo": "Cache",
    "Ward": "CheckContext",
    "Books": "ExpectedReferences",
    "Watching": "VmMonitorThread",
    "things": "resource_table",
    "unserved": "not_implemented",
    "ripen": "apply_due_dates",
    "RIPEN": "APPLY_DUE_DATES",
    "vouch": "recheck_blob",
    "condemn": "mark_failed",
}
ALLOWED: dict[str, str] = {}
"""Path to a regular expression of what may stand there, such as a word that a document quotes."""
_SKIPPED = (
    "LICENSE",
    "NOTICE",
    "tools/lint_words.py",
    "tests/test_lint_words.py",
    "openapi/",
    "requirements/",
    "docs/glossary.md",
    "src/kunsthalle/console/static/novnc.js",
    "src/kunsthalle/console/static/xterm.js",
)
_MARK = "words: allow"
_FIELD = re.compile(r"\{[^{}]*\}")
_CONFLICT = re.compile(r"^(?:<{7}|\|{7}|>{7})(?: .*)?$")
_ANY = re.compile("|".join(TEXT), re.ASCII)
"""Any of the words, in text of small letters: of all the pieces that are read, nearly none has one."""
_NAME = re.compile(rf"\b(?:{'|'.join(NAMES)})\b")


def files() -> Iterator[Path]:
    """What git keeps and a person reads."""
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in names:
        if name.endswith((".py", ".md", ".html", ".js", ".toml")) and not name.startswith(_SKIPPED):
            yield ROOT / name


def findings(name: str, text: str) -> Iterator[str]:
    """A line for each word that must go: where it stands, and what to say instead."""
    lines = text.split("\n")
    if not name.endswith(".py"):
        pieces: Iterable[tuple[int, str, str]] = [(number, line, "") for number, line in enumerate(lines, 1)]
    else:
        pieces = _python(text) if _may_have_one(text) else ()
    allowed = re.compile(ALLOWED.get(name, r"(?!)"))
    yield from conflicts(name, lines)
    for number, piece, identifier in pieces:
        if _MARK in lines[number - 1]:
            continue
        if identifier in NAMES:
            yield f"{name}:{number}: {identifier!r} is called {NAMES[identifier]!r}"
        for pattern, instead in TEXT.items() if _ANY.search(piece.casefold()) else ():
            for found in re.finditer(pattern, piece, re.IGNORECASE):
                if not allowed.fullmatch(found.group(0)):
                    line = number + piece.count("\n", 0, found.start())
                    yield f"{name}:{line}: {found.group(0)!r}: say {instead}"


def conflicts(name: str, lines: list[str]) -> Iterator[str]:
    """A line for each mark that a merge left where two changes met."""
    for number, line in enumerate(lines, 1):
        if _CONFLICT.match(line):
            yield f"{name}:{number}: {line!r}: say which of the two stands"


def _may_have_one(text: str) -> bool:
    """Whether a module has one of the words or names anywhere. To tell its comments and texts from its code takes ten
    times as long, and hardly any module needs it.
    """
    small = text.casefold()
    return any(_ANY.search(one) for one in (small, _without_fields(small))) or bool(_NAME.search(text))


def _python(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, text and identifier of each comment, string and name; the code within an f-string is left out."""
    for token in tokenize.generate_tokens(StringIO(text).readline):
        if token.type == tokenize.STRING and "f" in token.string.partition(token.string[-1])[0].lower():
            yield token.start[0], _without_fields(token.string), ""
        elif token.type in (tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", None)):
            yield token.start[0], token.string, ""
        elif token.type == tokenize.NAME:
            yield token.start[0], "", token.string


def _without_fields(text: str) -> str:
    """The text of an f-string without its replacement fields, the innermost first."""
    shorter = _FIELD.sub("", text)
    return shorter if shorter == text else _without_fields(shorter)


def main() -> int:
    """0 when every word may stay, 1 otherwise."""
    found = [line for path in files() for line in findings(str(path.relative_to(ROOT)), path.read_text())]
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
