"""Saved scenarios: everything a server keeps, under a name beside it, and back again (design, section 2).

For a server on SQLite whose bytes are files. What is saved is what the data folder holds, but for what belongs to
the process: the lock, its address, the operator's token, the master keys, other saved scenarios. Blobs never change
and are linked, not copied. While it is saved or restored no job runs and nothing is written; a machine that really runs
stands in the way, for its disk changes under the copy.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kunsthalle.all_tables import prepare
from kunsthalle.authz.context import Context
from kunsthalle.authz.permissions import VALIDITY
from kunsthalle.config import Settings
from kunsthalle.core.clock import MovableClock, rfc3339
from kunsthalle.core.errors import Problem, Reason, conflict, invalid, not_found
from kunsthalle.core.hypervisors import HYPERVISORS
from kunsthalle.db import kv
from kunsthalle.db.engine import Store
from kunsthalle.db.prepare import NewerSchema
from kunsthalle.db.reencryption import Renew, ensure_encrypted
from kunsthalle.db.session import Session
from kunsthalle.drivers import Drivers
from kunsthalle.hypervisor.overlays import copy_sparse
from kunsthalle.hypervisor.protocol import Status
from kunsthalle.iam.queries import token_generation
from kunsthalle.jobs import queue
from kunsthalle.jobs.worker import Busy, Worker
from kunsthalle.local import folder, running
from kunsthalle.local.master_keys import MasterKeyError

FOLDER = "scenarios"
_DATABASE, _ABOUT, _BLOBS = "kunsthalle.sqlite", "scenario.json", "sha256"
_APART = {
    FOLDER,
    folder.LOADING,
    folder.LOCK,
    running.ALIVE,
    folder.SERVER,
    folder.CREDENTIALS,
    _ABOUT,
    "blobs",
    _BLOBS,
}
"""What of a data folder, or of its copy, is not simply copied."""
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved scenario: when it was saved, where its clock stood (RFC 3339), and how large its own files are."""

    name: str
    saved_at: str
    now: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SavedScenarios:
    """`forget` drops what the process remembers of the store beyond the store's own memory (tokens); `renew` encrypts
    what a saved database holds with the newest master key.
    """

    settings: Settings
    store: Store
    base: Context
    clock: MovableClock
    worker: Worker
    drivers: Drivers
    forget: Callable[[], None]
    renew: Renew

    @property
    def _data(self) -> Path:
        return self.settings.data.resolve()

    def every(self) -> list[Saved]:
        """Those there are, by name."""
        root = self._data / FOLDER
        found = sorted(root.iterdir()) if root.is_dir() else []
        return [self._about(one) for one in found if _NAME.fullmatch(one.name)]

    def save(self, name: str, *, replace: bool) -> Saved:
        """Saves everything. 409 when the name is taken, while a machine really runs, or jobs do not end."""
        place = self._place(name)
        if place.exists() and not replace:
            text = f"There is a scenario {name!r} already; replace it (`replace`, --replace), or choose another name."
            raise conflict("already_exists", text, "name")
        made = place.with_name(f".{name}.new")
        with self._still():
            shutil.rmtree(made, ignore_errors=True)
            made.mkdir(mode=0o700, parents=True)
            self.store.copy_to(made / _DATABASE)
            for one in self._own(self._data):
                _copy(one, made / one.name)
            _link_all(self.settings.blob_root / _BLOBS, made / _BLOBS)
            folder.write(made, folder.CREDENTIALS, folder.read(self._data, folder.CREDENTIALS))
            moments = {"saved_at": rfc3339(self.clock.real()), "now": rfc3339(self.clock.now())}
            folder.write(made, _ABOUT, {**moments, "moment": self.clock.now()})
            shutil.rmtree(place, ignore_errors=True)
            made.rename(place)
        return self._about(place)

    def load(self, name: str) -> Saved:
        """Makes everything as it was when it was saved. 404 for a name nobody saved; 409 as for saving.

        Cut off in its middle, it is done again, whole, before the folder is served the next time.
        """
        place = self._there(name)
        generation = self.store.read(self.base, token_generation)
        with self._still(), self._current_schema(place) as database:
            folder.write(self._data, folder.LOADING, {"name": name})
            self.store.become(database)
            for one in self._own(self._data):
                _remove(one)
            for one in self._own(place):
                _copy(one, self._data / one.name)
            self._credentials(place)
            for one in (self.settings.blob_root / _BLOBS).iterdir():
                _remove(one)
            _link_all(place / _BLOBS, self.settings.blob_root / _BLOBS)
            self.clock.set(folder.read(place, _ABOUT)["moment"])
            self.forget()
        self.store.write(self.base, partial(self._settle, generation))
        (self._data / folder.LOADING).unlink()
        return self._about(place)

    def remove(self, name: str) -> Saved:
        """Forgets a saved scenario. 404 for a name nobody saved."""
        place = self._there(name)
        gone = self._about(place)
        shutil.rmtree(place)
        return gone

    def _settle(self, generation: int, session: Session) -> None:
        """The clock stands where it stood, also after a restart; jobs that ran when it was saved begin again.

        Access tokens that were expired stay so, and those that were issued since stay valid.
        """
        if generation:
            kv.put(session, kv.GENERATION, max(generation, token_generation(session)))
            session.invalidate(VALIDITY)
        kv.put(session, "clock", {"now": self.clock.now(), "real": self.clock.real()})
        queue.release_all(session)

    @contextlib.contextmanager
    def _still(self) -> Iterator[None]:
        if not self.store.embedded or self.settings.blobs.startswith("s3:"):
            text = "Scenarios are saved where everything is in one data folder: SQLite, and blobs in files."
            raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", text)
        try:
            with self.worker.paused(), self.store.still():
                running = self._machines()
                if running:
                    raise conflict("servers_running", f"Machines run; stop these servers first: {', '.join(running)}.")
                yield
        except Busy as error:
            raise conflict("jobs_running", str(error)) from error

    def _machines(self) -> list[str]:
        engine = self.drivers.hypervisor
        if not HYPERVISORS[engine.name].runs_guests:
            return []
        return [one for one in engine.servers() if engine.status(one) is Status.RUNNING]

    @contextlib.contextmanager
    def _current_schema(self, place: Path) -> Iterator[Path]:
        """A copy of the saved database, brought to this release's schema; gone afterwards."""
        with tempfile.TemporaryDirectory(prefix=".loading-", dir=place.parent) as scratch:
            copy = Path(scratch) / _DATABASE
            shutil.copyfile(place / _DATABASE, copy)
            self._bring(copy)
            yield copy

    def _bring(self, copy: Path) -> None:
        store = Store(f"sqlite:///{copy}", self.store.cipher)
        try:
            prepare(store)
            ensure_encrypted(store, self.base, self.renew)
        except NewerSchema as error:
            raise conflict("newer_schema", f"The scenario was saved by a later release: {error}.") from error
        except MasterKeyError as error:
            raise conflict("unknown_master_key", f"The scenario cannot be decrypted. {error}") from error
        finally:
            store.close()

    def _credentials(self, place: Path) -> None:
        """The scenario's own, but for the operator's token, which this process knows."""
        mine, saved = (folder.read(one, folder.CREDENTIALS) for one in (self._data, place))
        folder.write(self._data, folder.CREDENTIALS, {**saved, "operator_token": mine["operator_token"]})

    def _own(self, root: Path) -> list[Path]:
        """What of a data folder, or of its copy, is saved and restored as plain files: never the master keys."""
        apart = {*_APART, self.settings.master_key_path.name}
        return [one for one in sorted(root.iterdir()) if one.name not in apart and not one.name.startswith(_DATABASE)]

    def _place(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            text = "A name is made of a-z, 0-9, '.', '-' and '_', begins with a letter or digit, and has at most 63."
            raise invalid("bad_field", text, "name")
        return self._data / FOLDER / name

    def _there(self, name: str) -> Path:
        place = self._place(name) if _NAME.fullmatch(name) else None
        if place is None or not place.is_dir():
            names = ", ".join(saved.name for saved in self.every())
            raise not_found("name", hint=f" There is no scenario {name!r}; saved are: {names or 'none'}.")
        return place

    def _about(self, place: Path) -> Saved:
        about = folder.read(place, _ABOUT)
        files = [one.lstat() for one in place.rglob("*") if one.is_file()]
        size = sum(one.st_blocks * 512 for one in files if one.st_nlink == 1)  # what is linked is there anyway
        return Saved(place.name, about["saved_at"], about["now"], size)


def _copy(source: Path, target: Path) -> None:
    """A file or a folder, holes left as holes, links never followed."""
    if source.is_symlink() or not (source.is_dir() or source.is_file()):
        return
    if source.is_file():
        copy_sparse(source, target)
        shutil.copystat(source, target)
        return
    target.mkdir(mode=0o700, exist_ok=True)
    for one in source.iterdir():
        _copy(one, target / one.name)
    shutil.copystat(source, target)


def _link_all(source: Path, target: Path) -> None:
    """The same files under another folder; copies where the file system cannot link."""
    for one in source.glob("*/*"):
        place = target / one.parent.name / one.name
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.link(one, place)
        except FileExistsError:
            continue
        except OSError:
            copy_sparse(one, place)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
