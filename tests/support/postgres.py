"""A throw-away PostgreSQL cluster: its own folder, its own server, its own free port on loopback, gone afterwards.

The server's shell waits on a pipe that this process holds: however this process ends, the server is stopped and its
folder removed. Nothing that a system package may have set up is touched or needed.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

START_SECONDS = 60
_DEBIAN = Path("/usr/lib/postgresql")

# Nothing has to survive; waits of deadlocked transactions should end soon.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "deadlock_timeout": "50ms",
    "listen_addresses": "127.0.0.1",
    "logging_collector": "off",
}
_GUARD = '"$@" & server=$!; cat >/dev/null; kill -INT $server; wait $server; rm -rf -- "$FOLDER"'

_DISCONNECT = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_EMPTY = """
    DO $$ DECLARE one record; BEGIN
        SET LOCAL session_replication_role = replica; -- no foreign keys while it goes on
        FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
            EXECUTE format('DELETE FROM %I', one.tablename);
        END LOOP;
    END $$
"""


def programs() -> Path | None:
    """The folder of `initdb` and `postgres`: on the path, or the newest of Debian's."""
    found = shutil.which("initdb")
    if found and shutil.which("postgres"):
        return Path(found).parent
    known = [entry for entry in _DEBIAN.glob("*/bin") if (entry / "initdb").exists() and (entry / "postgres").exists()]
    return max(known, key=lambda entry: float(entry.parent.name), default=None)


def _identity() -> dict[str, Any]:
    """PostgreSQL refuses to run as root: its own user does."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _environment(folder: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return {**kept, "FOLDER": str(folder), "HOME": str(folder), "LC_ALL": "C.UTF-8"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Cluster:
    """A running server. `url(name)` is where a database of it is reached, `socket_url(name)` the same by its socket."""

    def __init__(self, folder: Path, bin_: Path) -> None:
        self._folder = folder
        self._bin = bin_
        self._numbers = itertools.count(1)
        self._ready = threading.Event()
        self._log: list[str] = []
        self.port = _free_port()
        self._as = _identity()

    def start(self) -> None:
        """Returns once the server takes connections; RuntimeError with its log otherwise."""
        data = self._folder / "data"
        here: dict[str, Any] = {**self._as, "cwd": self._folder, "env": _environment(self._folder)}
        command = [self._bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        made = subprocess.run(command, **here, capture_output=True, text=True, check=False)
        if made.returncode:
            raise RuntimeError(f"initdb failed: {made.stderr}")
        settings = {**_SETTINGS, "port": str(self.port), "unix_socket_directories": str(self._folder)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        server = [self._bin / "postgres", "-D", data, *options]
        self._guard = subprocess.Popen(
            ["sh", "-c", _GUARD, "sh", *server],
            **here,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._follow, daemon=True).start()
        if not self._ready.wait(START_SECONDS) or self._guard.poll() is not None:
            self.stop()
            raise RuntimeError("PostgreSQL did not start: " + "".join(self._log))

    def _follow(self) -> None:
        assert self._guard.stderr is not None
        for line in self._guard.stderr:
            self._log = [*self._log[-50:], line]
            if "ready to accept connections" in line:
                self._ready.set()
        self._ready.set()

    def stop(self) -> None:
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        self._guard.wait(START_SECONDS)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._folder}&port={self.port}"

    def create(self) -> str:
        """A new database without any table; its name."""
        name = f"kunsthalle_{next(self._numbers)}"
        with psycopg.connect(self.socket_url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        return name

    def empty(self, name: str) -> None:
        """Ends every other connection to a database, then removes every row but the stamp of its schema."""
        with psycopg.connect(self.socket_url(name), autocommit=True) as connection:
            connection.execute(_DISCONNECT)
            connection.execute(_EMPTY)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A cluster for as long as the block runs."""
    bin_ = programs()
    if bin_ is None:
        raise RuntimeError("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="kunsthalle-pg-"))
    try:
        owner = _identity()
        if owner:
            os.chown(folder, owner["user"], owner["group"])
        made = Cluster(folder, bin_)
        made.start()
        try:
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
