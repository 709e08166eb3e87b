"""qemu-img under limits.

It gets next to no environment, a session of its own, and bounded memory, processor time, file size and wall clock.
The format is always named, paths are always absolute, and what it prints is kept only in part. The number of
processes is not limited: that limit counts all processes of the user, so that a busy host would fail healthy images.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kunsthalle.core.disk_formats import FORMATS
from kunsthalle.core.disk_space import NoSpace
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB
from kunsthalle.disk_images import qcow2
from kunsthalle.disk_images.atomic_files import appearing
from kunsthalle.disk_images.backing_files import name_of
from kunsthalle.disk_images.detection import HEAD_BYTES, QEMU_NAMES, block_node
from kunsthalle.disk_images.file_refusals import TOO_BIG, Refused, ToolFailed, corrupted
from kunsthalle.disk_images.limits import Limits

ENVIRONMENT = {"LC_ALL": "C", "MALLOC_ARENA_MAX": "1"}
STACK_BYTES = 2 * MIB
"""qemu-img may start 64 threads for input and output. With a stack of 8 MiB and an arena of 64 MiB for each, which
count as address space though never used, they would not fit into its memory, and healthy images would fail."""
NICENESS = 10
"""How much lower than the server's its priority is: a conversion keeps a core busy for minutes."""
WATCH_SECONDS = 1.0
KEPT_BYTES = 256 * 1024
DETAIL_CHARACTERS = 1000
SLOWEST_WRITE = 8 * MIB
"""Bytes a second below which a conversion is given up."""
OVERLAY_BYTES = 64 * MIB
"""More than an empty overlay of the largest disk takes."""

TABLE_BYTES = 64 * MIB
"""More than the tables of the largest disk take in either format."""
_MEASURED_SLACK = 1_000

LEAKS_ONLY = 3
"""qemu-img check: clusters are lost, which wastes room and harms nothing."""
_TARGET_OPTIONS = {
    format_.name: format_.written_with for format_ in FORMATS.values() if format_.written_with is not None
}
_MEASURED_WITH = {name: FORMATS[name].measured_with for name in _TARGET_OPTIONS}


@dataclass(frozen=True)
class Tools:
    """Absolute paths of the programs; `prlimit` (util-linux) sets the limits before qemu-img starts.

    `setpriv`, of the same package, has the kernel end qemu-img with us: after a crash nothing works on alone. `nice`
    lets the server's own threads go first.
    """

    qemu_img: Path
    prlimit: Path = Path("/usr/bin/prlimit")
    setpriv: Path | None = None
    nice: Path | None = None


@dataclass(frozen=True, slots=True)
class Ran:
    """`code` is negative for a signal. `out` and `words` (standard output and error) may be cut."""

    code: int
    out: bytes
    words: str


def find_tools(path: str | None = None) -> Tools | None:
    """The tools of this host, or None where qemu-img or prlimit is missing or does not start under limits.

    `path` is the folders to search, as in $PATH, or qemu-img itself; by default $PATH.
    """
    if path is not None and Path(path).is_file():
        folder, name = os.path.split(path)
        qemu_img = shutil.which(name, path=folder)
    else:
        qemu_img = shutil.which("qemu-img", path=path)
    prlimit = shutil.which("prlimit") or shutil.which("prlimit", path="/usr/bin:/bin")
    if qemu_img is None or prlimit is None:
        return None
    tools = Tools(Path(qemu_img).absolute(), Path(prlimit).absolute(), _system_tool("setpriv"), _system_tool("nice"))
    try:
        ran = run(tools, ["--version"], Limits())
    except ToolFailed:
        return None
    return tools if ran.code == 0 else None


def _system_tool(name: str) -> Path | None:
    program = shutil.which(name) or shutil.which(name, path="/usr/bin:/bin")
    return None if program is None else Path(program).absolute()


def info(tools: Tools, path: Path, kind: str, limits: Limits) -> dict[str, Any]:
    """What `qemu-img info` says of a file of this kind (qcow2, vhd); raises Refused if it cannot open it."""
    ran = run(tools, ["info", "--output=json", _described(block_node(path, kind))], limits)
    if ran.code != 0:
        raise _unreadable(ran.code)
    return _answer(ran)


