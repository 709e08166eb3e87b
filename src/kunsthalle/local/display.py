"""Text for terminals. Names and messages are anybody's: nothing in them may be taken for a command of the terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

_UNSAFE = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""C0 without tab and line feed, DEL, C1, what turns the direction of writing or breaks a line, and halves of
characters, which no terminal and no file of UTF-8 takes."""
_CONTROL = f"[{_UNSAFE}]"
_KEEPING_COLOURS = rf"(?P<colour>\x1b\[[0-9;]*m)|[{_UNSAFE}]"


def escape(text: str) -> str:
    """The text with every character that a terminal would obey written out, as `\\x1b` or `\\u202e`."""
    return re.sub(_CONTROL, _written_out, text)


def escape_all_but_colours(text: str) -> str:
    """`escape` for text that this program may have put colours into."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text  # which most is, and the pattern need not be compiled
    return re.sub(_KEEPING_COLOURS, lambda match: match["colour"] or _written_out(match), text)


def _written_out(match: re.Match[str]) -> str:
    number = ord(match[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def to_json(document: Any, indent: int) -> str:
    """JSON that is read back as the same document; other scripts than Latin stay as they are."""
    return re.sub(
        _CONTROL, lambda match: f"\\u{ord(match[0]):04x}", json.dumps(document, indent=indent, ensure_ascii=False)
    )


Paint = Callable[[str, str], str]
"""Puts the colour of a style around a text: `paint("bold", "1. Import")`."""
_STYLES = {"bold": "1", "dim": "2", "who": "36", "good": "32", "bad": "31;1", "refused": "33"}


def plain(_style: str, text: str) -> str:
    """Return the text as it is: the `Paint` of files, pipes, and terminals without colours."""
    return text


def coloured(style: str, text: str) -> str:
    """Return the text in the colour of a style."""
    return f"\x1b[{_STYLES[style]}m{text}\x1b[0m"


def takes_colours(stream: Any, environment: Mapping[str, str]) -> bool:
    """Whether colours may be written: to a terminal that is not dumb, unless NO_COLOR is set (no-color.org)."""
    dumb = environment.get("TERM", "") in {"", "dumb"}
    return not dumb and not environment.get("NO_COLOR") and is_terminal(stream)


def is_terminal(stream: Any) -> bool:
    """Whether a stream goes to a terminal; not one that is closed, or is no stream of the system."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False
