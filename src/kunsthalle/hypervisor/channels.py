"""The sockets of a server's process: its serial line and its screen, for whoever talks to the guest."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

from kunsthalle.hypervisor.protocol import Channel, Line, NotRunning

SERIAL = "serial.sock"
SCREEN = "screen.sock"
"""The sockets' names in a server's folder."""

_SOCKETS = {Channel.SERIAL: SERIAL, Channel.SCREEN: SCREEN}
_SECONDS = 5.0
_CHUNK = 65_536


class SocketLine(Line):
    """A line over a connected socket, which it owns. The file of a serial line has the same, and more."""

    tells_all = False

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected

    async def read(self) -> bytes:
        """See Line.read."""
        try:
            return await asyncio.get_running_loop().sock_recv(self._socket, _CHUNK)
        except OSError:
            return b""

    async def write(self, text: bytes) -> None:
        """See Line.write."""
        await asyncio.get_running_loop().sock_sendall(self._socket, text)

    def close(self) -> None:
        """See Line.close."""
        self._socket.close()


def address(folder: int, name: str) -> str:
    """A socket's address through its open folder. It may have 107 bytes: this one is short wherever the folder is."""
    return f"/proc/self/fd/{folder}/{name}"


def connect(folder: Path, channel: Channel) -> Line | None:
    """See Hypervisor.connect."""
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotRunning(f"the server {folder.name} is not running") from error
    try:
        connected = _connected(address(descriptor, _SOCKETS[channel]))
        return None if connected is None else SocketLine(connected)
    except ConnectionRefusedError as error:  # left behind by a process that has ended
        raise NotRunning(f"the server {folder.name} is not running") from error
    finally:
        os.close(descriptor)


def _connected(where: str) -> socket.socket | None:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        made.settimeout(_SECONDS)
        made.connect(where)
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
