"""What a helper process does with image files: takes in their bytes, hashes and inspects them.

It has what it is handed, a descriptor of an object and the path of an upload that the server holds the lock of, and no
database.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from msgspec import Struct

from kunsthalle.blobs.filesystem import Writer, appending
from kunsthalle.core.sizes import MIB
from kunsthalle.disk_images import vhd_writing
from kunsthalle.disk_images.inspection import Examined, examine
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import Tools
from kunsthalle.disk_images.stream_inspection import Arrived, Intake

CHUNK = 2 * MIB
Progress = Callable[[int], None]


class TakeIn(Struct, frozen=True):
    """A file that comes in: an object of `size` bytes, said to be of a format, into the file at `path`, which has its
    first `kept` bytes already. Every `report_seconds` it is told how far it is.
    """

    path: Path
    format: str
    limits: Limits
    size: int
    kept: int
    report_seconds: float


class Examination(Struct, frozen=True):
    """A file that has come in. `passphrase` opens it where it is encrypted."""

    path: Path
    arrived: Arrived
    limits: Limits
    tools: Tools | None
    passphrase: bytes | None


class VhdCopy(Struct, frozen=True):
    """A QCOW2 file whose disk becomes the new VHD `target`, with the number `unique`. Every `report_seconds` it is told
    how far it is.
    """

    source: Path
    target: Path
    unique: bytes
    report_seconds: float


def take_in(
    intake: Intake, part: BinaryIO, read: Callable[[int], bytes], write: Callable[[bytes], object], between: Progress
) -> Arrived:
    """Look at the part of a file that is here, then at the rest of it: each chunk is written while the next one is read
    and hashed.

    `between` is told, before a chunk is written, how many bytes have been. Refused.
    """
    done = 0
    while chunk := part.read(CHUNK):
        intake.feed(chunk)
        done += len(chunk)
    with ThreadPoolExecutor(1, thread_name_prefix="import") as writer:
        writing: Future[object] | None = None
        size = 0
        while chunk := read(CHUNK):
            intake.feed(chunk)
            if writing is not None:
                writing.result()
                done += size
            between(done)
            writing, size = writer.submit(write, chunk), len(chunk)
        if writing is not None:
            writing.result()
    return intake.finish()


def _take_in(call: TakeIn, descriptors: list[int], progress: Progress) -> Arrived:
    (source,) = descriptors
    os.lseek(source, call.kept, os.SEEK_SET)
    between = _now_and_then(progress, call.report_seconds)
    intake = Intake(call.format, call.limits, call.size)
    with call.path.open("rb") as part, closing(appending(call.path, call.size)) as target:
        return take_in(intake, part, lambda count: os.read(source, count), lambda chunk: _write(target, chunk), between)


def _now_and_then(progress: Progress, seconds: float) -> Progress:
    """What passes on how far something is, so many seconds apart."""
    told = time.monotonic()

    def between(done: int) -> None:
        nonlocal told
        if time.monotonic() - told >= seconds:
            told = time.monotonic()
            progress(done)

    return between


def _write(target: Writer, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[target.write(view) :]


def _examine(call: Examination, _descriptors: list[int], _progress: Progress) -> Examined:
    tools = None if call.tools is None else replace(call.tools, nice=None)  # this process is nice already
    return examine(call.path, call.arrived, call.limits, tools, call.passphrase)


def _vhd_size(source: Path, _descriptors: list[int], _progress: Progress) -> int | None:
    return vhd_writing.size_of(source)


def _write_vhd(call: VhdCopy, _descriptors: list[int], progress: Progress) -> str:
    return vhd_writing.write(call.source, call.target, call.unique, _now_and_then(progress, call.report_seconds))


def set_up(_setup: Any) -> dict[str, Callable[..., Any]]:
    """The functions of the process."""
    return {"take_in": _take_in, "examine": _examine, "vhd_size": _vhd_size, "write_vhd": _write_vhd}
