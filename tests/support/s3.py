"""A throw-away S3 server: its own folder, its own free ports on loopback, gone afterwards."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from obstore.exceptions import BaseError
from obstore.store import S3Store

KEY, SECRET = "kunsthalle-test", "kunsthalle-test-secret"
ENVIRONMENT = {
    f"KUNSTHALLE_{what}_{name}": value
    for what in ("BLOBS", "BUCKETS")
    for name, value in (("ACCESS_KEY_ID", KEY), ("SECRET_ACCESS_KEY", SECRET))
}
"""What the product takes its keys from."""
START_SECONDS = 60
_GRPC = 10_000
"""The server listens on each of its ports, and on one that is so much higher."""
_GUARD = '"$@" & server=$!; cat >/dev/null; kill -KILL $server; wait $server; rm -rf -- "$FOLDER" $SOCKETS'


def _free(port: int) -> bool:
    for one in (port, port + _GRPC):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", one))
            except OSError:
                return False
    return True


def _ports(count: int) -> list[int]:
    """Below where the system takes the ports of outgoing connections from; another run begins elsewhere."""
    start = 12_000 + os.getpid() % 400 * 24
    return list(itertools.islice((port for port in range(start, 22_700) if _free(port)), count))


class S3Server:
    """A running server with the buckets of its user. `url` is its endpoint."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._names = itertools.count(1)
        master, volume, filer, s3, admin = _ports(5)
        self.url = f"http://127.0.0.1:{s3}"
        identity = {"name": KEY, "credentials": [{"accessKey": KEY, "secretKey": SECRET}], "actions": ["Admin"]}
        (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
        (folder / "data").mkdir()
        given: dict[str, Any] = {
            "dir": folder / "data",
            "ip": "127.0.0.1",
            "ip.bind": "127.0.0.1",
            "master.port": master,
            "volume.port": volume,
            "filer.port": filer,
            "s3.port": s3,
            "admin.port": admin,
            "volume.max": 10_000,  # a bucket takes a few, which are files that grow as they are written
            "s3.config": folder / "s3.json",
            "webdav": "false",
            "admin.ui": "false",
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "master.telemetry": "false",  # nothing of a test leaves the machine
        }
        options = [f"-{name}={value}" for name, value in given.items()]
        program = Path(sys.executable).parent / "weed"
        ports = [port + _GRPC for port in (master, volume, filer, s3, admin)]
        ports += [master, volume, filer, s3, admin]
        sockets = " ".join(f"{tempfile.gettempdir()}/seaweedfs-*-{port}.sock" for port in ports)
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            ["sh", "-c", _GUARD, "sh", program, "mini", *options],
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=self._log,
            cwd=folder,
            env={**os.environ, "GOMEMLIMIT": "400MiB", "HOME": str(folder), "FOLDER": str(folder), "SOCKETS": sockets},
            start_new_session=True,
        )

    def wait(self) -> None:
        """Until a bucket can be made and written to: the server answers long before."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.bucket()
            except (BaseError, OSError):
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text(errors="replace")[-4_000:]) from None
                time.sleep(0.1)
            else:
                return

    def bucket(self) -> str:
        """A new, empty bucket; its name. The server makes it with its first object."""
        name = f"bucket-{os.getpid()}-{next(self._names)}"
        self.store(name).put(".ready", b"x")
        self.store(name).delete(".ready")
        return name

    def address(self, bucket: str, prefix: str = "", **query: str) -> str:
        """The product's setting for a place on this server."""
        return f"s3://{bucket}/{prefix}?{urlencode({'endpoint': self.url, **query})}"

    def store(self, bucket: str) -> S3Store:
        return S3Store(
            bucket,
            endpoint=self.url,
            region="us-east-1",
            access_key_id=KEY,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )

    def stop(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(START_SECONDS)
        self._log.close()


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server for as long as the block runs; also when this process is killed, it ends."""
    folder = Path(tempfile.mkdtemp(prefix="kunsthalle-s3-"))
    try:
        made = S3Server(folder)
        try:
            made.wait()
            yield made
        finally:
            made.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def s3_setting(
    request: pytest.FixtureRequest, prefix: str = "", what: str = "BLOBS"
) -> tuple[str, dict[str, str], str]:
    """A new bucket of the session's server: what the product's own reader of such settings is given."""
    server: S3Server = request.getfixturevalue("s3")
    return server.address(server.bucket(), prefix), ENVIRONMENT, f"KUNSTHALLE_{what}"
