"""Leases on blobs: bytes that nobody needs any more stay while one runs, and go when none does, on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from fixtures.worlds import World
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.db.session import Session
from kunsthalle.images import blob_leases
from kunsthalle.images.blob_references import release, retain, sweep_job
from kunsthalle.jobs.worker import Worker

DIGEST = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
MICRO = 1_000_000


@pytest.fixture
def blobs(tmp_path: Path) -> FilesystemBlobs:
    store = FilesystemBlobs(tmp_path / "blobs")
    with store.begin(5) as upload:
        upload.write(b"hello")
        upload.commit(DIGEST)
    return store


@pytest.fixture
def worker(both: World, blobs: FilesystemBlobs) -> Iterator[Worker]:
    made = Worker(both.store, both.base, [sweep_job(blobs)], 2)
    made.start()
    yield made
    made.stop()


def _unneeded(world: World, blobs: FilesystemBlobs) -> None:
    world.store.write(world.base, lambda session: retain(session, blobs, DIGEST, "image:x"))
    world.store.write(world.base, lambda session: release(session, "image:x"))
    world.clock.set(world.clock.now() + 120 * MICRO)


def _lease(world: World, holder: str, *, end: bool = False) -> None:
    def change(session: Session) -> None:
        (blob_leases.end if end else blob_leases.renew)(session, holder)

    world.store.write(world.base, change)


def test_it_stays_until_the_last_lease_has_ended(both: World, blobs: FilesystemBlobs, worker: Worker) -> None:
    _lease(both, "one")
    _lease(both, "two")
    _unneeded(both, blobs)
    assert worker.settle()
    assert blobs.exists(DIGEST)
    _lease(both, "one", end=True)
    both.clock.actual += (blob_leases.LEASE_SECONDS - 1) * MICRO
    assert worker.settle()
    assert blobs.exists(DIGEST), "the other one runs"
    _lease(both, "two", end=True)
    both.clock.actual += 2 * MICRO
    assert worker.settle()
    assert not blobs.exists(DIGEST)


def test_a_lease_whose_holder_died_runs_out(both: World, blobs: FilesystemBlobs, worker: Worker) -> None:
    _lease(both, "one")
    _unneeded(both, blobs)
    assert worker.settle()
    assert blobs.exists(DIGEST)
    both.clock.actual += (blob_leases.LEASE_SECONDS + 1) * MICRO
    assert worker.settle()
    assert not blobs.exists(DIGEST)


def test_a_renewed_lease_runs_on(both: World, blobs: FilesystemBlobs, worker: Worker) -> None:
    _lease(both, "one")
    _unneeded(both, blobs)
    for _ in range(3):
        both.clock.actual += (blob_leases.LEASE_SECONDS - 1) * MICRO
        _lease(both, "one")
        assert worker.settle()
        assert blobs.exists(DIGEST)


def test_a_lease_of_a_time_to_come_does_not_hold_forever(both: World) -> None:
    _lease(both, "one")
    both.clock.actual -= 10 * blob_leases.LEASE_SECONDS * MICRO
    assert both.store.read(both.base, blob_leases.last_end) is None


def test_what_is_needed_again_is_not_swept_after_the_lease(both: World, blobs: FilesystemBlobs, worker: Worker) -> None:
    _lease(both, "one")
    _unneeded(both, blobs)
    assert worker.settle()
    both.store.write(both.base, partial(retain, store=blobs, digest=DIGEST, holder="image:y"))
    both.clock.actual += (blob_leases.LEASE_SECONDS + 1) * MICRO
    assert worker.settle()
    assert blobs.exists(DIGEST)
