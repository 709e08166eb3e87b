"""Which errors say that a disk is full."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from fixtures.worlds import World
from kunsthalle.blobs.protocol import OutOfSpace
from kunsthalle.core.disk_space import NoSpace, is_out_of_space
from kunsthalle.db import kv
from kunsthalle.db.session import Session
from kunsthalle.object_storage.protocol import BucketFull

FULL = "DO $$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$"


def _fill(session: Session) -> None:
    if session.dialect == "postgresql":
        session.execute(text(FULL))
        return
    session.execute(text("PRAGMA max_page_count = 1"))
    for number in range(10):
        kv.put(session, f"large {number}", "x" * 200_000)


def test_what_the_database_says_of_a_full_disk(both: World) -> None:
    with pytest.raises(DBAPIError) as failed:
        both.store.write(both.base, _fill)
    assert is_out_of_space(failed.value)
    assert both.store.full
    assert both.read(both.base, kv.get, "large 0") is None


def test_what_the_operating_system_says() -> None:
    with pytest.raises(OSError) as failed, Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"x")
    assert is_out_of_space(failed.value)
    assert is_out_of_space(OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)))


@pytest.mark.parametrize("error", [NoSpace("", 2, 1), OutOfSpace(2, 1), BucketFull("no room", "bucket", "key")])
def test_what_the_layers_say(error: Exception) -> None:
    assert is_out_of_space(error)
    try:
        raise ValueError("the work failed") from error
    except ValueError as outer:
        assert is_out_of_space(outer)


@pytest.mark.parametrize(
    "error", [ValueError("no space left on device"), OSError(errno.EACCES, "no"), sqlite3.OperationalError("no"), None]
)
def test_other_errors_are_no_full_disk(error: Exception | None) -> None:
    assert not is_out_of_space(error)


def test_a_constraint_is_no_full_disk(both: World) -> None:
    with pytest.raises(DBAPIError) as failed:
        both.store.write(both.base, lambda session: session.execute(text("INSERT INTO facts (key) VALUES (NULL)")))
    assert not is_out_of_space(failed.value)
    assert not both.store.full
