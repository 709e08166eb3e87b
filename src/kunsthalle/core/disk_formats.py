"""The formats of disk images: a row each, with everything that is data.

What may be imported, exported and converted, how files end, what QEMU and people call a format: schemas, commands,
pages and messages take it from here. The rules of a format, which read files, are in `disk_images/import_rules.py` (to
import) and `disk_images/conversion.py` (to convert).
"""

from typing import NamedTuple


class DiskFormat(NamedTuple):
    """One format. `engine_name` is QEMU's; `title` is for people."""

    name: str
    title: str
    engine_name: str
    described: str
    """What detection calls a file of the format."""
    suffix: str = ""
    """How names of files that can be imported end; empty where the format is not imported."""
    converted_suffixes: tuple[str, ...] = ()
    """How names of files can end that are converted, by an upload or by `kunsthalle images convert`; empty where the
    format is not converted.
    """
    written_with: tuple[str, ...] | None = None
    """What qemu-img is told to write the format; None where it is never written."""
    measured_with: tuple[str, ...] = ()
    """What qemu-img is told to measure, as a qcow2 file, how large a file of the format can get."""
    names_files: bool = False
    """Whether a file can name another file, of which QEMU reads what it lacks."""


FORMATS = {
    disk_format.name: disk_format
    for disk_format in (
        DiskFormat(
            "qcow2", "QCOW2", "qcow2", "a QCOW2 image", suffix="qcow2", written_with=("-O", "qcow2"), names_files=True
        ),
        DiskFormat(
            "vhd",
            "VHD",
            "vpc",
            "a VHD image",
            suffix="vhd",
            # Without force_size the disk is rounded up to a geometry, and a gigabyte larger when imported again.
            written_with=("-O", "vpc", "-o", "subformat=dynamic,force_size=on"),
            measured_with=("-o", "cluster_size=2M"),
        ),
        DiskFormat("vmdk", "VMDK", "vmdk", "a VMware disk (VMDK)", converted_suffixes=("vmdk",), names_files=True),
        DiskFormat("vhdx", "VHDX", "vhdx", "a VHDX image", converted_suffixes=("vhdx",)),
        DiskFormat("raw", "raw", "raw", "a raw disk", converted_suffixes=("raw", "img"), written_with=("-O", "raw")),
    )
}
IMPORTED = tuple(format_.name for format_ in FORMATS.values() if format_.suffix)
"""Formats of images, which are also what disks are based on."""
EXPORTED = tuple(name for name in IMPORTED if FORMATS[name].written_with)
CONVERTED = tuple(format_.name for format_ in FORMATS.values() if format_.converted_suffixes)
CONVERTED_SUFFIXES = {suffix: name for name in CONVERTED for suffix in FORMATS[name].converted_suffixes}
"""The suffixes of what is converted, and the formats that they say."""
UPLOADED_SUFFIXES = {**{FORMATS[name].suffix: name for name in IMPORTED}, **CONVERTED_SUFFIXES}
"""The suffixes of what is uploaded, and the formats that they say."""


def listed(names: tuple[str, ...], word: str) -> str:
    """Return the titles of formats as people list them: `VMDK, VHDX and raw`."""
    titles = [FORMATS[name].title for name in names]
    return f" {word} ".join([", ".join(titles[:-1]), titles[-1]] if titles[1:] else titles)
