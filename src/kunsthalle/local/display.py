"""Text for terminals. Names and messages are anybody's: nothing in them may be taken for a command of the terminal."""

from __future__ import annotations

import json
import re
from typing import Any

_UNSAFE = "\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
"""C0 without tab and line feed, DEL, C1, and what turns the direction of writing or breaks a line."""
_CONTROL = re.compile(f"[{_UNSAFE}]")
_KEEPING_COLOURS = re.compile(rf"(?P<colour>\x1b\[[0-9;]*m)|[{_UNSAFE}]")


def escape(text: str) -> str:
    """The text with every character that a terminal would obey written out, as `\\x1b` or `\\u202e`."""
    return _CONTROL.sub(_written_out, text)


def escape_all_but_colours(text: str) -> str:
    """`escape` for text that this program may have put colours into."""
    return _KEEPING_COLOURS.sub(lambda found: found["colour"] or _written_out(found), text)


def _written_out(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}"


def to_json(document: Any, indent: int) -> str:
    """JSON that is read back as the same document; other scripts than Latin stay as they are."""
    return _CONTROL.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(document, indent=indent, ensure_ascii=False)
    )
