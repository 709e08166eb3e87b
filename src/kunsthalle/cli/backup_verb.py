"""`kunsthalle backup`: copies of an installation, made while it serves, verified, and restored into an empty one."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kunsthalle.cli import common
from kunsthalle.cli.setting_options import offline
from kunsthalle.local import folder
from kunsthalle.local.text_tables import line
from kunsthalle.settings import BadSetting, Settings

if TYPE_CHECKING:
    from kunsthalle.db.engine import Store
    from kunsthalle.operator.backups.manifests import Manifest
    from kunsthalle.operator.backups.repositories import Repository

_COLUMNS = ("NAME", "MADE AT", "RELEASE", "SCHEMA", "BLOBS", "DISKS", "SIZE", "STATE")
_F = TypeVar("_F", bound=Callable[..., Any])


@click.group()
def backup() -> None:
    """Back up an installation while it serves, verify backups, and restore one into an empty installation.

    \b
    kunsthalle backup create /srv/backups --keep 14
    kunsthalle backup create s3://backups/kunsthalle?endpoint=https://…
    kunsthalle backup create --config /etc/kunsthalle/kunsthalle.toml
    kunsthalle backup list /srv/backups
    kunsthalle backup verify /srv/backups
    kunsthalle backup restore /srv/backups --data /var/lib/kunsthalle-new

    PLACE may be left out where the settings name it (backup_place).
    """


_PLACE = click.argument("place", default="")
_NAME = click.option("--name", default="", help="Name of the backup; default: the newest one")


def _installation(verb: _F) -> _F:
    """The options that say where an installation keeps its state, as those of serve."""
    for words, text in (
        (("--shared-folder",), "As for serve, where several nodes have one in common; default: the data folder"),
        (("--buckets",), "As for serve; default: folders in the data folder"),
        (("--blobs",), "As for serve; default: a folder in the data folder"),
        (("--database",), "As for serve; default: a SQLite file in the data folder"),
    ):
        verb = click.option(*words, default="", help=text)(verb)
    return click.option("--hypervisor", default="", help="As for serve; default: auto")(verb)


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    """What keeps a verb from its work, as one line."""
    from sqlalchemy.exc import DatabaseError

    from kunsthalle.blobs.protocol import BlobError
    from kunsthalle.blobs.s3 import S3Error
    from kunsthalle.blobs.s3_address import BadAddress
    from kunsthalle.core.disk_space import NoSpace
    from kunsthalle.db.database_copies import DoesNotFit, StoreBusy
    from kunsthalle.db.prepare import NewerSchema
    from kunsthalle.hypervisor.protocol import HypervisorError
    from kunsthalle.local.master_keys import MasterKeyError
    from kunsthalle.operator.backups.creation import NotWhole
    from kunsthalle.operator.backups.manifests import BadBackup
    from kunsthalle.operator.backups.repositories import Damaged
    from kunsthalle.operator.backups.repository_turns import TurnLost, TurnTaken
    from kunsthalle.operator.backups.restoration import NotEmpty

    try:
        yield
    except (BadAddress, BadBackup, BadSetting, NotEmpty, MasterKeyError, TurnTaken) as error:
        raise common.Refused(line(error)) from error
    except NewerSchema as error:
        raise common.Refused(line(f"Another release has worked on this data: {error}.")) from error
    except (NotWhole, Damaged, TurnLost, StoreBusy, DoesNotFit, BlobError, S3Error, HypervisorError, NoSpace) as error:
        raise click.ClickException(line(error)) from error
    except DatabaseError as error:
        raise click.ClickException(line(f"The database: {error.orig}")) from error
    except OSError as error:
        raise click.ClickException(line(f"{error.filename or 'A file'}: {error.strerror or error}.")) from error


def _repository(settings: Settings, place: str, *, create: bool = False, staging: Path | None = None) -> Repository:
    """The place that was given, or else that of the settings; its keys are theirs, too."""
    from kunsthalle.operator.backups.repositories import open_repository

    address = place or settings.backup_place
    if not address:
        raise common.Refused("No place for backups: give PLACE, or backup_place in the settings file (--config FILE).")
    return open_repository(address, settings.s3_keys("backups", os.environ), create=create, staging=staging)


def _newest(repository: Repository) -> str:
    """The name of the newest backup. BadBackup where there is none."""
    from kunsthalle.operator.backups.manifests import BadBackup

    manifests = [repository.manifest(name) for name in repository.names()]
    if not manifests:
        raise BadBackup(f"{repository.place.shown} holds no backup. Make one: kunsthalle backup create PLACE")
    return max(manifests, key=lambda manifest: (manifest.made_at, manifest.name)).name


@backup.command()
@_PLACE
@click.option("--name", default="", help="Name of the backup; default: the time, as 20300102t030405z")
@click.option(
    "--keep",
    type=click.IntRange(0, 100_000),
    default=0,
    help="Afterwards remove all but so many of the newest backups, and what only those needed; 0: none",
)
@common.DATA
@_installation
@common.OUTPUT
def create(place: str, name: str, keep: int, data: Path, output: str, **changes: Any) -> None:
    """Back up an installation to PLACE: a folder, or s3://bucket/prefix?endpoint=….

    It may serve meanwhile. Records and blobs are those of one moment; blobs that are there already are not copied
    again. The master key, credentials.json and ssh/ of the data folder are in no backup: keep them elsewhere.
    """
    from kunsthalle.cli.log_format import set_up

    set_up("error")
    with _in_words():
        made = _create(offline(data=data, **changes), place, name, keep)
    if output == "json":
        click.echo(common.as_json({**_shown(made.manifest), "new_bytes": made.new_bytes, "removed": made.removed}))
        return
    click.echo(line(f"Created: {made.manifest.name} ({_size(made.manifest.size_bytes)}, new: {_size(made.new_bytes)})"))
    for old in made.removed:
        click.echo(line(f"Removed: {old}"))
    _tell_key(made.manifest)


def _create(settings: Settings, place: str, name: str, keep: int) -> Any:
    from kunsthalle.chosen_drivers import Drivers
    from kunsthalle.cli.system_context import system
    from kunsthalle.db.encryption import Cipher
    from kunsthalle.db.engine import Store
    from kunsthalle.hypervisor.folder_disks import LocalDisks
    from kunsthalle.operator.backups.creation import Source
    from kunsthalle.operator.backups.creation import create as back_up

    data = settings.data.resolve()
    if not settings.database and not (data / "kunsthalle.sqlite").is_file():
        raise common.Refused(f"{settings.data} contains no data. Name the folder of the server: --data FOLDER.")
    repository = _repository(settings, place, create=True, staging=data)
    with contextlib.closing(Store(settings.database_url, Cipher(None))) as store:
        _check_folder(settings, store)
        buckets = None if settings.buckets else settings.shared_root / "buckets"
        drivers = Drivers(settings)
        disks = drivers.hypervisor.disks
        local = disks if isinstance(disks, LocalDisks) else None
        source = Source(settings.shared_root, store, drivers.blobs, local, system(), buckets)
        return back_up(source, repository, name=name, keep=keep)


def _check_folder(settings: Settings, store: Store) -> None:
    """A backup of another folder would lack disks and objects, and nobody would see it before it is needed."""
    from kunsthalle.cli.system_context import system
    from kunsthalle.db import nodes
    from kunsthalle.local import shared_folder

    known = store.read(system(), nodes.folder_in_common)
    if known and known != shared_folder.known_identity(settings.shared_root):
        text = f"The nodes of the database do not keep their disks in {settings.shared_root}."
        raise common.Refused(f"{text} Name the folder that they have in common: --shared-folder FOLDER.")


def _shown(manifest: Manifest) -> dict[str, Any]:
    counts = {"blobs": len(manifest.blobs), "disks": len(manifest.disks), "objects": len(manifest.buckets)}
    names = ("name", "made_at", "release", "schema", "engine", "master_key")
    return {**{name: getattr(manifest, name) for name in names}, **counts, "size_bytes": manifest.size_bytes}


def _tell_key(manifest: Manifest) -> None:
    if manifest.master_key is not None:
        click.echo(line(f"A restore needs the master key {manifest.master_key}, which is in no backup."))


@backup.command(name="list")
@_PLACE
@common.CONFIG
@common.OUTPUT
def list_(place: str, output: str) -> None:
    """List the backups in PLACE. What a killed backup left is none. Exit code 1 if a manifest is damaged."""
    from kunsthalle.operator.backups.manifests import BadBackup

    rows: list[dict[str, Any]] = []
    damage: list[str] = []
    with _in_words():
        repository = _repository(offline(), place)
        for name in repository.names():
            try:
                rows.append({**_shown(repository.manifest(name)), "state": "whole"})
            except BadBackup as error:
                damage.append(str(error))
                rows.append({"name": name, "state": "damaged"})
    if output == "json":
        click.echo(common.as_json(rows))
    else:
        names = ("name", "made_at", "release", "schema", "blobs", "disks", "size_bytes", "state")
        for row in rows:
            row["size_bytes"] = _size(row["size_bytes"]) if "size_bytes" in row else ""
        click.echo(common.table(_COLUMNS, [[row.get(name, "") for name in names] for row in rows]))
    for text in damage:
        click.echo(line(text), err=True)
    sys.exit(1 if damage else 0)


@backup.command()
@_PLACE
@_NAME
@common.CONFIG
@common.OUTPUT
def verify(place: str, name: str, output: str) -> None:
    """Read every byte of a backup again and say which master key it needs. Exit code 1 if anything is damaged."""
    from kunsthalle.operator.backups.verification import verify as look

    with _in_words():
        repository = _repository(offline(), place)
        verified = look(repository, name or _newest(repository))
    if output == "json":
        click.echo(common.as_json({**_shown(verified.manifest), "damage": verified.damage}))
    else:
        for text in verified.damage:
            click.echo(line(text), err=True)
        state = "Damaged" if verified.damage else "Verified"
        count, size = len(verified.manifest.objects), _size(verified.manifest.size_bytes)
        click.echo(line(f"{state}: {verified.manifest.name}, {count} files, {size}"))
        _tell_key(verified.manifest)
    sys.exit(1 if verified.damage else 0)


@backup.command()
@_PLACE
@_NAME
@click.option("--without-secrets", is_flag=True, help="If the master key is lost: empty what is encrypted with it")
@common.data_option(resolved=False)
@_installation
@common.KEY_FILE
@common.OUTPUT
def restore(
    place: str, name: str, without_secrets: bool, data: Path | None, master_key_file: str, output: str, **changes: Any
) -> None:
    """Restore a backup into an empty installation, and let the doctor look at it. Exit code 1 if a problem is left.

    No server may use the folder. A restore that was cut off is begun again by the same command.
    """
    from kunsthalle.cli.log_format import set_up

    if data is None:
        raise common.Refused("Name the data folder of the new installation: --data FOLDER, or data in --config FILE.")
    set_up("error")
    with _in_words():
        settings = offline(data=data, master_key_file=master_key_file, **changes)
        restored = _restore(settings, place, name, without_secrets=without_secrets)
    report = restored.report
    if output == "json":
        findings = [{"check": finding.check, "subject": finding.subject} for finding in report.findings]
        about = {"healthy": report.healthy, "findings": findings, "stopped_instances": restored.stopped}
        click.echo(common.as_json({**_shown(restored.manifest), **about, "examined": report.examined}))
    else:
        for finding in report.findings:
            click.echo(line(f"{finding.check}: {finding.subject}: {finding.message}"), err=True)
        seen = ", ".join(f"{count} {kind}" for kind, count in report.examined.items())
        click.echo(line(f"Restored: {restored.manifest.name} into {data}"))
        click.echo(f"{'Healthy' if report.healthy else 'Not healthy'}: examined {seen}.")
        if restored.stopped:
            click.echo(f"Instances that ran when the backup was made, and are stopped now: {restored.stopped}")
    sys.exit(0 if report.healthy else 1)


def _restore(settings: Settings, place: str, name: str, *, without_secrets: bool) -> Any:
    from kunsthalle.chosen_drivers import Drivers
    from kunsthalle.cli.system_context import system
    from kunsthalle.db.encryption import cipher_of
    from kunsthalle.db.engine import Store
    from kunsthalle.operator.backups.restoration import Target
    from kunsthalle.operator.backups.restoration import restore as bring_back
    from kunsthalle.operator.master_key_rotation import secret_places
    from kunsthalle.wiring import disks_of

    repository = _repository(settings, place)
    name = name or _newest(repository)
    try:
        lock = folder.lock(settings.data)
    except folder.FolderInUse as error:
        raise common.Refused(f"A server uses {settings.data}: stop it, or choose an empty folder.") from error
    try:
        with contextlib.closing(Store(settings.database_url, cipher_of(settings))) as store:
            buckets = None if settings.buckets else settings.shared_root / "buckets"
            parts = (store, disks_of(Drivers(settings)), system(), buckets, secret_places)
            return bring_back(Target(settings, *parts), repository, name, without_secrets=without_secrets)
    finally:
        os.close(lock)


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB"


__all__ = ["backup"]
