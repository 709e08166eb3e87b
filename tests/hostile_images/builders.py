"""Everything that is no qcow2 and no VHD: other disks, archives, text, noise."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import zipfile
from functools import cache

SECTOR = 512
MIB = 2**20


def noise(count: int, seed: str = "noise") -> bytes:
    """Bytes without a pattern, the same for the same seed."""
    return hashlib.shake_256(seed.encode()).digest(count)


def mbr_disk(size: int = MIB) -> bytes:
    """A bare disk: boot code, one bootable FAT partition, the signature, and something after it."""
    entry = struct.pack("<B3sB3sII", 0x80, b"\x01\x01\x00", 0x0E, b"\xfe\xff\xff", 63, size // SECTOR - 63)
    sector = b"\xfa\x33\xc0".ljust(446, b"\x90") + entry.ljust(64, b"\0") + b"\x55\xaa"
    return (sector + noise(4096, "disk")).ljust(size, b"\0")


def gpt_disk(size: int = MIB) -> bytes:
    """A protective MBR and a GPT header."""
    entry = struct.pack("<B3sB3sII", 0, b"\x00\x02\x00", 0xEE, b"\xff\xff\xff", 1, size // SECTOR - 1)
    sector = bytes(446) + entry.ljust(64, b"\0") + b"\x55\xaa"
    return (sector + b"EFI PART\x00\x00\x01\x00").ljust(size, b"\0")


def iso(size: int = 128 * 1024) -> bytes:
    return stamped(bytes(size), 32768, iso_descriptor())


def iso_descriptor() -> bytes:
    """A primary volume descriptor, as it stands at byte 32768 of a disc image."""
    return (b"\x01CD001\x01\x00" + b"LINUX".ljust(32) + b"TEST".ljust(32)).ljust(2048, b"\0")


def stamped(raw: bytes, offset: int, piece: bytes) -> bytes:
    """`raw` with `piece` written over it at `offset`."""
    return raw[:offset] + piece + raw[offset + len(piece) :]


def vmdk_descriptor(extent: str = "/etc/hostname") -> bytes:
    """A text that makes a VMware reader open the file that it names."""
    lines = ("# Disk DescriptorFile", "version=1", "CID=fffffffe", "parentCID=ffffffff")
    more = ('createType="monolithicFlat"', f'RW 1 FLAT "{extent}" 0')
    return "\n".join((*lines, *more, "")).encode()


def vmdk_sparse(extent: str = "/etc/hostname") -> bytes:
    """The binary form, with the same descriptor inside."""
    fields = (b"KDMV", 1, 3, 2048, 128, 1, 20, 512, 0, 21, 128, 0, b"\n \r\n", 0)
    header = struct.pack("<4sIIQQQQIQQQB4sH", *fields)
    return header.ljust(512, b"\0") + vmdk_descriptor(extent).ljust(20 * 512, b"\0") + bytes(64 * 1024)


def vdi(size: int = MIB) -> bytes:
    head = b"<<< QEMU VM Virtual Disk Image >>>\n".ljust(64, b"\0") + struct.pack("<IHH", 0xBEDA107F, 1, 1)
    return stamped(head.ljust(128 * 1024, b"\0"), 0x170, struct.pack("<Q", size))


def vhdx() -> bytes:
    regions = b"regi" + struct.pack("<III", 0, 0, 0)
    return stamped((b"vhdxfile" + "QEMU".encode("utf-16-le")).ljust(320 * 1024, b"\0"), 192 * 1024, regions)


def qed() -> bytes:
    return struct.pack("<4sIIIQQQQQ", b"QED\0", 65536, 4, 1, 0, 0, 0, 65536, MIB).ljust(128 * 1024, b"\0")


def luks() -> bytes:
    names = (b"aes", b"xts-plain64", b"sha256")
    return (b"LUKS\xba\xbe\x00\x01" + b"".join(name.ljust(32, b"\0") for name in names)).ljust(128 * 1024, b"\0")


def zip_archive(name: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name), content)
    return file.getvalue()


def gzipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


@cache
def bzip2_bomb(mib: int = 64) -> bytes:
    """Zeros, packed to less than a hundred bytes for each MiB."""
    packer = bz2.BZ2Compressor()
    return b"".join(packer.compress(bytes(MIB)) for _ in range(mib)) + packer.flush()


def xzipped(content: bytes) -> bytes:
    return lzma.compress(content)


def ova(content: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, raw in (("machine.ovf", b"<Envelope/>"), ("disk.vmdk", content)):
            member = tarfile.TarInfo(name)
            member.size = len(raw)
            archive.addfile(member, io.BytesIO(raw))
    return file.getvalue()


def xml_error() -> bytes:
    body = "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + body).encode()


def html_page(size: int = 4096) -> bytes:
    """A page whose first kilobyte is plain ASCII and whose later text is not: a VMDK reader trips over it."""
    return ("<!DOCTYPE html><html><body>" + " " * 1000 + "Zugriff verweigert: Schlüssel ungültig").encode().ljust(size)
