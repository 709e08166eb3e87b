"""The files of volumes and snapshots, and work that nobody does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path

from kunsthalle.block_storage.disk_files import FAULTS, Disks
from kunsthalle.disk_images import luks, qcow2
from kunsthalle.disk_images.backing_files import backing_of
from kunsthalle.disk_images.detection import HEAD_BYTES
from kunsthalle.disk_images.file_refusals import Refused, ToolFailed
from kunsthalle.jobs import queue
from kunsthalle.operator.doctor.findings import CheckContext, Disk, ExpectedReferences, Finding

_WHOLE = {"volume": {"available", "updating"}, "snapshot": {"stable"}}
"""States in which a resource that stands on bytes has its file."""


def files(books: ExpectedReferences, disks: Disks) -> Iterator[Finding]:
    """A file for every volume and snapshot that is whole, on the right bytes; and no other file."""
    yield from _kind("volume", books.volumes, disks.folder / "volumes", books, disks)
    yield from _kind("snapshot", books.snapshots, disks.folder / "snapshots", books, disks)
    if not books.running:  # else some of it may be at work
        for path in _found(disks.folder / "scratch", "*"):
            text = "Work on a disk was left unfinished."
            yield Finding("leftover_file", path.name, text, partial(_unlink, path))


def _kind(
    kind: str, rows: Mapping[str, Disk], folder: Path, books: ExpectedReferences, disks: Disks
) -> Iterator[Finding]:
    there = {path.name.removesuffix(".qcow2"): path for path in _found(folder, "*.qcow2")}
    for id_, path in sorted(there.items()):
        row = rows.get(id_)
        if id_ in books.busy:
            continue
        if row is None:
            yield Finding(f"disk_without_{kind}", id_, f"There is a file of no {kind}.", partial(_unlink, path))
        else:
            damage = list(_encryption(path, id_, books))
            yield from damage
            if row.digest is not None and not damage:
                yield from _backing(path, row, disks)
    for id_, row in sorted(rows.items()):
        if id_ not in there and id_ not in books.busy and row.digest is not None and row.state in _WHOLE[kind]:
            yield Finding(f"{kind}_without_disk", id_, f"The file of the {kind} is gone.")
    for path in _found(folder, ".*.partial"):
        if path.name[1:].removesuffix(".qcow2.partial") not in books.busy:
            yield Finding("leftover_file", path.name, "A disk was left unfinished.", partial(_unlink, path))


def _encryption(path: Path, id_: str, books: ExpectedReferences) -> Iterator[Finding]:
    """A disk is encrypted if its volume has a key, and the volume's data key opens it. Nobody else can mend that."""
    try:
        with path.open("rb") as file:
            start = file.read(HEAD_BYTES)
        header = qcow2.parse(start)
        encrypted = header.crypt_method == qcow2.LUKS
        luks_parts = qcow2.encryption_header(path, start, header) if encrypted else None
    except FileNotFoundError:
        return
    except (OSError, Refused):
        yield Finding("broken_disk", id_, "The file of the disk cannot be read.")
        return
    passphrase = books.encrypted.get(id_)
    if encrypted != (id_ in books.encrypted):
        state = "is encrypted, and has no key" if encrypted else "has a key, and is not encrypted"
        yield Finding("wrong_encryption", id_, f"The disk {state}.")
    elif luks_parts is not None and passphrase is not None and not luks.opens(*luks_parts, passphrase):
        yield Finding("wrong_data_key", id_, "The data key does not open the disk.")


def _backing(path: Path, row: Disk, disks: Disks) -> Iterator[Finding]:
    digest, place = str(row.digest), disks.blobs.place(str(row.digest))
    try:
        base = backing_of(path)
    except FileNotFoundError:
        return
    except (OSError, Refused, ToolFailed):
        yield Finding("broken_disk", row.id, "The file of the disk cannot be read.")
        return
    if base is not None and base != place:
        text = f"The disk stands on {base}; its bytes are {place}."
        yield Finding("wrong_backing", row.id, text, partial(_stand, path, digest, row.instance_id))


def work(books: ExpectedReferences) -> Iterator[Finding]:
    """Everything whose state says that a job will come has that job."""
    for kind, id_, account in sorted(books.waiting):
        if (kind, id_) not in books.jobs:
            text = f"It waits for a job {kind} that is not there."
            yield Finding("stuck", id_, text, partial(_resume, kind, id_, account))


def _found(folder: Path, pattern: str) -> Iterable[Path]:
    return sorted(path for path in folder.glob(pattern) if path.is_file() or path.is_symlink())


def _unlink(path: Path, _ward: CheckContext) -> bool:
    path.unlink(missing_ok=True)
    return True


def _stand(path: Path, digest: str, instance_id: str | None, ward: CheckContext) -> bool:
    if ward.disks.runs(instance_id):
        return False
    try:
        ward.disks.stand(path, digest)
    except FAULTS:
        return False
    return True


def _resume(kind: str, id_: str, account: str, ward: CheckContext) -> bool:
    ward.store.write(ward.ctx.as_system(account), lambda session: queue.enqueue(session, kind, id_, transfer_bytes=0))
    return True
