"""Finds the lines of parts of a JSON document, which JSON readers do not tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from kunsthalle.automation_checks.facts import Steps

_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\],]')
"""Nothing is remembered of how a string was read: a long one would take a hundred times its length."""


def lines_of(text: str, steps: Iterable[Steps]) -> dict[Steps, int]:
    """The lines of the parts that paths of keys and positions lead to. `text` is valid JSON.

    A part that the document does not have is left out. Of a key that is there twice, the last counts, as for readers.
    """
    steps = set(steps)
    lines_found: dict[Steps, int] = {}
    path: list[str | int] = []
    inside: list[str] = []
    line, at = 1, 0
    for token in _TOKEN.finditer(text):
        line += text.count("\n", at, token.start())
        at = token.start()
        word = token[0]
        if inside[-1:] == ["["] and word not in "],":
            _note(lines_found, steps, path, line)
        if word in "{[":
            inside.append(word)
            path.append(0 if word == "[" else "")
        elif word in "}]":
            inside.pop()
            path.pop()
        elif word == "," and inside[-1] == "[":
            path[-1] = int(path[-1]) + 1
        elif inside[-1:] == ["{"] and word != "," and _is_key(text, token.end()):
            path[-1] = json.loads(word)
            _note(lines_found, steps, path, line)
    return lines_found


def _note(lines_found: dict[Steps, int], wanted_steps: set[Steps], path: list[str | int], line: int) -> None:
    steps = tuple(path)
    if steps in wanted_steps:
        lines_found[steps] = line


def _is_key(text: str, end: int) -> bool:
    while end < len(text) and text[end] in " \t\r\n":
        end += 1
    return text[end : end + 1] == ":"


def nearest(lines: dict[Steps, int], steps: Steps) -> int:
    """The line of a part, or of what is nearest above it; 0 where nothing is known."""
    while steps not in lines and steps:
        steps = steps[:-1]
    return lines.get(steps, 0)
