"""Talking to a guest by its serial console: keys to the web socket, what is said to the terminal."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TextIO

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.local import trust

if TYPE_CHECKING:
    import ssl

    from websockets.sync.client import ClientConnection

HANG_UP = b"\x1d"
"""Ctrl-], as telnet has it: what a guest never needs."""
_QUIET_SECONDS = 1.0
_CHUNK = 4096


def talk(address: str, keys: TextIO, out: TextIO, *, verified: bool = True) -> str:
    """Until either side hangs up, or what was piped in has ended and a second has passed in silence; why it ended.

    `verified` false accepts any certificate. Failed where the console is not to be had.
    """
    from websockets.exceptions import InvalidHandshake, InvalidStatus
    from websockets.sync.client import connect

    try:
        secure = address.startswith("wss:")
        connection = connect(address, proxy=None, ssl=_tls(verified=verified) if secure else None)
        with connection as console, _raw(keys):
            return _talk(console, keys, out)
    except InvalidStatus as error:
        raise Failed(_why(error.response.body)) from error
    except (InvalidHandshake, OSError) as error:
        raise Failed(f"The console cannot be opened: {error}") from error


def _tls(*, verified: bool) -> ssl.SSLContext:
    import ssl

    # Only the user's own `--skip-ssl-validation` leaves a certificate unchecked.
    return trust.context() if verified else ssl._create_unverified_context()  # noqa: S323, SLF001  asked for


def _talk(console: ClientConnection, keys: TextIO, out: TextIO) -> str:
    from websockets.exceptions import ConnectionClosed

    ended = threading.Event()
    threading.Thread(target=_type, args=(console, keys, ended), daemon=True).start()
    try:
        while True:
            try:
                data = console.recv(timeout=_QUIET_SECONDS)
            except TimeoutError:
                if ended.is_set():
                    return ""
                continue
            _show(out, data)
    except ConnectionClosed as error:
        return error.rcvd.reason if error.rcvd is not None else "The connection was lost."


def _show(out: TextIO, data: str | bytes) -> None:
    raw, binary = data.encode() if isinstance(data, str) else data, getattr(out, "buffer", None)
    if binary is None:
        out.write(raw.decode(errors="replace"))
    else:
        binary.write(raw)
    out.flush()


def _type(console: ClientConnection, keys: TextIO, ended: threading.Event) -> None:
    """Keys as they come; Ctrl-] hangs up."""
    from websockets.exceptions import ConnectionClosed

    with contextlib.suppress(ConnectionClosed, OSError, ValueError):
        for typed in _keys(keys):
            before, hang_up, _ = typed.partition(HANG_UP)
            if before:
                console.send(before)
            if hang_up:
                console.close()
                return
    ended.set()


def _keys(keys: TextIO) -> Iterator[bytes]:
    try:
        source = keys.fileno()
    except (OSError, AttributeError):
        yield keys.read().encode()
        return
    while typed := os.read(source, _CHUNK):
        yield typed


@contextlib.contextmanager
def _raw(keys: TextIO) -> Iterator[None]:
    """Every key goes to the guest, Ctrl-C too; the terminal is given back as it was."""
    if not keys.isatty() or sys.platform == "win32":
        yield
        return
    import termios
    import tty

    before: list[Any] = termios.tcgetattr(keys)
    try:
        tty.setraw(keys)
        yield
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


def _why(body: bytes | bytearray | None) -> str:
    try:
        return str(json.loads(body or b"")["errors"][0]["message"])
    except (ValueError, LookupError, TypeError):
        return "The server does not open the console."
