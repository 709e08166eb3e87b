"""
Talking to a QEMU process by the QEMU Machine Protocol, one short conversation at a time.

QEMU listens to one client at a time and lets a second one wait without a word, so every conversation is
short, under a deadline, and ends by hanging up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qemu.qmp import ConnectError, ExecInterruptedError, ExecuteError, QMPClient

from kunsthalle.hypervisor.channels import address
from kunsthalle.hypervisor.protocol import HypervisorError, Unresponsive

SOCKET = "qmp.sock"
"""The socket's name in a server's folder."""

BROKEN = frozenset({"internal-error", "io-error", "guest-panicked", "watchdog", "shutdown"})
"""QEMU's run states in which the guest stands still and nobody asked it to."""

_HANG_UP_SECONDS = 1

# The library reports what it also raises; a QEMU that exits is nothing to report.
logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)


Command = str | tuple[str, Mapping[str, Any]]
"""A command by its name, or with its arguments."""


def ask(folder: Path, *commands: Command, timeout: float) -> list[Any]:
    """
    Sends commands to the process whose socket is in the folder; their answers, in order.

    `timeout` (seconds) is for the whole conversation. Unresponsive if nobody answers in that time;
    HypervisorError with QEMU's words if it refuses a command.
    """
    return asyncio.run(_within(folder, commands, timeout))


async def _within(folder: Path, commands: tuple[Command, ...], seconds: float) -> list[Any]:
    # An exception of the library's background tasks was either raised to us or came from the hanging up.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    try:
        async with asyncio.timeout(seconds):
            return await _converse(folder, commands)
    except ExecuteError as error:
        raise HypervisorError(f"QEMU refused: {error}") from error
    except TimeoutError as error:
        raise Unresponsive(f"QEMU did not answer within {seconds:g} s") from error
    except (ConnectError, ExecInterruptedError, OSError, EOFError) as error:
        raise Unresponsive(f"QEMU cannot be reached: {error}") from error


def _parts(command: Command) -> tuple[str, dict[str, object] | None]:
    return (command, None) if isinstance(command, str) else (command[0], dict(command[1]))


async def _converse(folder: Path, commands: tuple[Command, ...]) -> list[Any]:
    client = QMPClient(folder.name)
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        await client.connect(address(descriptor, SOCKET))
        return [await client.execute(*_parts(command)) for command in commands]
    finally:
        os.close(descriptor)
        with contextlib.suppress(Exception):  # the answers are here; how the hanging up went does not matter
            await asyncio.wait_for(client.disconnect(), _HANG_UP_SECONDS)
