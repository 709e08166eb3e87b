"""Looks at a complete image file: our own rules first, then qemu-img where the host has it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from kunsthalle.core.records import dataclass
from kunsthalle.disk_images import import_rules, luks, qcow2, qemu_img
from kunsthalle.disk_images.detection import HEAD_BYTES, QEMU_NAMES
from kunsthalle.disk_images.file_refusals import ENCRYPTED, NOT_OPENED, Refused, corrupted
from kunsthalle.disk_images.limits import SECTOR, Limits
from kunsthalle.disk_images.qemu_img import Tools
from kunsthalle.disk_images.stream_inspection import Arrived


@dataclass(frozen=True, slots=True)
class Examined:
    """A file that may enter.

    `size` is bytes of the file, `virtual_size` bytes of the disk in it. `notes` are plain sentences on what
    is odd yet harmless. `checked` says that qemu-img agreed; without it, `recheck` is owed before the first
    boot.
    """

    format: str
    sha256: str
    size: int
    virtual_size: int
    notes: tuple[str, ...]
    checked: bool


def examine(
    path: Path, arrived: Arrived, limits: Limits, tools: Tools | None, passphrase: bytes | None = None
) -> Examined:
    """Applies all rules to the file at the absolute `path`, whose bytes were `arrived`; raises Refused.

    `passphrase` is what has to open a file that the limits expect to be encrypted. Raises ToolFailed if qemu-img cannot
    be started, ValueError if the file has not the length that arrived.
    """
    size = path.stat().st_size
    if size != arrived.size:
        raise ValueError("the file is not the one that arrived")
    virtual_size = _own_rules(path, arrived.claimed, size, limits)
    if passphrase is not None:
        refuse_closed(path, passphrase)
    notes: tuple[str, ...] = ()
    if tools is not None:
        notes = _with_tools(path, arrived.claimed, virtual_size, limits, tools, passphrase)
    return Examined(arrived.claimed, arrived.sha256, size, virtual_size, notes, checked=tools is not None)


def recheck(
    path: Path,
    format: str,  # noqa: A002 - the word of the field
    limits: Limits,
    tools: Tools,
    passphrase: bytes | None = None,
) -> None:
    """Do the checks that a host without qemu-img could not do; raises Refused or ToolFailed.

    `passphrase` is that of a file that is encrypted.
    """
    expected = replace(limits, encrypted=passphrase is not None)
    virtual_size = _own_rules(path, format, path.stat().st_size, expected)
    _with_tools(path, format, virtual_size, expected, tools, passphrase)


def _own_rules(path: Path, kind: str, size: int, limits: Limits) -> int:
    """Our rules on the whole file; answers the bytes of the disk in it."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(-min(size, SECTOR), os.SEEK_END)
        tail = file.read(SECTOR)
    names = import_rules.check_start(kind, head, limits)
    return import_rules.get(kind).check_file(import_rules.File(path, head, tail, size, names), limits)


def refuse_closed(path: Path, passphrase: bytes) -> None:
    """Refuses a file, encrypted as the rules allow it, that the passphrase does not open."""
    with path.open("rb") as file:
        header = qcow2.parse(file.read(SECTOR))
        file.seek(0)
        start = file.read(header.cluster_size)
    if not luks.opens(*qcow2.encryption_header(path, start, header), passphrase):
        raise Refused(NOT_OPENED, "The data key is not the passphrase with which the image is encrypted.")


def _with_tools(
    path: Path, kind: str, virtual_size: int, limits: Limits, tools: Tools, passphrase: bytes | None
) -> tuple[str, ...]:
    """Refuses what qemu-img sees in the file although our rules, by which the disk has `virtual_size`, did not."""
    _check_info(qemu_img.info(tools, path, kind, limits), kind, virtual_size, encrypted=limits.encrypted)
    leaks = qemu_img.check(tools, path, limits, passphrase) if import_rules.get(kind).linked else 0
    return (f"{leaks} clusters of the file are in no use; they waste room and do no harm.",) if leaks else ()


def _check_info(info: dict[str, Any], kind: str, virtual_size: int, *, encrypted: bool) -> None:
    data = (info.get("format-specific") or {}).get("data") or {}
    if info.get("encrypted") and not encrypted:
        raise Refused(ENCRYPTED, "The image is encrypted.")
    if info.get("backing-filename") or info.get("full-backing-filename") or data.get("data-file"):
        raise corrupted("The image needs another file; only images of one file are supported.")
    if info.get("snapshots"):
        raise corrupted("The image holds internal snapshots; remove them and import it again.")
    if data.get("corrupt"):
        raise corrupted("The image is marked as corrupt by the program that wrote it.")
    title = import_rules.get(kind).title
    if info.get("format") != QEMU_NAMES[kind]:
        raise corrupted(f"The file cannot be read as a {title} image.")
    if info.get("virtual-size") != virtual_size:
        raise corrupted(f"Two readings of the {title} image disagree on the size of its disk.")
