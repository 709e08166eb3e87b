"""A disk, or somebody on the host, damages the database of a running server: whoever asks for its health is told."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from fixtures.forked_served import ForkedServed
from kunsthalle.testing import Served


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """A server of the test's own, for it is never well again."""
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated") as server:
        yield server


def _damage(served: Served, index: str) -> None:
    """Puts noise in the place of the first page of an index, in the file itself."""
    path = served.data / "kunsthalle.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (index,)).fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(os.urandom(size))


def _doctor(served: Served) -> tuple[int, str]:
    command = [sys.executable, "-m", "kunsthalle", "doctor", "--data", str(served.data)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=served.environment())
    return told.returncode, told.stdout + told.stderr


def test_a_damaged_page_makes_the_server_unready_and_the_doctor_say_so(served: Served) -> None:
    assert httpx.get(f"{served.url}/readyz").status_code == 200
    assert _doctor(served)[0] == 0
    _damage(served, "ix_images_page")
    code, told = _doctor(served)
    assert (code, "damaged_database" in told, "restore a backup" in told) == (1, True, True), told
    ready = httpx.get(f"{served.url}/readyz")
    assert (ready.status_code, "damaged" in ready.text) == (503, True), ready.text
    assert httpx.get(f"{served.url}/healthz").status_code == 200
