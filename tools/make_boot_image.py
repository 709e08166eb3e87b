#!/usr/bin/env python3
"""Builds a small disk image that really boots, for tests and demonstrations of real servers.

    python tools/make_boot_image.py OUT [--cache DIR] [--format qcow2|vhd|raw] [--stay]

The machine inside boots from its disk (MBR, syslinux on FAT16, Debian's cloud kernel, busybox), counts its
boots on that disk, reads the NoCloud seed of a second disk and says on its serial console:

    KUNSTHALLE-BOOT-OK hostname=<name> instance-id=<id> boots=<n> ...

Then it powers off; with --stay, or with the word kunsthalle-stay in its user data, it stays up until its
power button is pressed and says KUNSTHALLE-SHUTDOWN. Meanwhile it answers each line that it is told with
KUNSTHALLE-HEARD and the line. Told `keep WORD`, it writes the word to its disk first, and says kept=WORD at its next
boots; told `busy`, it goes on writing behind its partition from then on. It needs 96 MiB of memory and no network.

Nothing is mounted and nothing installed; no root is needed. The kernel's package is fetched by apt into the
cache folder, once. The same packages make the same qcow2 file, byte for byte.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import lzma
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

MIB = 1 << 20
DISK_BYTES = 64 * MIB
PARTITION_START = MIB
SECTOR = 512
EPOCH = 1_700_000_000  # every time stamp inside, so that two builds agree
KERNEL = "linux-image-cloud-amd64"
PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
BUSYBOX = Path("/bin/busybox")
MBR_CODE = Path("/usr/lib/syslinux/mbr/mbr.bin")
COMMANDS = {
    "apt-get": "apt",
    "dpkg-deb": "dpkg",
    "mcopy": "mtools",
    "mkfs.vfat": "dosfstools",
    "qemu-img": "qemu-utils",
    "syslinux": "syslinux",
}
# Not compressed (-c): the firmware reads a few sectors at a time, for each of which QEMU would unpack a whole cluster,
# and the kernel is compressed by itself. That took a fifth of a boot without KVM.
QEMU_OPTIONS = {
    "qcow2": ["-O", "qcow2"],
    "vhd": ["-O", "vpc", "-o", "subformat=dynamic,force_size=on"],
    "raw": ["-O", "raw"],
}
MODULES = [
    *("virtio_pci", "virtio_blk", "virtio_scsi", "ata_piix", "sd_mod", "sr_mod"),  # disks
    *("isofs", "vfat", "nls_cp437", "nls_ascii", "nls_iso8859_1", "nls_utf8"),  # file systems
    *("button", "evdev"),  # the power button
]

INIT = r"""#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc none /proc
mount -t sysfs none /sys
mount -t devtmpfs none /dev
exec </dev/ttyS0 >/dev/ttyS0 2>&1
for module in /modules/*; do insmod "$module" 2>/dev/null; done

# The disk that we were booted from is the first one with our partition; it may take a moment to appear.
tries=0
while [ $tries -lt 100 ]; do
    for disk in /dev/vda /dev/sda; do [ -b ${disk}1 ] && break 2; done
    tries=$((tries + 1))
    sleep 0.1
done
boots=unknown kept=
if mount -t vfat -o sync ${disk}1 /disk; then
    boots=0
    [ -f /disk/boots ] && read boots </disk/boots
    boots=$((boots + 1))
    echo $boots >/disk/boots
    [ -f /disk/kept ] && read kept </disk/kept
    umount /disk
fi

keep() {
    mount -t vfat -o sync ${disk}1 /disk
    echo "$1" | dd of=/disk/kept conv=fsync 2>/dev/null
    umount /disk
}
busy() {
    while dd if=/dev/zero of=$disk bs=1M seek=@END@ count=16 conv=fsync 2>/dev/null; do :; done
}

value() { sed -n "s/^$1: *[\"']*\([^\"']*\).*/\1/p" /seed/meta-data | tr -d '\r' | head -n 1; }
hostname= instance= stay=
for device in /dev/vd[b-z] /dev/sr? /dev/sd[b-z]; do
    [ -b $device ] || continue
    mount -t iso9660 -o ro $device /seed 2>/dev/null || mount -t vfat -o ro $device /seed 2>/dev/null || continue
    if [ -f /seed/meta-data ]; then
        hostname=$(value local-hostname) instance=$(value instance-id)
        grep -qs kunsthalle-stay /seed/user-data && stay=yes
        umount /seed
        break
    fi
    umount /seed
done
grep -q kunsthalle-stay /proc/cmdline && stay=yes
hostname ${hostname:-none}

# Whoever reads the line below may press the button at once, so it is watched by then.
if [ -n "$stay" ]; then
    acpid -f -d -c /actions >/dev/null 2>&1 &
    watcher=$! tries=0
    until ls -l /proc/$watcher/fd | grep -q input || [ $tries -ge 50 ]; do
        tries=$((tries + 1))
        sleep 0.1
    done
