"""The disks of volumes and snapshots, and work that nobody does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from kunsthalle.hypervisor.disk_protocol import FAULTS, DiskKind, Disks, ExpectedDisk
from kunsthalle.jobs import queue
from kunsthalle.operator.doctor.findings import CheckContext, Disk, ExpectedReferences, Finding

_WHOLE = {DiskKind.VOLUME: {"available", "updating"}, DiskKind.SNAPSHOT: {"stable"}}
"""States in which a resource that stands on bytes has its disk."""


def files(books: ExpectedReferences, disks: Disks) -> Iterator[Finding]:
    """A disk for every volume and snapshot that is whole, on the right bytes; and no other disk."""
    yield from _kind(DiskKind.VOLUME, books.volumes, books, disks)
    yield from _kind(DiskKind.SNAPSHOT, books.snapshots, books, disks)
    for leftover in disks.leftovers():
        # Work that is for no disk may be anybody's who is at work.
        at_work = books.running if leftover.disk_id is None else leftover.disk_id in books.busy
        if not at_work:
            yield Finding("leftover_file", leftover.name, leftover.message, partial(_remove_leftover, leftover.name))


def _kind(kind: DiskKind, rows: Mapping[str, Disk], books: ExpectedReferences, disks: Disks) -> Iterator[Finding]:
    stored = disks.inventory(kind)
    for id_ in sorted(stored):
        row = rows.get(id_)
        if id_ in books.busy:
            continue
        if row is None:
            text = f"There is a file of no {kind.value}."
            yield Finding(f"disk_without_{kind.value}", id_, text, partial(_delete, kind, id_))
        else:
            yield from _damage(disks, _expected(kind, row, books))
    for id_, row in sorted(rows.items()):
        made = row.state in _WHOLE[kind] and (row.digest is not None or row.has_disk)
        if made and id_ not in stored and id_ not in books.busy:
            yield Finding(f"{kind.value}_without_disk", id_, f"The file of the {kind.value} is gone.")


def _expected(kind: DiskKind, row: Disk, books: ExpectedReferences) -> ExpectedDisk:
    encrypted, passphrase = row.id in books.encrypted, books.encrypted.get(row.id)
    return ExpectedDisk(kind, row.id, row.digest, encrypted, passphrase, row.instance_id)


def _damage(disks: Disks, expected: ExpectedDisk) -> Iterator[Finding]:
    for damage in disks.damage(expected):
        mend = partial(_reattach_base, expected) if damage.check == "wrong_backing" else None
        yield Finding(damage.check, expected.id, damage.message, mend)


def work(books: ExpectedReferences) -> Iterator[Finding]:
    """Everything whose state says that a job will come has that job."""
    for kind, id_, account in sorted(books.waiting):
        if (kind, id_) not in books.jobs:
            text = f"It waits for a job {kind} that is not there."
            yield Finding("stuck", id_, text, partial(_resume, kind, id_, account))


def _delete(kind: DiskKind, id_: str, ward: CheckContext) -> bool:
    try:
        ward.disks.disks.delete(kind, id_)
    except FAULTS:
        return False
    return True


def _remove_leftover(name: str, ward: CheckContext) -> bool:
    ward.disks.disks.remove_leftover(name)
    return True


def _reattach_base(expected: ExpectedDisk, ward: CheckContext) -> bool:
    return ward.disks.disks.reattach_base(expected)


def _resume(kind: str, id_: str, account: str, ward: CheckContext) -> bool:
    ward.store.write(ward.ctx.as_system(account), lambda session: queue.enqueue(session, kind, id_, transfer_bytes=0))
    return True