def check(tools: Tools, path: Path, limits: Limits, passphrase: bytes | None = None) -> int:
    """Lets `qemu-img check` follow all tables of a qcow2 file: how many clusters are lost; raises Refused.

    It reads the passphrase of an encrypted file from a pipe: it is on no command line and in no file.
    """
    if passphrase is None:
        ran = run(tools, ["check", "--output=json", "-f", "qcow2", str(_absolute(path))], limits)
    else:
        node = {**block_node(path, "qcow2"), "encrypt": {"format": "luks", "key-secret": "image"}}
        with piped(passphrase) as descriptor:
            command = ["check", "--output=json", *secret_object("image", descriptor), _described(node)]
            ran = run(tools, command, limits, descriptors=(descriptor,))
    if ran.code not in (0, LEAKS_ONLY):
        raise _unreadable(ran.code)
    leaks = _answer(ran).get("leaks", 0)
    return leaks if isinstance(leaks, int) else 0


def convert(
    tools: Tools,
    source: Path,
    source_format: str,
    target: Path,
    target_format: str,
    *,
    quota_bytes: int,
    limits: Limits,
    backing_allowed: bool = False,
    watch: Callable[[], None] = lambda: None,
) -> None:
    """Writes what the disk in `source` holds to the new file `target`, alone in one file.

    Source formats are qcow2, vhd, raw, vmdk and vhdx, the latter two checked by `conversion` before; target formats are
    qcow2, vhd and raw. At most `quota_bytes` are written. Only with `backing_allowed`, which is
    for disks of our own making, is a backing file followed. `watch` is called every second; what it raises ends
    the work. Raises Refused where the source is to blame (unreadable, or larger than the quota), NoSpace where the
    disk is full, ToolFailed otherwise, FileExistsError if `target` exists; then no target is left.
    """
    disk = _source(source, source_format, backing_allowed=backing_allowed)
    seconds = limits.tool_seconds + quota_bytes // SLOWEST_WRITE
    with appearing(_absolute(target)) as part:
        command = ["convert", *disk, *_TARGET_OPTIONS[target_format], str(part)]
        ran = run(tools, command, limits, seconds=seconds, cpu_seconds=seconds, file_bytes=quota_bytes, watch=watch)
        if ran.code != 0:
            raise conversion_failed(ran, quota_bytes)


