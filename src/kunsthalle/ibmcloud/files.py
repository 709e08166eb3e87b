"""Files that commands write: for their owner only, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed, reason
from kunsthalle.local import folder


def append_private(path: str, text: str) -> None:
    """Adds text to a file of mode 0600."""
    try:
        descriptor = os.open(Path(path).expanduser(), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.write(text)
    except OSError as error:
        raise Failed(f"The file {path} could not be written: {reason(error)}") from error


def writable(path: str) -> Path:
    """Where a file is going to be written: said before anything is done that could not be written down."""
    file_path = Path(path).expanduser()
    if file_path.is_dir() or not file_path.parent.is_dir() or not os.access(file_path.parent, os.W_OK):
        raise Failed(f"The file {path} could not be written.")
    return file_path


def write_private(path: Path, document: dict[str, Any]) -> None:
    """A JSON document as a file of mode 0600."""
    try:
        folder.write(path.parent, path.name, document)
    except OSError as error:
        raise Failed(f"The file {path} could not be written: {reason(error)}") from error


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """What is done inside is done to its end: Ctrl-C waits. For a secret that is shown once and must be kept."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