fi
echo
about="hostname=${hostname:-none} instance-id=${instance:-none} boots=$boots kept=$kept kernel=$(uname -r)"
echo "KUNSTHALLE-BOOT-OK $about"
[ -z "$stay" ] || while read -r line; do
    case "$line" in
        "keep "*) keep "${line#keep }" ;;
        busy) busy & ;;
    esac
    echo "KUNSTHALLE-HEARD $line"
done
[ -z "$stay" ] || wait
sync
poweroff -f
"""

POWER_BUTTON = r"""#!/bin/sh
echo KUNSTHALLE-SHUTDOWN >/dev/ttyS0
sync
poweroff -f
"""

# Without KVM a boot with two processors takes half as much again as with one, and nothing here needs the second; the
# kernel's self-tests, its own random address and what the firmware says of disks are a tenth.
BOOT_MENU = """SERIAL 0 115200
DEFAULT kunsthalle
PROMPT 0
LABEL kunsthalle
  KERNEL vmlinuz
  INITRD initrd.gz
  APPEND console=ttyS0,115200 quiet panic=5 maxcpus=1 cryptomgr.notests nokaslr edd=off {more}
"""


def run(*command: str | Path, cwd: Path | None = None) -> None:
    """Runs a tool; its words are shown only if it fails."""
    environment = {
        **os.environ, "PATH": PATH, "LC_ALL": "C", "TZ": "UTC",
        "SOURCE_DATE_EPOCH": str(EPOCH), "MTOOLS_SKIP_CHECK": "1",
    }  # fmt: skip
    words = [str(part) for part in command]
    ended = subprocess.run(words, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if ended.returncode:
        said = (ended.stdout + ended.stderr).decode(errors="replace").strip()
        sys.exit(f"make_boot_image: {words[0]} ended with {ended.returncode}: {said}")


def absent_packages() -> list[str]:
    """The Debian packages that are needed and not there."""
    absent = [package for command, package in COMMANDS.items() if shutil.which(command, path=PATH) is None]
    if not BUSYBOX.exists() or needs_libraries(BUSYBOX.read_bytes()):
        absent.append("busybox-static")
    if not MBR_CODE.exists():
        absent.append("syslinux-common")
    return sorted(absent)


def needs_libraries(program: bytes) -> bool:
    """Whether a 64-bit ELF file names an interpreter, as the ordinary busybox does and the static one does not."""
    (table,), (size, count) = struct.unpack_from("<Q", program, 32), struct.unpack_from("<HH", program, 54)
    return any(struct.unpack_from("<I", program, table + size * entry)[0] == 3 for entry in range(count))


def kernel_package(cache: Path) -> Path:
    """The newest kernel package of the cache, fetched if there is none."""
    found = sorted(cache.glob("linux-image-*.deb"), key=lambda path: path.stat().st_mtime)
    if found:
        return found[-1]
    cache.mkdir(parents=True, exist_ok=True)
    name = current_kernel()
    if name is None:
        run("apt-get", "-qq", "update")
        name = current_kernel()
    if name is None:
        sys.exit(f"make_boot_image: apt knows no package {KERNEL}; a Debian amd64 archive is needed")
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        run("apt-get", "-qq", "-o", "APT::Sandbox::User=root", "download", name, cwd=Path(folder))
        (package,) = Path(folder).glob("*.deb")
        return package.rename(cache / package.name)


def current_kernel() -> str | None:
    """The package that the kernel's metapackage stands for."""
    said = subprocess.run(["apt-cache", "depends", KERNEL], capture_output=True, text=True, check=False).stdout
    for line in said.splitlines():
        kind, _, name = line.strip().partition(": ")
        if kind == "Depends" and name.startswith("linux-image-"):
            return name
    return None


def unpack(package: Path) -> tuple[bytes, dict[str, bytes]]:
    """The kernel, and all modules by their names with underscores."""
    kernel, modules = b"", {}
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=cast("IO[bytes]", process.stdout), mode="r|") as archive,
    ):
        for member in archive:
            name = Path(member.name).name
            wanted = name.startswith("vmlinuz-") or name.endswith((".ko", ".ko.xz"))
            content = archive.extractfile(member) if wanted and member.isfile() else None
            if content is None:
                continue
            if name.startswith("vmlinuz-"):
                kernel = content.read()
            else:
                modules[name.partition(".")[0].replace("-", "_")] = plain(name, content.read())
    if not kernel or not modules:
        sys.exit(f"make_boot_image: {package} holds no kernel")
    return kernel, modules


def plain(name: str, module: bytes) -> bytes:
    """busybox loads no compressed modules."""
    return lzma.decompress(module) if name.endswith(".xz") else module


