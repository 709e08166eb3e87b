"""Booleans and whole numbers from text, wherever text comes from: settings, flags, headers, paths, forms.

Python's own `int` and `isdigit` take more than any of these should: digits of all scripts, superscripts (which `int`
then refuses), underscores, and texts of any length.
"""

from __future__ import annotations

import re

_INTEGER = r"-?[0-9]{1,18}"
LARGEST = 10**18 - 1
"""No text stands for a number beyond this one, in either direction."""
WIRE = (frozenset({"true"}), frozenset({"false"}))
"""The words of the APIs."""
FLAG = (frozenset({"true", "t", "1"}), frozenset({"false", "f", "0"}))
"""The words of flags on a command line, in any case."""
SWITCH = (frozenset({"true", "yes", "1", "on"}), frozenset({"false", "no", "0", "off"}))
"""The words of variables of the environment, in any case."""

Words = tuple[frozenset[str], frozenset[str]]


def boolean(text: str, words: Words = WIRE) -> bool | None:
    """Return what a text says in these words, or None where it is none of them. Only the API's are case-sensitive."""
    yes, no = words
    folded = text if words is WIRE else text.lower()
    return True if folded in yes else False if folded in no else None


def integer(text: str, least: int = -LARGEST, most: int = LARGEST) -> int | None:
    """Return the whole number that a text is, or None where it is none or out of bounds. Only ASCII digits count."""
    if re.fullmatch(_INTEGER, text) is None:
        return None
    value = int(text)
    return value if least <= value <= most else None
