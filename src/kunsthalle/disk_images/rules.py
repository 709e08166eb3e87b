"""The rules on both ends of a file, in the order in which the bytes allow to check them."""

from __future__ import annotations

from kunsthalle.disk_images import formats
from kunsthalle.disk_images.detection import names_of
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.refusals import corrupted


def check_start(claimed: str, head: bytes, limits: Limits) -> frozenset[str]:
    """Refuses a file whose first bytes show that it is not what it is `claimed` to be, or break a rule on
    headers.

    `head` is the first 64 KiB (`formats.HEAD_BYTES`), or all of a shorter file. Answers the formats it looks
    like.
    """
    expected = formats.get(claimed)
    if not head:
        raise corrupted("The file is empty.")
    names = names_of(head)
    expected.check_start(head, names, limits)
    return names


def check_end(claimed: str, head: bytes, tail: bytes, size: int, names: frozenset[str], limits: Limits) -> None:
    """Refuses what shows only when the file is complete; `tail` is its last 512 bytes, `size` its length."""
    formats.get(claimed).check_end(head, tail, size, names, limits)