def in_order(modules: dict[str, bytes]) -> list[str]:
    """The wanted modules, each after what it depends on. What is not a module is built in."""
    order: list[str] = []

    def add(name: str) -> None:
        if name in order or name not in modules:
            return
        for field in modules[name].split(b"\0"):
            if field.startswith(b"depends="):
                for needed in filter(None, field[8:].decode().replace("-", "_").split(",")):
                    add(needed)
        order.append(name)

    for name in MODULES:
        add(name)
    return order


def initial_files(modules: dict[str, bytes]) -> Iterator[tuple[str, int, bytes]]:
    """The first file system of the machine: path, mode with file type, content."""
    folder, program, data = 0o040755, 0o100755, 0o100644
    for name in ("bin", "dev", "proc", "sys", "disk", "seed", "modules", "actions", "actions/PWRF"):
        yield name, folder, b""
    yield "init", program, INIT.replace("@END@", str(DISK_BYTES // MIB)).encode()
    yield "bin/busybox", program, BUSYBOX.read_bytes()
    yield "actions/PWRF/00000080", program, POWER_BUTTON.encode()
    for number, name in enumerate(in_order(modules)):
        yield f"modules/{number:02}-{name}.ko", data, modules[name]


def cpio(files: Iterator[tuple[str, int, bytes]]) -> bytes:
    """An archive as the kernel unpacks it (its documentation: initramfs buffer format, `newc`)."""
    out = io.BytesIO()

    def add(number: int, name: str, mode: int, content: bytes) -> None:
        links = 2 if mode & 0o040000 else 1
        fields = (number, mode, 0, 0, links, EPOCH, len(content), 0, 0, 0, 0, len(name) + 1, 0)
        out.write(b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0")
        out.write(b"\0" * (-out.tell() % 4))
        out.write(content + b"\0" * (-len(content) % 4))

    number = 0
    for number, (name, mode, content) in enumerate(files, start=1):
        add(number, name, mode, content)
    add(number + 1, "TRAILER!!!", 0, b"")
    return out.getvalue()


def partition(work: Path, kernel: bytes, initrd: bytes, more: str) -> bytes:
    """A FAT16 file system that syslinux boots from."""
    image = work / "partition"
    with image.open("wb") as file:
        file.truncate(DISK_BYTES - PARTITION_START)
    run("mkfs.vfat", "--invariant", "-F", "16", "-n", "KUNSTHALLE", "-h", str(PARTITION_START // SECTOR), image)
    contents = {"vmlinuz": kernel, "initrd.gz": initrd, "syslinux.cfg": BOOT_MENU.format(more=more).encode()}
    for name, content in contents.items():
        path = work / name
        path.write_bytes(content)
        os.utime(path, (EPOCH, EPOCH))
        run("mcopy", "-m", "-i", image, path, f"::{name}")
    run("syslinux", "--install", image)
    return image.read_bytes()


def master_boot_record() -> bytes:
    """Boot code and one active partition of type 0x0e (FAT16, LBA) up to the disk's end; no CHS addresses."""
    code = MBR_CODE.read_bytes()[:440].ljust(440, b"\0")
    no_chs = b"\xfe\xff\xff"
    start, count = PARTITION_START // SECTOR, (DISK_BYTES - PARTITION_START) // SECTOR
    entry = struct.pack("<B3sB3sII", 0x80, no_chs, 0x0E, no_chs, start, count)
    return code + b"KUNS\0\0" + entry + b"\0" * 48 + b"\x55\xaa"


def build(out: Path, cache: Path, kind: str, more: str) -> None:
    """Writes the image under a name of its own and then gives it the wanted one."""
    kernel, modules = unpack(kernel_package(cache))
    initrd = gzip.compress(cpio(initial_files(modules)), 9, mtime=0)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".boot-image-") as folder:
        work = Path(folder)
        raw = work / "disk"
        with raw.open("wb") as file:
            file.write(master_boot_record())
            file.seek(PARTITION_START)
            file.write(partition(work, kernel, initrd, more))
        made = work / "made"
        run("qemu-img", "convert", "-q", "-f", "raw", *QEMU_OPTIONS[kind], raw, made)
        made.rename(out)


def main() -> None:
    """Prints the path, the sha256 and the length of what was built."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("out", type=Path)
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kunsthalle"
    parser.add_argument("--cache", type=Path, default=default, help="where the kernel's package is kept")
    parser.add_argument("--format", choices=sorted(QEMU_OPTIONS), default="qcow2")
    parser.add_argument("--stay", action="store_true", help="stay up whatever the user data says")
    given = parser.parse_args()
    if absent := absent_packages():
        sys.exit(
            f"make_boot_image: absent: {' '.join(absent)}"
            f" (Debian: apt-get install --no-install-recommends {' '.join(absent)})"
        )
    out: Path = given.out.absolute()
    build(out, given.cache.absolute(), given.format, "kunsthalle-stay" if given.stay else "")
    with out.open("rb") as file:
        print(out, hashlib.file_digest(file, "sha256").hexdigest(), out.stat().st_size)


if __name__ == "__main__":
    main()
