"""Makes a QCOW2 image of a disk in a format that is not imported: VMDK, VHDX, and raw where it is said to be.

The file is a stranger's, so its own rules come first, and qemu-img, under limits, only then. Whoever takes uploads can
call `to_qcow2` as the command line does.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kunsthalle.core import disk_formats
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB
from kunsthalle.disk_images import qemu_img, vhd, vhdx, vmdk
from kunsthalle.disk_images.detection import HEAD_BYTES, archive, describe, names_of
from kunsthalle.disk_images.file_refusals import TOO_BIG, Refused, ToolFailed, corrupted
from kunsthalle.disk_images.limits import Disk, Limits, check_virtual_size
from kunsthalle.disk_images.qemu_img import Tools
from kunsthalle.disk_images.writers import virtual_size_of

RAW = "raw"
_TABLES = 64 * MIB
_TABLE_SHARE = 1_000
"""Tables of a QCOW2 file take less than a thousandth of its disk, and what is fixed."""


@dataclass(frozen=True, slots=True)
class Converted:
    """What a file was (`format`), the bytes of its disk, and the bytes of the QCOW2 file."""

    format: str
    virtual_size: int
    size: int


def to_qcow2(
    source: Path,
    target: Path,
    limits: Limits,
    tools: Tools,
    *,
    format: str | None = None,  # noqa: A002 - the word of the field
    replace: bool = False,
    watch: Callable[[], None] = lambda: None,
) -> Converted:
    """Writes the disk in `source` to the QCOW2 file `target`; both are absolute paths.

    The format is seen from the bytes; only a bare disk, which looks like nothing, has to be called `raw`. `watch` is
    called every second; what it raises ends the work. Raises Refused where the file is to blame, ToolFailed where the
    host is (no room, no time), FileExistsError if the target exists and is not to be replaced. Then the target is as it
    was, and nothing else is left.
    """
    kind, disk = inspect(source, limits, format)
    if not replace and os.path.lexists(target):
        raise FileExistsError(target)
    if target.exists() and target.samefile(source):
        raise ToolFailed("The converted image cannot replace the file that it is made of.")
    tables = disk.virtual_size // _TABLE_SHARE + _TABLES
    _check_room(target.parent, disk.data_bytes + disk.virtual_size // _TABLE_SHARE)
    with _beside(target) as made:
        quota = disk.virtual_size + tables
        qemu_img.convert(tools, source, kind, made, "qcow2", quota_bytes=quota, limits=limits, watch=watch)
        if virtual_size_of(made, "qcow2") != disk.virtual_size:
            raise corrupted("Two readings of the image disagree on the size of its disk.")
        size = made.stat().st_size
        with made.open("rb") as file:
            os.fsync(file.fileno())
        _name(made, target, replace=replace)
    return Converted(kind, disk.virtual_size, size)


def inspect(source: Path, limits: Limits, format: str | None = None) -> tuple[str, Disk]:  # noqa: A002 - as above
    """The format of a file that can be converted, and its disk. Raises Refused; ValueError for another format."""
    if format not in {None, RAW, *_RULES}:
        raise ValueError(f"no such format: {format}")
    if not source.is_file():
        raise corrupted("There is no such file, or it is no regular one.")
    if source.stat().st_size > limits.max_file_bytes:
        raise Refused(TOO_BIG, f"The file has more than {limits.max_file_bytes} bytes.")
    with source.open("rb") as file:
        head = file.read(HEAD_BYTES)
        file.seek(max(0, file.seek(0, os.SEEK_END) - vhd.FOOTER_SIZE))
        tail = file.read(vhd.FOOTER_SIZE)
    kind = _kind(head, tail, format)
    return kind, _raw(source, limits) if kind == RAW else _RULES[kind](source, limits)


def _kind(head: bytes, tail: bytes, claimed: str | None) -> str:
    names = names_of(head)
    bare = names <= {"gpt", RAW} and archive(head) is None
    if bare and tail.startswith(vhd.COOKIE):
        names, bare = frozenset({"vhd"}), False
    if claimed == RAW and bare:
        return RAW
    for kind in _RULES:
        if names == {kind} and claimed in {None, kind}:
            return kind
    if any(names == {name} for name in disk_formats.IMPORTED):
        raise corrupted(f"The file is {describe(head, names)}, which is imported as it is.")
    if claimed is not None:
        raise corrupted(f"The file was to be a {claimed.upper()} image but is {describe(head, names)}.")
    hint = " If it is a bare disk, say so: --format raw." if bare else ""
    raise corrupted(f"The file is {describe(head, names)}; {_CONVERTED} disks are converted.{hint}")


def _raw(path: Path, limits: Limits) -> Disk:
    about = path.stat()
    check_virtual_size("raw", about.st_size, limits)
    return Disk(about.st_size, min(about.st_size, about.st_blocks * 512))


_RULES: dict[str, Callable[[Path, Limits], Disk]] = {"vmdk": vmdk.check_file, "vhdx": vhdx.check_file}
_CONVERTED = disk_formats.listed(disk_formats.CONVERTED, "and")
if {*_RULES, RAW} != {*disk_formats.CONVERTED}:
    raise TypeError(f"Rules of formats that are converted: {sorted(_RULES)}; declared: {disk_formats.CONVERTED}.")


def _name(made: Path, target: Path, *, replace: bool) -> None:
    """Gives the whole file its name. FileExistsError if somebody has taken it meanwhile and may keep it."""
    if not replace:
        try:
            target.hardlink_to(made)
        except FileExistsError:
            raise
        except OSError:  # a file system without links
            if os.path.lexists(target):
                raise FileExistsError(target) from None
        else:
            return
    made.replace(target)


def _check_room(folder: Path, needed: int) -> None:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as fault:
        raise ToolFailed("The folder for the converted image cannot be used.", str(fault)) from fault
    if needed > free:
        raise ToolFailed(f"The converted image may need {needed} bytes; {free} are free in its folder.")


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A name in a folder of its own beside the target, which goes in the end with all that is in it."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=".kunsthalle-", dir=target.parent))
    except OSError as fault:
        raise ToolFailed("The folder for the converted image cannot be written to.", str(fault)) from fault
    try:
        yield folder / "image.qcow2"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
