"""What the bytes of a disk say of the operating system on it, where they say it: the file `os-release`, in clear.

It stands uncompressed in one block of most file systems. A compressed image says nothing, and then nothing is guessed.
Source of the file's form: os-release(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_OVERLAP = 2_048
"""So much of a chunk is looked at again with the next one: the file is shorter."""
_ID = re.compile(rb'(?:^|\n)ID="?([a-z0-9._-]{2,24})"?\n')
_VERSION = re.compile(rb'(?:^|\n)VERSION_ID="?([0-9]{1,4}(?:\.[0-9]{1,2})?)"?\n')


def releases(chunks: Iterable[bytes]) -> set[tuple[str, str]]:
    """Every `(ID, VERSION_ID)` that stands in an `os-release` in these bytes, such as `("ubuntu", "24.04")`."""
    results: set[tuple[str, str]] = set()
    rest = b""
    for chunk in chunks:
        window = rest + chunk
        for version in _VERSION.finditer(window):
            # What is not text is no part of the file: NULs end the block that it is in.
            start = max(window.rfind(b"\0", 0, version.start()) + 1, version.start() - _OVERLAP // 2)
            text = window[start : version.end() + _OVERLAP // 2].split(b"\0", 1)[0]
            results |= {(id_[1].decode(), version[1].decode()) for id_ in _ID.finditer(text)}
        rest = window[-_OVERLAP:]
    return results
