"""Saved scenarios: everything a server keeps, under a name beside it, and back again (design, section 2).

What is saved is the database, as one SQLite file whichever engine it is on, the blobs, and what the data folder holds,
but for what belongs to the process: the lock, its address, the operator's token, the master keys, other saved
scenarios. Blobs never change; where they are files they are linked, not copied. While it is saved or restored no job of
this process runs; on SQLite nothing is written, on PostgreSQL what is saved is of one moment. A machine that really
runs stands in the way, for its disk changes under the copy.

Objects of buckets on an S3 server (`--buckets`) are their accounts' own and stay as they are.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from kunsthalle.all_tables import metadata
from kunsthalle.authz.context import Context
from kunsthalle.authz.permissions import VALIDITY
from kunsthalle.blobs.protocol import BlobError
from kunsthalle.chosen_drivers import Drivers
from kunsthalle.core.clock import MovableClock, rfc3339
from kunsthalle.core.errors import Problem, Reason, conflict, invalid, not_found
from kunsthalle.core.hypervisor_names import HYPERVISORS
from kunsthalle.core.records import dataclass
from kunsthalle.db import database_copies, kv, nodes
from kunsthalle.db.database_copies import DoesNotFit, StoreBusy
from kunsthalle.db.engine import Store
from kunsthalle.db.prepare import NewerSchema
from kunsthalle.db.reencryption import Places
from kunsthalle.db.session import Session
from kunsthalle.db.tables import facts
from kunsthalle.db.unscoped import columns_of, remove_rows
from kunsthalle.hypervisor.overlays import copy_sparse
from kunsthalle.hypervisor.protocol import Status
from kunsthalle.iam.queries import token_generation
from kunsthalle.images import blob_leases
from kunsthalle.instances.tables import instances
from kunsthalle.jobs import queue
from kunsthalle.jobs.worker import Busy, Worker
from kunsthalle.local import folder, running, shared_folder
from kunsthalle.local.master_keys import MasterKeyError
from kunsthalle.operator import saved_blobs, saved_databases
from kunsthalle.settings import Settings

FOLDER = "scenarios"
BACKUP_WORK = "backup-work"
"""Where a backup that is being made has its copies."""
DATABASE, ABOUT = "kunsthalle.sqlite", "scenario.json"
APART = {
    FOLDER,
    BACKUP_WORK,
    folder.LOADING,
    folder.LOCK,
    running.ALIVE,
    folder.SERVER,
    folder.CREDENTIALS,
    ABOUT,
    *shared_folder.OWN,
    "blobs",
    "blob-cache",
    saved_blobs.FOLDER,
}
"""What of a data folder, or of its copy, is not simply copied."""
_MAY_RUN = {Status.RUNNING, Status.UNREACHABLE}
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved scenario: when it was saved, where its clock stood (RFC 3339), and how large its own files are."""

    name: str
    saved_at: str
    now: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SavedScenarios:
    """`forget` drops what the process remembers of the store beyond the store's own memory (tokens); `secrets`
    are the places that the master key encrypts.
    """

    settings: Settings
    store: Store
    base: Context
    clock: MovableClock
    worker: Worker
    drivers: Drivers
    forget: Callable[[], None]
    secrets: Places

    @property
    def _data(self) -> Path:
        return self.settings.shared_root

    def every(self) -> list[Saved]:
        """Those there are, by name."""
        root = self._data / FOLDER
        paths = sorted(root.iterdir()) if root.is_dir() else []
        return [self._about(path) for path in paths if NAME.fullmatch(path.name)]

    def save(self, name: str, *, replace: bool) -> Saved:
        """Saves everything. 409 when the name is taken, while a machine really runs, or jobs do not end."""
        place = self._place(name)
        if place.exists() and not replace:
            text = f"There is a scenario {name!r} already; replace it (`replace`, --replace), or choose another name."
            raise conflict("already_exists", text, "name")
        made = place.with_name(f".{name}.new")
        with shared_folder.alone(self._data), self._still(self.store.still):
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir(mode=0o700, parents=True)
            database_copies.save(self.store, made / DATABASE, metadata())
            for path in self._own(self._data):
                _copy(path, made / path.name)
            saved_blobs.save(self.drivers.blobs, made)
            folder.write(made, folder.CREDENTIALS, folder.read(self._data, folder.CREDENTIALS))
            moments = {"saved_at": rfc3339(self.clock.real()), "now": rfc3339(self.clock.now())}
            folder.write(made, ABOUT, {**moments, "moment": self.clock.now()})
            shutil.rmtree(place, ignore_errors=True)
            made.rename(place)
        return self._about(place)

    def load(self, name: str, *, without_secrets: bool = False) -> Saved:
        """Makes everything as it was when it was saved. 404 for a name nobody saved; 409 as for saving.

        `without_secrets` has a state loaded whose master key is not here: the credentials that catalogs and offerings
        keep for other systems are emptied. Cut off in its middle, it is done again, whole, before the folder is served
        the next time.
        """
        place = self._there(name)
        with shared_folder.alone(self._data):
            return self._load(place, without_secrets=without_secrets)

    def resume(self, name: str, *, without_secrets: bool) -> None:
        """Load, to its end, what was cut off. To be asked for by a process that starts, alone in the folder."""
        self._load(self._there(name), without_secrets=without_secrets)

    def _load(self, place: Path, *, without_secrets: bool) -> Saved:
        settle = partial(self._settle, *self.store.read(self.base, _of_this_store), self._moment(place))
        with self._still(self.store.still), self._current_schema(place, without_secrets) as database:
            self._refuse_during_backups()
            folder.write(self._data, folder.LOADING, {"name": place.name, "without_secrets": without_secrets})
            saved_blobs.add(self.drivers.blobs, place)
            self._become(database, settle)
            for path in self._own(self._data):
                _remove(path)
            for path in self._own(place):
                _copy(path, self._data / path.name)
            self._credentials(place)
            saved_blobs.drop_others(self.drivers.blobs, place)
            self.clock.set(self._moment(place))
            self.forget()
        if self.store.embedded:
            self.store.write(self.base, settle)
        (self._data / folder.LOADING).unlink()
        return self._about(place)

    @staticmethod
    def _moment(place: Path) -> int:
        return int(folder.read(place, ABOUT)["moment"])

    def _become(self, database: Path, settle: Callable[[Session], None]) -> None:
        try:
            database_copies.load(self.store, database, metadata(), self.base, settle)
        except (StoreBusy, DoesNotFit) as error:
            (self._data / folder.LOADING).unlink()  # nothing has changed, and nothing is to be done again
            code = "store_in_use" if isinstance(error, StoreBusy) else "incompatible_data"
            raise conflict(code, str(error)) from error

    def remove(self, name: str) -> Saved:
        """Forgets a saved scenario. 404 for a name nobody saved."""
        place = self._there(name)
        gone = self._about(place)
        shutil.rmtree(place)
        return gone

    def _settle(self, generation: int, own: Mapping[str, Any], moment: int, session: Session) -> None:
        """The clock stands where it stood, also after a restart; jobs that ran when it was saved begin again. `own` is
        what stays as it is.

        Access tokens that were expired stay so, and those that were issued since stay valid: the server signs with the
        keys that it had, which other nodes remember.
        """
        if generation:
            kv.put(session, kv.GENERATION, max(generation, token_generation(session)))
            session.invalidate(VALIDITY)
        for key, value in own.items():
            if value is not None:
                kv.put(session, key, value)
            elif key != kv.SIGNING_KEYS:
                remove_rows(session, facts, facts.c.key == key)
        kv.put(session, "clock", {"now": moment, "real": self.clock.real()})
        queue.release_all(session)
        self.worker.stay_paused(session)

    @contextlib.contextmanager
    def _still(self, written: Callable[[], contextlib.AbstractContextManager[None]]) -> Iterator[None]:
        try:
            with self.worker.paused(), written() if self.store.embedded else contextlib.nullcontext():
                running = self._machines()
                if running:
                    raise conflict("servers_running", f"Machines run; stop these servers first: {', '.join(running)}.")
                yield
        except Busy as error:
            raise conflict("jobs_running", str(error)) from error
        except BlobError as error:
            raise Problem(Reason.UNAVAILABLE, "unavailable", f"The blob store: {error}") from error

    def _refuse_during_backups(self) -> None:
        """A backup that is being made needs the blobs that there are."""
        if self.store.read(self.base, blob_leases.last_end) is not None:
            raise conflict("backup_running", "A backup of this installation is being made; load when it has ended.")

    def _machines(self) -> list[str]:
        """The servers that run, or may; on PostgreSQL those of other nodes, too, which only the database knows of.

        409 with an engine that keeps the disks elsewhere.
        """
        engine = self.drivers.hypervisor
        if engine.shared:
            text = f"The engine {engine.name} keeps the disks, and a saved state would be without them."
            raise conflict("disks_elsewhere", text)
        if not HYPERVISORS[engine.name].runs_guests:
            return []
        states = engine.states(engine.servers(), thorough=True)
        servers = {server for server, status in states.items() if status in _MAY_RUN}
        if not self.store.embedded:
            servers |= self.store.read(self.base, _running_instances)
        return sorted(servers)

    @contextlib.contextmanager
    def _current_schema(self, place: Path, without_secrets: bool) -> Iterator[Path]:
        """A copy of the saved database, brought to this release's schema; gone afterwards."""
        with tempfile.TemporaryDirectory(prefix=".loading-", dir=place.parent) as scratch:
            copy = Path(scratch) / DATABASE
            shutil.copyfile(place / DATABASE, copy)
            self._bring(copy, without_secrets)
            yield copy

    def _bring(self, copy: Path, without_secrets: bool) -> None:
        try:
            saved_databases.bring(copy, self.store.cipher, self.base, self.secrets, without_secrets=without_secrets)
        except NewerSchema as error:
            raise conflict("newer_schema", f"The scenario was saved by a later release: {error}.") from error
        except MasterKeyError as error:
            text = f"The scenario cannot be decrypted. {error} Or load it without the credentials that it keeps for"
            raise conflict("unknown_master_key", f"{text} other systems: --without-secrets.") from error

    def _credentials(self, place: Path) -> None:
        """The scenario's own, but for the operator's token, which this process knows."""
        own, saved = (folder.read(folder_path, folder.CREDENTIALS) for folder_path in (self._data, place))
        folder.write(self._data, folder.CREDENTIALS, {**saved, "operator_token": own["operator_token"]})

    def _own(self, root: Path) -> list[Path]:
        """What of a data folder, or of its copy, is saved and restored as plain files: never the master keys."""
        apart = {*APART, self.settings.master_key_path.name}
        return [
            path for path in sorted(root.iterdir()) if path.name not in apart and not path.name.startswith(DATABASE)
        ]

    def _place(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            text = "A name is made of a-z, 0-9, '.', '-' and '_', begins with a letter or digit, and has at most 63."
            raise invalid("bad_field", text, "name")
        return self._data / FOLDER / name

    def _there(self, name: str) -> Path:
        place = self._place(name) if NAME.fullmatch(name) else None
        if place is None or not place.is_dir():
            names = ", ".join(saved.name for saved in self.every())
            raise not_found("name", hint=f" There is no scenario {name!r}; saved are: {names or 'none'}.")
        return place

    def _about(self, place: Path) -> Saved:
        about = folder.read(place, ABOUT)
        files = [path.lstat() for path in place.rglob("*") if path.is_file()]
        size = sum(
            file_status.st_blocks * 512 for file_status in files if file_status.st_nlink == 1
        )  # what is linked is there anyway
        return Saved(place.name, about["saved_at"], about["now"], size)


def _of_this_store(session: Session) -> tuple[int, dict[str, Any]]:
    """What stays as it is: how often all tokens were expired; what tokens are signed with, and what is of the nodes."""
    return token_generation(session), {key: kv.get(session, key) for key in (kv.SIGNING_KEYS, *nodes.OWN)}


def _running_instances(session: Session) -> set[str]:
    return {str(row[0]) for row in columns_of(session, instances.c.id, where=[instances.c.status == "running"])}


def _copy(source: Path, target: Path) -> None:
    """A file or a folder, holes left as holes, links never followed."""
    if source.is_symlink() or not (source.is_dir() or source.is_file()):
        return
    if source.is_file():
        copy_sparse(source, target)
        shutil.copystat(source, target)
        return
    target.mkdir(mode=0o700, exist_ok=True)
    for path in source.iterdir():
        _copy(path, target / path.name)
    shutil.copystat(source, target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
