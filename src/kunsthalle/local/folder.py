"""What a data folder holds for the command line: credentials, the operator's token, where the server listens.

Secrets are files of mode 0600; the store itself keeps only hashes.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from pathlib import Path
from typing import Any

CREDENTIALS = "credentials.json"
SERVER = "server.json"
LOCK = "lock"
LOADING = "loading.json"
"""Names the saved scenario that is being loaded; it is there only until everything has become it."""
RESTORING = "restoring.json"
"""Names the backup that is being restored; it is there only until all of it is."""


class FolderInUse(Exception):
    """Another server process works on the folder."""


class NoSuchWorld(Exception):
    """The folder holds no credentials: no server has made a scenario there."""


def read(data: Path, name: str) -> dict[str, Any]:
    """A JSON file of the folder, or an empty document."""
    try:
        content = json.loads((data / name).read_text())
    except FileNotFoundError:
        return {}
    return dict(content)


def write(data: Path, name: str, document: dict[str, Any]) -> None:
    """Replaces a JSON file at once, readable by its owner only."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = (data / name).resolve()  # a node's credentials are a link to those of all nodes
    temporary = path.with_name(f".{name}.{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def lock(data: Path) -> int:
    """Holds the folder for this process's life; FolderInUse when another has it. The result must be kept."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(data / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        with contextlib.suppress(OSError):
            os.close(descriptor)
        raise FolderInUse(str(data)) from error
    return descriptor


def credentials(data: Path) -> dict[str, Any]:
    """What `serve` wrote down at its first start."""
    stored = read(data, CREDENTIALS)
    if not stored:
        raise NoSuchWorld(str(data))
    return stored


def url(data: Path) -> str:
    """Where the server of the folder listens, or listened last."""
    return str(read(data, SERVER).get("url", "http://127.0.0.1:8100"))


def ca_file(data: Path) -> str:
    """The file with the certificate of the folder's server, if it has signed itself; else an empty text."""
    return str(read(data, SERVER).get("ca_file", ""))
