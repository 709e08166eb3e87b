"""The sockets of a server's process: its serial line and its screen, for whoever talks to the guest."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from kunsthalle.hypervisor.protocol import Channel, NotRunning

SERIAL = "serial.sock"
SCREEN = "screen.sock"
"""The sockets' names in a server's folder."""

_SOCKETS = {Channel.SERIAL: SERIAL, Channel.SCREEN: SCREEN}
_SECONDS = 5.0


def address(folder: int, name: str) -> str:
    """A socket's address through its open folder. It may have 107 bytes: this one is short wherever the folder is."""
    return f"/proc/self/fd/{folder}/{name}"


def connect(folder: Path, line: Channel) -> socket.socket | None:
    """See Hypervisor.connect."""
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotRunning(f"the server {folder.name} is not running") from error
    try:
        return _connected(address(descriptor, _SOCKETS[line]))
    except ConnectionRefusedError as error:  # left behind by a process that has ended
        raise NotRunning(f"the server {folder.name} is not running") from error
    finally:
        os.close(descriptor)


def _connected(where: str) -> socket.socket | None:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        made.settimeout(_SECONDS)
        made.connect(where)
        made.setblocking(False)
    except FileNotFoundError:
        made.close()
        return None
    except BaseException:
        made.close()
        raise
    return made


def forget(folder: Path) -> None:
    """Removes the sockets of a process that has ended."""
    for name in _SOCKETS.values():
        (folder / name).unlink(missing_ok=True)
