"""What a query means, said a second time and without SQL: documents against the tree, one by one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from kunsthalle.api import query_language as q
from kunsthalle.db.wildcards import Pattern, Wild

_ALIASES = {"tag": "tags", "access_tag": "access_tags", "doc.resource_group_id": "resource_group_id"}
_REGEX = {Wild.MANY: ".*", Wild.ONE: "."}


def lower(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def regex(pattern: Pattern) -> str:
    return "".join(_REGEX[part] if isinstance(part, Wild) else re.escape(part) for part in pattern)


def values(document: Mapping[str, Any], field: str) -> list[str]:
    found = document.get(_ALIASES.get(field, field))
    given = found if isinstance(found, list) else [] if found is None else [found]
    return [one for one in given if one]


def matches(node: q.Node, document: Mapping[str, Any]) -> bool:
    match node:
        case q.Everything():
            return True
        case q.Not(inner):
            return not matches(inner, document)
        case q.And(nodes):
            return all(matches(one, document) for one in nodes)
        case q.Or(nodes):
            return any(matches(one, document) for one in nodes)
        case q.Word() | q.Phrase():
            return any(_anywhere(node)(text) for text in _texts(document))
        case q.Exists(field):
            return bool(values(document, field))
        case q.Term(field, pattern):
            fold = str if field == "crn" else lower
            found = re.compile(fold(regex(pattern)) if field != "crn" else regex(pattern), re.DOTALL)
            return any(found.fullmatch(fold(value)) for value in values(document, field))
        case q.Range(field, low, high):
            return any(_above(value, low) and _below(value, high) for value in values(document, field))


def _texts(document: Mapping[str, Any]) -> list[str]:
    crn = f"{document['crn']} {document['type']} {document['family']}"
    return [spaced(text) for text in (document["name"], crn, *document["tags"], *document["access_tags"])]


def spaced(text: str) -> str:
    return re.sub(r"[!-/:-@\[-`{-~]", " ", lower(text))


def _anywhere(node: q.Word | q.Phrase) -> Callable[[str], bool]:
    if isinstance(node, q.Phrase):
        return lambda text: spaced(node.text) in f" {text} "
    parts = tuple(part if isinstance(part, Wild) else spaced(part) for part in node.pattern)
    word = re.compile(f".* {regex(parts)} .*", re.DOTALL)
    return lambda text: word.fullmatch(f" {text} ") is not None


def _above(value: str, low: q.Bound | None) -> bool:
    return low is None or (lower(value) >= lower(low.text) if low.inclusive else lower(value) > lower(low.text))


def _below(value: str, high: q.Bound | None) -> bool:
    return high is None or (lower(value) <= lower(high.text) if high.inclusive else lower(value) < lower(high.text))
