"""`kunsthalle disks`: what instances stand on, moved from this host to another engine while no server runs."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kunsthalle.cli import common
from kunsthalle.cli.setting_options import offline
from kunsthalle.local import folder
from kunsthalle.local.text_tables import line
from kunsthalle.settings import Settings

if TYPE_CHECKING:
    from kunsthalle.app import Server
    from kunsthalle.operator.disk_moves.account_moves import AccountMove
    from kunsthalle.operator.disk_moves.moving import MovedDisk

Doc = dict[str, Any]


@click.group()
def disks() -> None:
    """Move disks from this host to an engine of many hosts, while no server runs.

    \b
    kunsthalle disks move --account acme --hypervisor openstack --dry-run
    kunsthalle disks move --account acme --hypervisor openstack
    """


@disks.command()
@click.option("--account", required=True, help="Name or id of the account whose volumes and snapshots are moved")
@click.option("--dry-run", is_flag=True, help="Say what would be moved, and what keeps it from it; change nothing")
@click.option("--remove-source", is_flag=True, help="Remove the files here, once all of them are moved and compared")
@click.option("--hypervisor", default="", help="The engine to move to: as for serve")
@click.option("--openstack-cloud", default="", help="As for serve")
@click.option("--database", default="", help="As for serve; default: a SQLite file in the data folder")
@click.option("--blobs", default="", help="As for serve; default: a folder in the data folder")
@click.option("--shared-folder", default="", help="As for serve, where several nodes have one in common")
@common.DATA
@common.KEY_FILE
@common.OUTPUT
def move(account: str, dry_run: bool, remove_source: bool, data: Path, output: str, **places: str) -> None:
    """Move the disks of an account from the folder of QEMU to the engine that the server will have from now on.

    Each is read back from there and compared by its hash. Stop the instances, then the server, first. A move that was
    cut off goes on where it was when it is asked for again. What is here stays, unless --remove-source says otherwise.
    """
    settings = offline(data=data, **places)
    with _in_words(settings), _opened(settings) as server:
        from kunsthalle.operator.disk_moves.account_moves import accounts_left, prepare

        account_move = prepare(server.store, server.base, server.drivers, account)
        plan = _plan(account_move)
        if dry_run:
            click.echo(common.as_json(plan) if output == "json" else _sentence(plan, "To be moved"))
            return
        moved = [_shown(disk) for disk in _moved(account_move, quiet=output == "json")]
        removed = _removed(account_move) if remove_source else 0
        left = server.store.read(server.base, lambda session: accounts_left(session, server.drivers))
        _report({**plan, "disks": moved, "removed": removed, "left": left}, output)


def _moved(account_move: AccountMove, *, quiet: bool) -> Iterator[MovedDisk]:
    for disk in account_move.disks:
        moved = account_move.move.move(disk)
        if not quiet:
            click.echo(line(f"{moved.done}: {disk.spec.kind.value} {disk.name} ({disk.spec.id}) {moved.sha256[:16]}"))
        yield moved


def _removed(account_move: AccountMove) -> int:
    for disk in account_move.disks:
        account_move.move.remove_source(disk)
    return len(account_move.disks)


def _plan(account_move: AccountMove) -> Doc:
    from kunsthalle.hypervisor.disk_protocol import DiskKind

    account = account_move.content.account
    return {
        "account": account.name,
        "account_id": account.id,
        "engine": account_move.engine,
        "volumes": account_move.count(DiskKind.VOLUME),
        "snapshots": account_move.count(DiskKind.SNAPSHOT),
        "instances": len(account_move.content.instances),
        "bytes": account_move.own_bytes,
        "capacity_bytes": sum(disk.spec.size_bytes for disk in account_move.disks),
    }


def _sentence(plan: Doc, verb: str) -> str:
    sizes = f"{plan['bytes'] / 2**20:.1f} MiB of their own, {plan['capacity_bytes'] / 2**30:.0f} GB in all"
    counts = f"volumes: {plan['volumes']}, snapshots: {plan['snapshots']}, instances: {plan['instances']}"
    return line(f"{verb} of the account {plan['account']} to {plan['engine']}: {counts}; {sizes}.")


def _shown(moved: MovedDisk) -> Doc:
    spec = moved.disk.spec
    return {
        "kind": spec.kind.value,
        "id": spec.id,
        "name": moved.disk.name,
        "bytes": moved.disk.own_bytes,
        "sha256": moved.sha256,
        "done": moved.done,
    }


def _report(report: Doc, output: str) -> None:
    if output == "json":
        click.echo(common.as_json(report))
        return
    click.echo(_sentence(report, "Moved"))
    if report["removed"]:
        click.echo(f"Removed here: {report['removed']}")
    for name, count in report["left"].items():
        click.echo(line(f"Disks of the account {name} that are still here alone: {count}"))


@contextlib.contextmanager
def _opened(settings: Settings) -> Iterator[Server]:
    """The server of a folder, without its work. Refused where there is none, or it runs."""
    from kunsthalle.app import build
    from kunsthalle.cli.log_format import set_up
    from kunsthalle.cli.serve import Refusal, check_addresses

    set_up("error")
    if not folder.read(settings.data, folder.CREDENTIALS):
        raise common.Refused(f"{settings.data} contains no data. Name the folder of the server: --data FOLDER.")
    try:
        check_addresses(settings)
        lock = folder.lock(settings.data)
    except Refusal as error:
        raise common.Refused(str(error)) from error
    except folder.FolderInUse as error:
        raise common.Refused(f"A server uses {settings.data}. Stop it first.") from error
    try:
        server = build(settings, "")
        with contextlib.closing(server.store):
            yield server
    finally:
        os.close(lock)


@contextlib.contextmanager
def _in_words(settings: Settings) -> Iterator[None]:
    """What keeps the verb from its work, as one line."""
    from kunsthalle.core.disk_space import NoSpace
    from kunsthalle.core.errors import Problem
    from kunsthalle.hypervisor.disk_protocol import FAULTS
    from kunsthalle.hypervisor.protocol import DiskFull, Unavailable
    from kunsthalle.local.master_keys import MasterKeyError
    from kunsthalle.operator.disk_moves.move_plan import CannotMove

    again = "What is moved stays moved; ask again to go on."
    try:
        yield
    except CannotMove as error:
        raise common.Refused(line(error)) from error
    except Problem as problem:
        raise common.Refused(line(problem.message)) from problem
    except (Unavailable, MasterKeyError) as error:
        raise common.Refused(line(f"{error} ({settings.data})")) from error
    except DiskFull as error:
        raise click.ClickException(line(f"There is no more room: {error}. {again}")) from error
    except (*FAULTS, NoSpace) as error:
        raise click.ClickException(line(f"{getattr(error, 'message', error)} {again}")) from error
