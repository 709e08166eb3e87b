"""The rules of the formats that may be imported: an entry each. Names, suffixes and titles: `core/disk_formats.py`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kunsthalle.core import disk_formats
from kunsthalle.core.records import dataclass
from kunsthalle.disk_images import qcow2, vhd
from kunsthalle.disk_images.detection import archive, check_qcow2_safety, describe, names_of
from kunsthalle.disk_images.file_refusals import Refused, corrupted
from kunsthalle.disk_images.limits import SECTOR, Limits

_BARE_DISK = frozenset({"gpt", "raw"})


@dataclass(frozen=True, slots=True)
class File:
    """A complete file, as far as its ends tell: its first 64 KiB, its last 512 bytes, the formats it looks like."""

    path: Path
    head: bytes
    tail: bytes
    size: int
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """The rules of one format, which all raise Refused.

    `check_start` sees the first bytes and the formats
    that these look like. `check_end` sees both ends of a stream: first bytes, last 512, length, formats. `check_file`
    reads the tables of a complete file, once more with its ends; it answers the bytes of the disk, as `virtual_size`
    does for a file that was checked before. `linked`: qemu-img can follow its tables.
    """

    about: disk_formats.DiskFormat
    check_start: Callable[[bytes, frozenset[str], Limits], None]
    check_end: Callable[[bytes, bytes, int, frozenset[str], Limits], None]
    check_file: Callable[[File, Limits], int]
    virtual_size: Callable[[Path], int]
    linked: bool

    @property
    def name(self) -> str:
        return self.about.name

    @property
    def title(self) -> str:
        return self.about.title


def get(name: str) -> ImageFormat:
    """The format of a name. Raises ValueError if there is none."""
    if name not in FORMATS:
        raise ValueError(f"no such image format: {name}")
    return FORMATS[name]


def _qcow2_start(head: bytes, names: frozenset[str], limits: Limits) -> None:
    cut_short = names == {"raw"} and head.startswith(qcow2.MAGIC)
    if names != {"qcow2"} and not cut_short:
        raise _other_kind("QCOW2", head, names)
    qcow2.check_head(head, limits)
    check_qcow2_safety(head)


def _qcow2_end(head: bytes, _tail: bytes, size: int, _names: frozenset[str], _limits: Limits) -> None:
    qcow2.check_tables(qcow2.parse(head), size)


def _qcow2_file(file: File, _limits: Limits) -> int:
    return qcow2.check_file(file.path, file.head, file.size).virtual_size


def _qcow2_size(path: Path) -> int:
    with path.open("rb") as file:
        return qcow2.parse(file.read(SECTOR)).virtual_size


def _vhd_start(head: bytes, names: frozenset[str], limits: Limits) -> None:
    if names == {"vhd"}:
        if vhd.check_footer(head[: vhd.FOOTER_SIZE], limits).kind != vhd.DYNAMIC:
            raise corrupted("The VHD image starts with the footer of a fixed disk.")
    elif not names <= _BARE_DISK or (names == {"raw"} and archive(head)):
        raise _other_kind("VHD", head, names)


def _vhd_end(head: bytes, tail: bytes, size: int, names: frozenset[str], limits: Limits) -> None:
    vhd.check_ends(head, tail, size, names, limits)


def _vhd_file(file: File, limits: Limits) -> int:
    footer = vhd.check_ends(file.head, file.tail, file.size, file.names, limits)
    vhd.check_file(file.path, footer, file.size)
    return footer.virtual_size


def _vhd_size(path: Path) -> int:
    return vhd.read_footer(path).virtual_size


def _other_kind(title: str, head: bytes, names: frozenset[str]) -> Refused:
    return corrupted(f"The file was to be a {title} image but is {describe(head, names)}.{_way_out(names)}")


def _way_out(names: frozenset[str]) -> str:
    """What to do with a disk of a format that is not imported."""
    if any(names == {name} for name in disk_formats.CONVERTED if name != "raw"):
        return f" Convert it first: {CONVERT} FILE."
    if names == {"gpt"}:
        return f" Convert it first: {CONVERT} --format raw FILE."
    return ""


CONVERT = "kunsthalle images convert"
"""The command that makes an image of a disk in another format."""
FORMATS = {
    image_format.name: image_format
    for image_format in (
        ImageFormat(disk_formats.FORMATS["qcow2"], _qcow2_start, _qcow2_end, _qcow2_file, _qcow2_size, linked=True),
        ImageFormat(disk_formats.FORMATS["vhd"], _vhd_start, _vhd_end, _vhd_file, _vhd_size, linked=False),
    )
}
if tuple(FORMATS) != disk_formats.IMPORTED:
    raise TypeError(f"Rules of formats that are imported: {tuple(FORMATS)}; declared: {disk_formats.IMPORTED}.")


def check_start(claimed: str, head: bytes, limits: Limits) -> frozenset[str]:
    """Refuses a file whose first bytes show that it is not what it is `claimed` to be, or break a rule on
    headers.

    `head` is the first 64 KiB (`detection.HEAD_BYTES`), or all of a shorter file. Answers the formats it looks
    like.
    """
    expected = get(claimed)
    if not head:
        raise corrupted("The file is empty.")
    names = names_of(head)
    expected.check_start(head, names, limits)
    return names


def check_end(claimed: str, head: bytes, tail: bytes, size: int, names: frozenset[str], limits: Limits) -> None:
    """Refuses what shows only when the file is complete; `tail` is its last 512 bytes, `size` its length."""
    get(claimed).check_end(head, tail, size, names, limits)
