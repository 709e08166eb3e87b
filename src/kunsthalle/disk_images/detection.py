"""What a file is, by its bytes alone."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from types import ModuleType

from kunsthalle.core.disk_formats import FORMATS
from kunsthalle.disk_images import qcow2, vhd
from kunsthalle.disk_images.file_refusals import corrupted

QEMU_NAMES = {format_.name: format_.engine_name for format_ in FORMATS.values()}
"""Our names of formats to QEMU's."""

HEAD_BYTES = 64 * 1024
"""How much of the start of a file is looked at: more than any detection below reads."""

_NAMES = {
    "vdi": "a VirtualBox disk (VDI)",
    "qed": "a QED image",
    "iso": "an ISO 9660 or UDF disc image",
    "gpt": "a raw disk with a partition table",
    "luks": "a LUKS-encrypted volume",
    **{format_.name: format_.described for format_ in FORMATS.values() if format_.name != "raw"},
}

_MAGICS = (
    (0, b"PK\x03\x04", "a zip archive"),
    (0, b"\x1f\x8b", "a gzip-compressed file"),
    (0, b"BZh", "a bzip2-compressed file"),
    (0, b"\xfd7zXZ", "an xz-compressed file"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd-compressed file"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (257, b"ustar", "a tar archive (an OVA, perhaps)"),
    (0, b"<?xml", "an XML document (an error page, perhaps)"),
    (0, b"<!DOCTYPE", "an HTML page"),
    (0, b"<html", "an HTML page"),
)
_WRAPPED = "; unpack it and import the disk image inside"


def block_node(path: Path, kind: str) -> dict[str, object]:
    """The image as a node of QEMU's: which driver reads it, what that must be told, and the one file behind it.

    Raises ValueError for an unknown format or a relative path, which QEMU may take for the name of a protocol; Refused
    and OSError for a VHD whose footer cannot be read.
    """
    if kind not in QEMU_NAMES:
        raise ValueError(f"no such image format: {kind}")
    if not path.is_absolute():
        raise ValueError("QEMU is given absolute paths only")
    options = vhd.driver_options(path) if kind == "vhd" else {}
    return {"driver": QEMU_NAMES[kind], **options, "file": {"driver": "file", "filename": str(path)}}


def names_of(head: bytes) -> frozenset[str]:
    """Every format that these first bytes of a file match, in the inspectors' names; `{"raw"}` if none.

    All inspectors of oslo.utils see the bytes, whatever the file is said to be, so that a file of two formats
    shows both. They get them as one block: what they find must not depend on how the bytes arrived. An
    inspector that trips over a foreign format (the VMDK one does, over text that is not ASCII) has not found
    its own.
    """
    names = set()
    for name, kind in _inspectors().ALL_FORMATS.items():
        inspector = kind()
        try:
            inspector.eat_chunk(head)
            inspector.finish()
        except Exception:  # noqa: BLE001, S110 - it fails in many ways on bytes not its own; a match it saw still counts
            pass
        try:
            matches = name != "raw" and inspector.format_match
        except Exception:  # noqa: BLE001 - see above
            matches = False
        if matches:
            names.add(name)
    return frozenset(names) or frozenset({"raw"})


def check_qcow2_safety(head: bytes) -> None:
    """The inspector's own opinion on a qcow2 header, after ours: raises Refused.

    It does not know of extended L2 entries, on which our rules decide, so it sees the header without that bit.
    """
    inspector = _inspectors().QcowInspector()
    try:
        inspector.eat_chunk(qcow2.without_extended_l2(head))
        inspector.finish()
        inspector.safety_check()
    except Exception as fault:
        raise corrupted("The QCOW2 image uses a feature that is not supported.") from fault


@cache
def _inspectors() -> ModuleType:
    """The inspectors of oslo.utils, imported late: that costs 0.1 s, which a server without imports need not pay.

    They log what they find odd as errors, words of the file included. The verdict is ours, so they are silenced.
    """
    from oslo_utils.imageutils import format_inspector

    logging.getLogger(format_inspector.__name__).setLevel(logging.CRITICAL)
    return format_inspector


def archive(head: bytes) -> str | None:
    """What the file is by its magic number, if it is one of what is uploaded in place of a disk image."""
    for at, magic, name in _MAGICS:
        if head.startswith(magic, at):
            return name
    return None


def describe(head: bytes, names: frozenset[str]) -> str:
    """The file in plain words, for the message to its owner."""
    if len(names) > 1:
        return " and ".join(_NAMES[name] for name in sorted(names)) + " at once"
    (name,) = names
    if name != "raw":
        return _NAMES[name]
    packed = archive(head)
    if packed is None:
        return "of no known format"
    return packed if "page" in packed else packed + _WRAPPED
