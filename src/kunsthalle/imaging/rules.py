"""The rules on both ends of a file, in the order in which the bytes allow to check them."""

from __future__ import annotations

from kunsthalle.imaging import qcow2, vhd
from kunsthalle.imaging.errors import Refused, corrupted
from kunsthalle.imaging.formats import archive, check_qcow2_safety, describe, names_of
from kunsthalle.imaging.limits import Limits

_TITLES = {"qcow2": "QCOW2", "vhd": "VHD"}
BARE_DISK = frozenset({"gpt", "raw"})


def check_start(claimed: str, head: bytes, limits: Limits) -> frozenset[str]:
    """Refuses a file whose first bytes show that it is not what it is `claimed` to be, or break a rule on
    headers.

    `head` is the first 64 KiB (`formats.HEAD_BYTES`), or all of a shorter file. Answers the formats it looks
    like.
    """
    if not head:
        raise corrupted("The file is empty.")
    names = names_of(head)
    if claimed == "qcow2":
        _qcow2_start(head, names, limits)
    else:
        _vhd_start(head, names, limits)
    return names


def check_end(claimed: str, head: bytes, tail: bytes, size: int, names: frozenset[str], limits: Limits) -> None:
    """Refuses what shows only when the file is complete; `tail` is its last 512 bytes, `size` its length."""
    if claimed == "qcow2":
        qcow2.check_tables(qcow2.parse(head), size)
    else:
        vhd.check_ends(head, tail, size, names, limits)


def _qcow2_start(head: bytes, names: frozenset[str], limits: Limits) -> None:
    cut_short = names == {"raw"} and head.startswith(qcow2.MAGIC)
    if names != {"qcow2"} and not cut_short:
        raise _other_kind("qcow2", head, names)
    qcow2.check_head(head, limits)
    check_qcow2_safety(head)


def _vhd_start(head: bytes, names: frozenset[str], limits: Limits) -> None:
    if names == {"vhd"}:
        if vhd.check_footer(head[: vhd.FOOTER_SIZE], limits).kind != vhd.DYNAMIC:
            raise corrupted("The VHD image starts with the footer of a fixed disk.")
    elif not names <= BARE_DISK or (names == {"raw"} and archive(head)):
        raise _other_kind("vhd", head, names)


def _other_kind(claimed: str, head: bytes, names: frozenset[str]) -> Refused:
    return corrupted(f"The file was to be a {_TITLES[claimed]} image but is {describe(head, names)}.")