def converted_size(
    tools: Tools,
    source: Path,
    source_format: str,
    target_format: str,
    *,
    most: int,
    limits: Limits,
    backing_allowed: bool = False,
) -> int:
    """How many bytes `convert` writes at most: by what the disk really holds, `most` where that cannot be told.

    A VHD is measured as a qcow2 file with clusters as large as its blocks.
    """
    disk = _source(source, source_format, backing_allowed=backing_allowed)
    options = _MEASURED_WITH[target_format]
    ran = run(tools, ["measure", "--output=json", "-O", "qcow2", *options, *disk], limits)
    try:
        required = int(json.loads(ran.out)["required"]) if ran.code == 0 else most
    except (ValueError, KeyError, TypeError):
        return most
    return min(most, required + required // _MEASURED_SLACK + TABLE_BYTES)


def create_overlay(tools: Tools, overlay: Path, backing: Path, backing_format: str, virtual_size: int) -> None:
    """Makes the empty qcow2 file `overlay` of `virtual_size` bytes on top of `backing`.

    Raises ToolFailed, and FileExistsError if `overlay` exists.
    """
    base = ["-F", QEMU_NAMES[backing_format], "-b", name_of(backing, backing_format)]
    with appearing(_absolute(overlay)) as part:
        command = ["create", "-q", "-f", "qcow2", *base, str(part), str(virtual_size)]
        ran = run(tools, command, Limits(), file_bytes=OVERLAY_BYTES)
        if ran.code != 0:
            raise ToolFailed("The overlay could not be made.", ran.words)


def _source(path: Path, kind: str, *, backing_allowed: bool) -> list[str]:
    """Names the driver of every layer: nothing is guessed from the bytes, no other file is opened."""
    node = block_node(path, kind)
    if kind == "qcow2" and not backing_allowed:
        with path.open("rb") as file:
            qcow2.check_one_file(file.read(HEAD_BYTES))
    if FORMATS[kind].names_files and not backing_allowed:
        node["backing"] = None
    return [_described(node)]


@contextmanager
def piped(passphrase: bytes) -> Iterator[int]:
    """The end of a pipe that a passphrase can be read from as base64; it fits into the pipe before anybody reads."""
    reader, writer = os.pipe()
    try:
        try:
            os.write(writer, base64.b64encode(passphrase))
        finally:
            os.close(writer)
        yield reader
    finally:
        os.close(reader)


def _described(node: dict[str, object]) -> str:
    return "json:" + json.dumps(node)


def secret_object(name: str, descriptor: int) -> list[str]:
    """The arguments by which qemu-img reads a secret from a pipe of `piped`, and the name that nodes call it."""
    return ["--object", f"secret,id={name},format=base64,file=/dev/fd/{descriptor}"]


def conversion_failed(ran: Ran, quota_bytes: int) -> Refused | ToolFailed | NoSpace:
    """Why a conversion that was allowed to write so many bytes did not end well."""
    if ran.code == -signal.SIGXFSZ or "File too large" in ran.words:
        return Refused(TOO_BIG, f"The disk of the image needs more than the {quota_bytes} bytes allowed for it.")
    if "No space left" in ran.words:
        return ToolFailed("There is no room left for the converted image.", ran.words)
    if any(os.strerror(code) in ran.words for code in (errno.ENOSPC, errno.EDQUOT)):
        return NoSpace("The disk became full.", quota_bytes)
    if "Could not open" in ran.words or "error while reading" in ran.words:
        return corrupted("The data of the image cannot be read.")
    if ran.code in (-signal.SIGKILL, -signal.SIGXCPU):
        return ToolFailed("The conversion was stopped: it took too long.", ran.words)
    return ToolFailed("The conversion failed.", ran.words)


def _unreadable(code: int) -> Refused:
    if code < 0:
        return corrupted("The image could not be checked within the limits of time and memory.")
    return corrupted("The image is damaged: its tables do not agree with its data, or cannot be read.")


def _answer(ran: Ran) -> dict[str, Any]:
    try:
        answer = json.loads(ran.out)
    except ValueError as fault:
        raise corrupted("The image could not be checked: its description cannot be read.") from fault
    if not isinstance(answer, dict):
        raise corrupted("The image could not be checked: its description cannot be read.")
    return answer


def _absolute(path: Path) -> Path:
    """QEMU takes a colon in a relative name for the name of a protocol."""
    if not path.is_absolute():
        raise ValueError("qemu-img is given absolute paths only")
    return path


def run(
    tools: Tools,
    arguments: list[str],
    limits: Limits,
    *,
    seconds: int | None = None,
    cpu_seconds: int | None = None,
    file_bytes: int = 0,
    watch: Callable[[], None] = lambda: None,
    descriptors: Sequence[int] = (),
) -> Ran:
    """Runs qemu-img to its end, or to the end of its time; then the signal that killed it is its code.

    It inherits `descriptors` under their numbers.
    """
    bounds = {
        "as": limits.tool_memory_bytes,
        "stack": STACK_BYTES,
        "cpu": cpu_seconds or max(1, limits.tool_seconds // 3),
        "fsize": file_bytes,
        "core": 0,
    }
    with_us = [] if tools.setpriv is None else [str(tools.setpriv), "--pdeathsig", "KILL", "--"]
    nicely = [] if tools.nice is None else [str(tools.nice), "-n", str(NICENESS)]
    command = [*with_us, *nicely, str(tools.prlimit), *(f"--{name}={value}" for name, value in bounds.items()), "--"]
    try:
        process = subprocess.Popen(  # noqa: S603 - a list of our own making, no shell
            [*command, str(tools.qemu_img), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            pass_fds=descriptors,
        )
    except OSError as fault:
        raise ToolFailed("qemu-img could not be started.", str(fault)) from fault
    deadline = time.monotonic() + (seconds or limits.tool_seconds)
    with process:
        try:
            out, words = _listen(process, deadline, watch)
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode in (126, 127):  # prlimit found no program to run
        raise ToolFailed("qemu-img could not be started.", words.decode(errors="replace")[:DETAIL_CHARACTERS])
    return Ran(process.returncode, out, words.decode(errors="replace")[:DETAIL_CHARACTERS])


def _listen(process: subprocess.Popen[bytes], deadline: float, watch: Callable[[], None]) -> tuple[bytes, bytes]:
    """Reads both outputs until they end or time is up, and keeps the first part of each.

    A damaged image can make qemu-img print a line for each of its millions of clusters.
    """
    assert process.stdout is not None  # noqa: S101 - for the type checker; both are pipes
    assert process.stderr is not None  # noqa: S101 - as above
    streams = (process.stdout, process.stderr)
    outputs = (bytearray(), bytearray())
    with selectors.DefaultSelector() as selector:
        for number, stream in enumerate(streams):
            selector.register(stream, selectors.EVENT_READ, number)
        while selector.get_map() and (left := deadline - time.monotonic()) > 0:
            watch()
            for key, _ in selector.select(min(left, WATCH_SECONDS)):
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                buffer = outputs[key.data]
                buffer += data[: KEPT_BYTES - len(buffer)]
    return bytes(outputs[0]), bytes(outputs[1])
