"""Queries in the form of Lucene, as far as Global Search's users write them.

`field:value`, `field:"exact value"`, words without a field, `*` and `?`, AND, OR, NOT, `+`, `-`, parentheses, also
behind a field. Two terms side by side are an OR, as in Lucene. The case of ASCII letters is told apart in `crn` only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from kunsthalle.core.errors import Problem, invalid

MOST_CHARACTERS = 8_192
MOST_TERMS = 256
DEEPEST = 24
FREE = ("name", "type", "family", "region", "crn", "tags", "access_tags")
"""The fields in which a word without a field is looked for."""

_ASCII_LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
_MARK = r"(?P<mark>[()]|&&|\|\||[!+-](?=\S))"
_FIELD = r"(?P<field>[A-Za-z_][A-Za-z0-9_.]*):(?=\S)"
_TEXT = r'"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>(?:[^\s()"\\]|\\.)+)'
_TOKEN = re.compile(rf"\s*(?:{_MARK}|{_FIELD}|{_TEXT})", re.DOTALL)
_VALUE = re.compile(rf"\s*(?:{_MARK}|{_TEXT})", re.DOTALL)
"""What may stand behind a field: a colon in it is its own."""
_WORDS = re.compile(r"[^A-Za-z0-9]+")
_SPECIAL = {"&&": "AND", "||": "OR", "!": "NOT", "-": "NOT"}


def fold(text: str) -> str:
    """ASCII letters in lower case, all else as it is: as both engines' `lower` agree on."""
    return text.translate(_ASCII_LOWER)


@dataclass(frozen=True, slots=True)
class Term:
    """A condition. `field` is empty for a word that may be anywhere; `exact` values know no wildcards."""

    field: str
    value: str
    exact: bool

    @property
    def plain(self) -> bool:
        """Whether the value means itself."""
        return self.exact or not set(self.value) & {"*", "?"}

    def matches(self, document: Mapping[str, Any]) -> bool:
        if self.field:
            return any(self._is(one, self.field) for one in _values(document, self.field))
        if self.value == "*" and not self.exact:
            return True
        return any(self._within(one, name) for name in FREE for one in _values(document, name))

    def _is(self, actual: str, name: str) -> bool:
        wanted = self.value
        if name != "crn":
            actual, wanted = fold(actual), fold(wanted)
        return actual == wanted if self.plain else fnmatchcase(actual, wanted.replace("[", "[[]"))

    def _within(self, actual: str, name: str) -> bool:
        if self.exact:
            return fold(self.value) in fold(actual)
        return self._is(actual, name) or any(self._is(word, "") for word in _WORDS.split(actual) if word)


@dataclass(frozen=True, slots=True)
class Not:
    """What does not match."""

    one: Node

    def matches(self, document: Mapping[str, Any]) -> bool:
        return not self.one.matches(document)


@dataclass(frozen=True, slots=True)
class And:
    """What matches all."""

    all: tuple[Node, ...]

    def matches(self, document: Mapping[str, Any]) -> bool:
        return all(one.matches(document) for one in self.all)


@dataclass(frozen=True, slots=True)
class Or:
    """What matches any."""

    any: tuple[Node, ...]

    def matches(self, document: Mapping[str, Any]) -> bool:
        return any(one.matches(document) for one in self.any)


Node = Term | Not | And | Or


def _values(document: Mapping[str, Any], name: str) -> list[str]:
    found = document.get({"tag": "tags", "access_tag": "access_tags", "service_tag": "service_tags"}.get(name, name))
    if found is None:
        return []
    return [str(one) for one in found] if isinstance(found, list) else [str(found)]


def refused(why: str) -> Problem:
    return invalid("bad_request", f"The query cannot be read: {why}.", "query")


def parse(text: str) -> Node:
    """The query as conditions; 400 for what is not one."""
    if len(text) > MOST_CHARACTERS:
        raise refused(f"it is longer than {MOST_CHARACTERS} characters")
    tokens = _tokens(text)
    if not tokens:
        return Term("", "*", exact=False)
    reader = _Reader(tokens)
    found = reader.either("", 0)
    if reader.next is not None:
        raise refused("a parenthesis closes that was not opened")
    return found


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = (_VALUE if found and found[-1][0] == "field" else _TOKEN).match(text, at)
        if match is None or match.lastgroup is None:
            raise refused(f"what stands at character {at + 1}")
        kind, value = match.lastgroup, match[match.lastgroup]
        if kind == "mark" or (kind == "word" and value in {"AND", "OR", "NOT"}):
            kind, value = "mark", _SPECIAL.get(value, value)
        elif kind != "field":
            _unread(kind, value)
            value = re.sub(r"\\(.)", r"\1", value, flags=re.DOTALL)
        found.append((kind, value))
        at = match.end()
        if len(found) > 4 * MOST_TERMS:
            raise refused(f"it has more than {MOST_TERMS} terms")
    return found


def _unread(kind: str, value: str) -> None:
    if kind == "word" and value[0] in "[{" and not set(value) & {"]", "}"}:
        raise refused("ranges are not offered")
    if kind == "word" and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.]*:", value):
        raise refused("a field has no value")


class _Reader:
    """Recursive descent over the tokens; `next` is the one ahead."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def next(self) -> tuple[str, str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self, *marks: str) -> bool:
        if self.next in {("mark", mark) for mark in marks}:
            self._at += 1
            return True
        return False

    def either(self, field: str, depth: int) -> Node:
        """Alternatives, up to a closing parenthesis or the end."""
        if depth > DEEPEST:
            raise refused("it is nested too deeply")
        found = [self._both(field, depth)]
        while self.next is not None and self.next != ("mark", ")"):
            self._take("OR")
            found.append(self._both(field, depth))
        return found[0] if len(found) == 1 else Or(tuple(found))

    def _both(self, field: str, depth: int) -> Node:
        found = [self._one(field, depth)]
        while self._take("AND"):
            found.append(self._one(field, depth))
        return found[0] if len(found) == 1 else And(tuple(found))

    def _one(self, field: str, depth: int) -> Node:
        if depth > DEEPEST:
            raise refused("it is nested too deeply")
        if self._take("NOT"):
            return Not(self._one(field, depth + 1))
        self._take("+")
        if self._take("("):
            inner = self.either(field, depth + 1)
            if not self._take(")"):
                raise refused("a parenthesis is not closed")
            return inner
        if self.next is None or self.next[0] == "mark":
            raise refused("a term is missing")
        kind, value = self.next
        self._at += 1
        if kind == "field":
            return self._one(value, depth + 1)
        return Term(field, value, exact=kind == "quoted")
