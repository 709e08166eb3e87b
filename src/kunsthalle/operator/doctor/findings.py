"""What the doctor finds, and what a check works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import field
from typing import Any

from kunsthalle.authz.context import Context
from kunsthalle.block_storage.disk_specs import DiskDrivers
from kunsthalle.core.clock import SECOND, SystemClock
from kunsthalle.core.records import dataclass
from kunsthalle.db.engine import Store
from kunsthalle.db.integrity import Soundness
from kunsthalle.db.session import Session
from kunsthalle.iam.models import ApiKey


@dataclass(slots=True, eq=False)
class Progress:
    """How far an examination is. `phase`: `looking`, then `reading` (of so many bytes, in a deep one) and `mending`."""

    phase: str = "looking"
    done: int = 0
    total: int = 0
    now: Callable[[], int] = SystemClock().real
    began: int | None = None
    """When the bytes began to be read, in microseconds of real time."""

    def reads(self, total: int) -> None:
        """Every byte is read from here on."""
        self.phase, self.done, self.total, self.began = "reading", 0, total, self.now()

    @property
    def seconds(self) -> int:
        """How long bytes have been read."""
        return 0 if self.began is None else (self.now() - self.began) // SECOND


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What is examined. `ctx` is the product's system context; `soundness` is told how the database itself is."""

    store: Store
    ctx: Context
    disks: DiskDrivers
    progress: Progress = field(default_factory=Progress)
    soundness: Callable[[Soundness], None] = lambda _found: None

    def read(self, function: Callable[[Session], Any]) -> Any:
        return self.store.read(self.ctx, function)

    def write(self, function: Callable[[Session], Any]) -> Any:
        return self.store.write(self.ctx, function)


@dataclass(frozen=True, slots=True)
class Finding:
    """One resource that is not as it should be. `subject`: a digest, the id of a resource, or the name of a file.

    `mend` sees for itself whether there is still something to mend, and answers whether all is well now; it is None
    where only a person can help.
    """

    check: str
    subject: str
    message: str
    mend: Callable[[CheckContext], bool] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Disk:
    """The row of a volume or a snapshot. `account_id` is whose it is, `instance_id` where a volume is attached."""

    id: str
    account_id: str
    digest: str | None
    state: str
    instance_id: str | None = None
    has_disk: bool = False
    """Of one that stands on no bytes: whether its disk was made."""


@dataclass(frozen=True, slots=True)
class Machine:
    """The row of a server."""

    id: str
    account_id: str
    status: str


@dataclass(frozen=True, slots=True)
class ExpectedReferences:
    """What the database says, read in one transaction.

    `expected` and `actual` are pairs of a digest and its holder (`image:<id>`); those in `tolerated` may be or not.
    `jobs` are kind and subject of the jobs that wait or run, `busy` all that those name, `running` the kinds that run.
    `waiting`: kind of job, id and account of everything whose state says that such a job will come.
    `keys_by_others` are API keys of people that somebody else made. `encrypted`: the volumes and snapshots whose disks
    are encrypted, by id, with what opens them, None while their root key cannot be used.
    """

    sizes: Mapping[str, int]
    expected: Set[tuple[str, str]]
    tolerated: Set[tuple[str, str]]
    actual: Set[tuple[str, str]]
    volumes: Mapping[str, Disk]
    snapshots: Mapping[str, Disk]
    servers: Mapping[str, Machine]
    jobs: Set[tuple[str, str]]
    busy: Set[str]
    running: Set[str]
    waiting: Set[tuple[str, str, str]]
    pending_images: Set[str]
    keys_by_others: Sequence[ApiKey]
    encrypted: Mapping[str, bytes | None] = field(repr=False)
