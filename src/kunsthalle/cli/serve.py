"""`kunsthalle serve`: one process, its folder locked, its scenario made once, ready when /healthz answers 200."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import socket
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from kunsthalle.config import Settings
from kunsthalle.core.addresses import is_loopback
from kunsthalle.core.clock import SystemClock, rfc3339
from kunsthalle.core.ids import Ids
from kunsthalle.core.log import prepared_by
from kunsthalle.local import folder
from kunsthalle.local.master_keys import MasterKeyError

if TYPE_CHECKING:
    import asyncio

    from kunsthalle.app import Server
    from kunsthalle.cli.connections import Connections


class Refusal(Exception):
    """Why the server does not start, in words for the operator."""


def _logging(level: str) -> None:
    number = getattr(logging, level.upper())
    prepared_by(partial(_structured, number))
    logging.basicConfig(level=max(number, logging.WARNING), stream=sys.stderr)


def _structured(level: int) -> None:
    import structlog
    from structlog.tracebacks import ExceptionDictTransformer

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without the variables of each frame: among them are tokens and keys.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
    )


def _announce(settings: Settings, url: str) -> None:
    """The one line of every start, in the form of all others, without loading what writes those."""
    if getattr(logging, settings.log.upper()) <= logging.INFO:
        told = {"url": url, "data": str(settings.data), "event": "listening", "level": "info"}
        print(json.dumps({**told, "timestamp": rfc3339(SystemClock().real())}), file=sys.stderr, flush=True)


def operator_token(settings: Settings, ids: Ids) -> str:
    """The operator's token of the folder, made at the first start."""
    known = folder.read(settings.data, folder.CREDENTIALS)
    if "operator_token" not in known:
        known = {**known, "operator_token": ids.secret()}
        folder.write(settings.data, folder.CREDENTIALS, known)
    return str(known["operator_token"])


def make_scenario(server: Server) -> None:
    """On a first start with a scenario: makes it, and writes down what its owners need."""
    settings, there = server.settings, server.scenario()
    if settings.scenario in {"", there}:
        return
    from kunsthalle.operator.scenarios import SCENARIOS

    if settings.scenario not in SCENARIOS:
        raise Refusal(f"There is no scenario {settings.scenario!r}; there is: {', '.join(SCENARIOS)}.")
    if there:
        return
    made = server.seed(settings.scenario)
    known = folder.read(settings.data, folder.CREDENTIALS)
    accounts: dict[str, Any] = {
        one.account: {"account_id": one.account_id, "iam_id": one.iam_id, "api_key": one.api_key} for one in made
    }
    folder.write(settings.data, folder.CREDENTIALS, {**known, "scenario": settings.scenario, "accounts": accounts})


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        reason = error.strerror or str(error)
        raise Refusal(f"Cannot listen on {settings.host}:{settings.port}: {reason}. Choose another --port.") from error
    return listener


def _address(settings: Settings, listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return settings.public_url.rstrip("/") or f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _check_addresses(settings: Settings) -> None:
    """Of stores that are elsewhere: what is wrong with one is said before anything is made."""
    if not settings.blobs.startswith("s3:") and not settings.buckets:
        return
    from kunsthalle.blobs.s3_address import BadAddress
    from kunsthalle.drivers import Drivers

    try:
        Drivers(settings)
    except BadAddress as error:
        raise Refusal(f"--blobs or --buckets: {error}") from error


def _elsewhere(settings: Settings) -> dict[str, str] | None:
    """Where buckets are that are no folders, for those who put images there."""
    if not settings.buckets:
        return None
    from kunsthalle.blobs import s3_address
    from kunsthalle.object_storage import s3_buckets

    address = s3_buckets.checked(s3_address.parse(settings.buckets, os.environ, "KUNSTHALLE_BUCKETS"))
    whole = "/".join(part for part in (address.bucket, address.prefix) if part)
    return {"address": f"s3://{whole}", "endpoint": address.endpoint}


def _guard_listening(settings: Settings, server: Server) -> None:
    if not is_loopback(settings.host) and server.scenario():
        raise Refusal(
            f"This folder holds the seeded keys of a scenario; it is served on loopback only, not on {settings.host}."
        )


def web_socket(register: Connections, **given: Any) -> Any:
    """The protocol of a connection that becomes a web socket, which most runs never see: loaded with the first."""
    from kunsthalle.cli.web_sockets import BoundedWebSocket

    return BoundedWebSocket(register, **given)


def raise_file_limit() -> int:
    """Let the process open as many files as the system allows it to; that number."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # where the system allows less than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return soft if soft != resource.RLIM_INFINITY else _MANY_FILES


_MANY_FILES = 1 << 20
"""What stands for a file limit that the system does not have."""


_MOST_TYPED = 1 << 20
"""Bytes in one message of a web socket: keys, and what a screen's client pastes."""


def serve(settings: Settings) -> None:
    """Runs until it is told to stop. Refusal when it cannot start."""
    gc.disable()  # loading makes almost no garbage, and the collector would look for it again and again
    try:
        _serve(settings)
    finally:
        gc.enable()


def _serve(settings: Settings) -> None:
    import uvicorn
    from sqlalchemy.exc import DatabaseError

    from kunsthalle.app import build
    from kunsthalle.cli.connections import Connections, limits_of
    from kunsthalle.cli.http import BoundedProtocol
    from kunsthalle.db.integrity import is_corruption
    from kunsthalle.db.prepare import NewerSchema

    os.umask(0o077)
    _logging(settings.log)
    try:
        folder.lock(settings.data)
    except folder.FolderInUse as error:
        raise Refusal(f"Another server works on the folder {error}; give this one another --data.") from error
    if settings.scenario and not is_loopback(settings.host):
        raise Refusal(f"A scenario has seeded keys; it is served on loopback only, not on {settings.host}.")
    if settings.audit_days < 0:
        raise Refusal(f"--audit-days {settings.audit_days}: give a number of days, or 0 to keep the audit for ever.")
    _check_addresses(settings)
    listener = _listen(settings)
    try:
        server = build(settings, operator_token(settings, Ids()))
    except NewerSchema as error:
        raise Refusal(f"A later release has worked on this data, and nothing was changed: {error}.") from error
    except MasterKeyError as error:
        raise Refusal(str(error)) from error
    except DatabaseError as error:
        if not is_corruption(error):
            raise
        text = "The database is damaged. Ask `kunsthalle doctor --offline`, keep the files, and restore a backup."
        raise Refusal(text) from error
    make_scenario(server)
    _guard_listening(settings, server)
    url = _address(settings, listener)
    folder.write(settings.data, folder.SERVER, {"url": url, "pid": os.getpid(), "buckets": _elsewhere(settings)})
    register = Connections(limits_of(settings, raise_file_limit()))
    config = uvicorn.Config(
        server,
        loop="uvloop",
        http=cast("type[asyncio.Protocol]", partial(BoundedProtocol, register)),  # called as a class would be
        ws=cast("type[asyncio.Protocol]", partial(web_socket, register)),
        ws_max_size=_MOST_TYPED,
        interface="asgi3",
        proxy_headers=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=10,
    )
    gc.freeze()  # what is loaded stays loaded: the collector need never look at it
    gc.set_threshold(20_000, 50, 100)
    gc.enable()
    _announce(settings, url)
    uvicorn.Server(config).run(sockets=[listener])


__all__ = ["Refusal", "make_scenario", "operator_token", "raise_file_limit", "serve", "web_socket"]
