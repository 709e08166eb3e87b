"""The move of what one account has: what it takes, and whether it can begin."""

from __future__ import annotations

from kunsthalle.authz.context import Context
from kunsthalle.chosen_drivers import Drivers
from kunsthalle.core.hypervisor_names import HYPERVISORS
from kunsthalle.core.records import dataclass
from kunsthalle.db import nodes
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.hypervisor.disk_protocol import DiskKind
from kunsthalle.hypervisor.folder_disks import LocalDisks
from kunsthalle.hypervisor.protocol import Hypervisor
from kunsthalle.operator.accounts import find_account, list_accounts
from kunsthalle.operator.disk_moves.move_notes import MoveNotes
from kunsthalle.operator.disk_moves.move_plan import (
    AccountDisks,
    CannotMove,
    MovableDisk,
    check,
    disks_of_account,
    left_here,
    movable,
)
from kunsthalle.operator.disk_moves.moving import Bench, Move


@dataclass(frozen=True, slots=True)
class AccountMove:
    """What is to be moved of an account, and how. `engine` is the name of the one that it goes to."""

    content: AccountDisks
    disks: list[MovableDisk]
    move: Move
    engine: str

    def count(self, kind: DiskKind) -> int:
        """How many disks of a kind there are."""
        return sum(disk.spec.kind is kind for disk in self.disks)

    @property
    def own_bytes(self) -> int:
        """What their files take, without the images below them."""
        return sum(disk.own_bytes for disk in self.disks)


def prepare(store: Store, ctx: Context, drivers: Drivers, account: str) -> AccountMove:
    """
    The move of the disks of an account, by its name or id. Nothing is changed, anywhere; the engine is asked whether
    it answers.

    CannotMove, Problem for an unknown account, HypervisorError where the engine does not answer.
    """
    source, target = drivers.host_engine(), drivers.hypervisor
    here, bench = _folder(source, target), _bench(drivers)
    others = store.read(ctx, lambda session: nodes.others(session, store.node))
    if others:
        raise CannotMove(f"Nodes that use the database: {others}. Stop them first.")
    content = store.read(ctx, lambda session: disks_of_account(session, find_account(session, account)))
    target.disks.inventory(DiskKind.VOLUME)
    check(content, source, here, target.disks)
    move = Move(here, target.disks, MoveNotes(drivers.disks), bench)
    return AccountMove(content, movable(content, here), move, target.name)


def _folder(source: Hypervisor, target: Hypervisor) -> LocalDisks:
    if not target.shared:
        others = " or ".join(f"--hypervisor {name}" for name, engine in HYPERVISORS.items() if engine.shared)
        text = f"which keeps its disks in this folder. Choose the engine to move them to: {others}."
        raise CannotMove(f"The engine of these settings is {target.name}, {text}")
    disks = source.disks
    if not isinstance(disks, LocalDisks):
        raise CannotMove(f"The engine {source.name} keeps no disks in a folder.")
    return disks


def _bench(drivers: Drivers) -> Bench:
    if drivers.tools is None:
        raise CannotMove("Disks are read with qemu-img, which this host does not have: apt-get install qemu-utils.")
    return Bench(drivers.blobs, drivers.tools, drivers.limits, drivers.space, drivers.scratch)


def accounts_left(session: Session, drivers: Drivers) -> dict[str, int]:
    """How many disks are still to be moved, by the names of their accounts."""
    names = {entry.account.id: entry.account.name for entry in list_accounts(session)}
    counts = left_here(session, drivers.disks)
    return {names.get(id_, id_): count for id_, count in sorted(counts.items())}
