"""Which disks of an account are in this host's folder, and what keeps them from being moved."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from kunsthalle.accounts.models import Account
from kunsthalle.block_storage.disk_specs import disk_of, snapshot_disk
from kunsthalle.block_storage.models import Snapshot, Volume
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.hypervisor.disk_protocol import DiskKind, Disks, DiskSpec
from kunsthalle.hypervisor.disk_quota import taken_bytes
from kunsthalle.hypervisor.folder_disks import LocalDisks
from kunsthalle.hypervisor.protocol import Hypervisor
from kunsthalle.instances.resources import INSTANCE
from kunsthalle.operator.disk_moves.move_notes import MoveNotes, stamp_of

_AT_REST = frozenset({"stopped", "failed"})
_BROKEN = "failed"
_WHOLE = frozenset({"available", "stable", _BROKEN})
_MOST_NAMED = 5


class CannotMove(Exception):
    """Why disks stay where they are, in words for the operator."""


@dataclass(frozen=True, slots=True)
class MovableDisk:
    """A disk with a file on this host. `own_bytes`: what that takes, without the image below it."""

    spec: DiskSpec
    name: str
    own_bytes: int


@dataclass(frozen=True, slots=True)
class AccountDisks:
    """What an account has: its volumes and snapshots, whatever their states, and its instances."""

    account: Account
    volumes: list[Volume]
    snapshots: list[Snapshot]
    instances: list[tuple[str, str, str]]
    """Id, name and status."""


def disks_of_account(session: Session, account: Account) -> AccountDisks:
    """All that an account has, in the order in which it was made."""
    volumes = unscoped(session, VOLUME, VOLUME.table.c.account_id == account.id)
    snapshots = unscoped(session, SNAPSHOT, SNAPSHOT.table.c.account_id == account.id)
    instances = unscoped(session, INSTANCE, INSTANCE.table.c.account_id == account.id)
    return AccountDisks(
        account,
        sorted(volumes, key=lambda volume: (volume.created_at, volume.id)),
        sorted(snapshots, key=lambda snapshot: (snapshot.created_at, snapshot.id)),
        sorted((instance.id, instance.name, instance.status) for instance in instances),
    )


def movable(content: AccountDisks, here: LocalDisks) -> list[MovableDisk]:
    """The disks that have a file here, snapshots first; those of resources that came to nothing are left out."""
    specs = [
        *((snapshot_disk(snapshot), snapshot.name, snapshot.lifecycle_state) for snapshot in content.snapshots),
        *((disk_of(volume), volume.name, volume.status) for volume in content.volumes),
    ]
    return [
        MovableDisk(spec, name, taken_bytes(here.path(spec.kind, spec.id)))
        for spec, name, state in specs
        if state != _BROKEN and here.exists(spec.kind, spec.id)
    ]


def check(content: AccountDisks, source: Hypervisor, here: LocalDisks, target: Disks) -> None:
    """CannotMove if something runs or is under way, or a disk is encrypted, or is nowhere."""
    _check_at_rest(content, source)
    resources: list[Volume | Snapshot] = [*content.volumes, *content.snapshots]
    sealed = [resource.name for resource in resources if resource.sealing.keys]
    if sealed:
        text = "are encrypted with keys of their owner's, whose passphrases an engine apart from this host would have"
        raise CannotMove(f"{_named(sealed)} {text} to know. Delete them, or copy what they hold inside an instance.")
    for spec, name, made in (
        *((disk_of(volume), volume.name, volume.keeps_content) for volume in content.volumes),
        *((snapshot_disk(snapshot), snapshot.name, snapshot.keeps_content) for snapshot in content.snapshots),
    ):
        if not made or here.exists(spec.kind, spec.id) or target.exists(spec.kind, spec.id):
            continue
        raise CannotMove(f"The disk of the {spec.kind.value} {name} ({spec.id}) is neither here nor on the engine.")


def _check_at_rest(content: AccountDisks, source: Hypervisor) -> None:
    running = [name for id_, name, status in content.instances if status not in _AT_REST or source.lives(id_)]
    if running:
        text = "Start the server with the engine that it had, stop them, and stop it again."
        raise CannotMove(f"Instances run, or are on their way: {_named(running)}. {text}")
    states = [
        *((volume.name, volume.status) for volume in content.volumes),
        *((snapshot.name, snapshot.lifecycle_state) for snapshot in content.snapshots),
    ]
    busy = [f"{name} ({state})" for name, state in states if state not in _WHOLE]
    if busy:
        text = "Start the server with the engine that it had, and stop it when they are done."
        raise CannotMove(f"Work on disks is under way: {_named(busy)}. {text}")


def _named(names: list[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def left_here(session: Session, folder: Path) -> dict[str, int]:
    """How many disks in the folder are still to be moved, by the ids of their accounts.

    Those of resources that are no more, or came to nothing, do not count.
    """
    notes, counts = MoveNotes(folder), Counter[str]()
    volumes = [(volume.id, volume.account_id, volume.status) for volume in unscoped(session, VOLUME)]
    snapshots = [
        (snapshot.id, snapshot.account_id, snapshot.lifecycle_state) for snapshot in unscoped(session, SNAPSHOT)
    ]
    for kind, rows in ((DiskKind.VOLUME, volumes), (DiskKind.SNAPSHOT, snapshots)):
        files = {path.name.removesuffix(".qcow2"): path for path in (folder / f"{kind.value}s").glob("[!.]*.qcow2")}
        for id_, account_id, state in rows:
            if id_ in files and state != _BROKEN and not notes.is_moved(kind, id_, stamp_of(files[id_])):
                counts[account_id] += 1
    return dict(counts)
