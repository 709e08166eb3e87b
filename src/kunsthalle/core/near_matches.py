"""Known names that are close to an unknown one: what to add to the message that refuses it."""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 64
"""Names that are longer are no misspelling of any that the product knows, and would cost time to compare."""
_MOST = 3


def hint(name: str, names: Iterable[str]) -> str:
    """` Similar names are: a, b.`, or nothing where none is similar. It begins with a space, to follow a sentence."""
    if len(name) > _LONGEST:
        return ""
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), list(names), _MOST)
    return f" Similar names are: {', '.join(near)}." if near else ""
