"""`kunsthalle serve`: one process, its folder locked, its scenario made once, ready when /healthz answers 200."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Any, cast

from kunsthalle.cli import log_format
from kunsthalle.cli.greeting import create_command, greeting
from kunsthalle.cli.reloading import Reloading, log_level
from kunsthalle.config_sources import DEFAULT_FILE, Loaded
from kunsthalle.core import core_files, quota_names
from kunsthalle.core.addresses import is_loopback
from kunsthalle.core.clock import LineStamps, SystemClock
from kunsthalle.core.errors import Problem
from kunsthalle.core.ids import Ids
from kunsthalle.core.sizes import MIB
from kunsthalle.local import folder, master_keys, running, shared_folder
from kunsthalle.settings import BadSetting, Settings, variable

if TYPE_CHECKING:
    import asyncio

    from kunsthalle.api.access_log import AccessLog, Observers
    from kunsthalle.api.asgi import Scope, SendWhole
    from kunsthalle.app import Server
    from kunsthalle.cli.connections import Connections
    from kunsthalle.cli.tls import Certificates


class Refusal(Exception):
    """Why the server does not start, in words for the operator."""


def _announce(settings: Settings, url: str, *, empty: bool) -> None:
    """What every start says: to a person all that is needed to go on, to programs a line.

    Both are told how to make an account where there is none.
    """
    if log_format.is_text(settings):
        accounts = list(folder.credentials(settings.data).get("accounts", {}))
        log_format.write_line(greeting(url, settings.data, accounts, empty=empty))
    else:
        if empty:
            create = create_command(settings.data)
            log_format.tell(settings, "no account yet: nobody can sign in", level="warning", create=create)
        log_format.tell(settings, "listening", url=url, data=str(settings.data.resolve()))


_STDERR = 2
"""The file descriptor of the log."""


def access_log(settings: Settings) -> AccessLog | None:
    """What writes a line for each request; None where none is to be written."""
    if settings.access_log == "off" or not log_format.says_info(settings):
        return None
    from kunsthalle.api.access_log import AccessLog

    return AccessLog(partial(os.write, _STDERR), LineStamps(SystemClock()), text=log_format.is_text(settings))


def operator_token(settings: Settings, ids: Ids) -> str:
    """The operator's token of the folder, made at the first start."""
    known = folder.read(settings.data, folder.CREDENTIALS)
    if "operator_token" not in known:
        known = {**known, "operator_token": ids.secret()}
        folder.write(settings.data, folder.CREDENTIALS, known)
    return str(known["operator_token"])


def tell_file(loaded: Loaded) -> None:
    """Which file of settings was read, where it is the one that nobody named: it may be another installation's."""
    if loaded.file == DEFAULT_FILE and loaded.settings is not None:
        log_format.tell(loaded.settings, f"settings were read from {DEFAULT_FILE}", file=str(DEFAULT_FILE))


def make_scenario(server: Server) -> None:
    """On a first start with a scenario: makes it, and writes down what its owners need."""
    settings, there = server.settings, server.scenario()
    if settings.scenario in {"", there}:
        return
    if there:
        return
    if server.has_accounts():
        raise Refusal(
            f"--scenario {settings.scenario!r}: the database has accounts, and a scenario is made in an empty one."
            " Leave --scenario out, or give another --data and --database; kunsthalle config show tells where those"
            " given come from."
        )
    made = server.seed(settings.scenario)
    known = folder.read(settings.data, folder.CREDENTIALS)
    accounts: dict[str, Any] = {
        credential.account: {
            "account_id": credential.account_id,
            "iam_id": credential.iam_id,
            "api_key": credential.api_key,
        }
        for credential in made
    }
    folder.write(settings.data, folder.CREDENTIALS, {**known, "scenario": settings.scenario, "accounts": accounts})


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise Refusal(_why_not_listening(settings, error)) from error
    return listener


def _why_not_listening(settings: Settings, error: OSError) -> str:
    reason = error.strerror or str(error)
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"--host {settings.host!r}: {reason}; give an address of this host, as 127.0.0.1, ::1 or 0.0.0.0."
    return (
        f"--port {settings.port}: cannot listen on {settings.host}:{settings.port} ({reason}). Choose another --port."
    )


def _address(settings: Settings, listener: socket.socket, certificates: Certificates | None) -> str:
    host, port = listener.getsockname()[:2]
    if certificates is not None:
        host = certificates.current.name_for(host)
    scheme = "http" if certificates is None else "https"
    return settings.public_url.rstrip("/") or f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _serve_metrics(server: Server, register: Connections) -> None:
    """Have the metrics count connections, and serve them on a port of their own if one is set."""
    if server.requests is None:
        return
    server.requests.connections = register.__len__
    if server.settings.metrics_port:
        from kunsthalle.cli import metrics_port
        from kunsthalle.operator.metrics_page import wsgi

        metrics_port.listen(server.settings, wsgi(server.metrics()))


def _certificates(reloading: Reloading) -> Certificates | None:
    """The server's certificate, which SIGHUP reads anew from now on; None for a server of plain http."""
    if not reloading.settings.tls_cert:
        return None
    from kunsthalle.cli.tls import Certificates

    clock = SystemClock()
    now: Callable[[], datetime] = lambda: datetime.fromtimestamp(clock.real() / 1e6, UTC)  # noqa: E731  short
    certificates = Certificates(reloading.settings, reloading.tell, now)
    reloading.always(certificates.reload)
    return certificates


def apply_changes(
    reloading: Reloading, server: Server, observers: Observers, register: Connections, certificates: Certificates | None
) -> None:
    """What SIGHUP does with each setting that it may change."""
    from kunsthalle.api.access_log import AccessLog as Lines
    from kunsthalle.api.call_limits import set_limits
    from kunsthalle.app import host_names, job_bounds
    from kunsthalle.cli.connections import limits_of
    from kunsthalle.jobs.audit_retention import keep_for

    store, files = server.store, raise_file_limit()
    lines = [next((observer for observer in observers.all if isinstance(observer, Lines)), None)]

    def requests(settings: Settings) -> None:
        new = access_log(settings)
        observers.exchange(lines[0], new)
        lines[0] = new

    def limits(settings: Settings) -> None:
        register.limits = limits_of(settings, files)

    def bounds(settings: Settings) -> None:
        store.bounds, store.quotas = job_bounds(settings), quota_names.parse(settings.account_quota)

    def rate(settings: Settings) -> None:
        set_limits(settings, store, server.front.limits)

    def reserve(settings: Settings) -> None:
        server.drivers.space.reserve = settings.disk_reserve * MIB

    reloading.apply("log", log_level)
    reloading.apply("log access_log", requests)
    reloading.apply("header_timeout body_timeout write_timeout connections connections_per_address", limits)
    reloading.apply("account_jobs account_running_jobs account_transfers account_transfer_gb account_quota", bounds)
    rates = "account_rate address_rate refusal_pause waiting_requests waiting_seconds"
    reloading.apply(rates, rate)
    reloading.apply("disk_reserve", reserve)
    reloading.apply(
        "audit_days audit_unsent_days",
        lambda settings: keep_for(store, server.base, settings.audit_days, settings.audit_unsent_days),
    )
    reloading.apply(
        "allowed_hosts", lambda settings: server.hosts.change(host_names(_with_names(settings, certificates)))
    )


def _ca_file(settings: Settings, certificates: Certificates | None) -> str:
    """What the clients of this host have to trust, where the system does not."""
    signed = certificates is not None and certificates.current.self_signed
    return str(Path(settings.tls_cert).resolve()) if signed else ""


def _with_names(settings: Settings, certificates: Certificates | None) -> Settings:
    """The settings, with the names of the certificate among those that clients may call."""
    if certificates is None:
        return settings
    names = (*filter(None, settings.allowed_hosts.split(",")), *certificates.current.names)
    return replace(settings, allowed_hosts=",".join(names))


def _protocol(server: Server, settings: Settings, register: Connections, certificates: Certificates | None) -> Any:
    """What makes the protocol of a connection. What proxies say of a call is looked at in its task."""
    from kunsthalle.cli.arrivals import Arrival
    from kunsthalle.cli.bounded_http import BoundedProtocol

    protocol = partial(BoundedProtocol, register, None if settings.proxies else partial(_answered_at_once, server))
    if certificates is None:
        return partial(Arrival, register, protocol)
    from kunsthalle.cli.tls import TlsHandshake

    return partial(TlsHandshake, register, certificates, protocol)


def _answered_at_once(server: Server, scope: Scope, send_whole: SendWhole) -> bool:
    """Whether a GET has been answered with what is kept."""
    pipeline = server.whole.known
    if pipeline is None:
        return False
    try:
        server.hosts.check(scope)
    except Problem:
        return False  # it is refused in its task
    return pipeline.answered_at_once(scope, send_whole)


def _application(server: Server, settings: Settings, register: Connections) -> Any:
    """The server, behind the proxies that it trusts."""
    if not settings.proxies:
        return server
    from kunsthalle.cli.proxies import BehindProxies

    return BehindProxies(server, settings.proxies, register)


def check_addresses(settings: Settings) -> None:
    """Of stores and a cloud that are elsewhere: what is wrong with one is said before anything is made."""
    if settings.hypervisor == "openstack" or settings.openstack_cloud:
        from kunsthalle.cli.cloud_check import check_cloud

        try:
            check_cloud(settings, partial(log_format.tell, settings, level="warning"))
        except BadSetting as error:
            raise Refusal(str(error)) from error
    if not settings.blobs.startswith("s3:") and not settings.buckets:
        return
    from kunsthalle.blobs import s3_address
    from kunsthalle.object_storage import s3_buckets

    option = ("blobs", settings.blobs)
    try:
        if settings.blobs.startswith("s3:"):
            s3_address.parse(settings.blobs, settings.s3_keys("blobs", os.environ), "KUNSTHALLE_BLOBS").at()
        option = ("buckets", settings.buckets)
        if settings.buckets:
            keys = settings.s3_keys("buckets", os.environ)
            s3_buckets.checked(s3_address.parse(settings.buckets, keys, "KUNSTHALLE_BUCKETS"))
    except s3_address.BadAddress as error:
        raise Refusal(str(BadSetting(*option, str(error).rstrip(".")))) from error


def _check_folders(settings: Settings) -> None:
    """Each folder that this process writes to can be made and written to."""
    places = [("data", str(settings.data), settings.data)]
    if settings.blobs and not settings.blobs.startswith("s3:"):
        places.append(("blobs", settings.blobs, settings.blob_root))
    if settings.shared_folder:
        places.append(("shared_folder", settings.shared_folder, settings.shared_root))
    if settings.blob_cache:
        places.append(("blob_cache", settings.blob_cache, settings.cache_root))
    for name, value, path in places:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, probe = mkstemp(dir=path, prefix=".kunsthalle-probe-")
            os.close(descriptor)
            Path(probe).unlink()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            allowed = f"{why}; give a folder that this process can create and write to"
            raise Refusal(str(BadSetting(name, value, allowed))) from error


def _about_keys(settings: Settings, text: str) -> str:
    """What is wrong with the master keys, by the setting that they come from."""
    if settings.master_keys:
        return str(BadSetting("master_keys", settings.master_keys, text.rstrip("."), variable("master_keys")))
    if settings.master_key_command:
        return str(BadSetting("master_key_command", settings.master_key_command, text.rstrip(".")))
    return f"--master-key-file {str(settings.master_key_path)!a}: {text}"


@contextlib.contextmanager
def _in_words(settings: Settings) -> Iterator[None]:
    """What stops the making of a server, as a Refusal that names the setting."""
    from sqlalchemy.exc import DatabaseError

    from kunsthalle.db.integrity import is_corruption
    from kunsthalle.db.nodes import OtherFolder
    from kunsthalle.db.prepare import NewerSchema, OlderSchema
    from kunsthalle.hypervisor.protocol import Unavailable

    try:
        yield
    except OtherFolder as error:
        raise Refusal(str(BadSetting("shared_folder", settings.shared_root, str(error)))) from error
    except NewerSchema as error:
        text = f"A later release has worked on this data, and nothing was changed: {error}."
        raise Refusal(f"{text} There is no way back but to restore a backup that was made before it.") from error
    except OlderSchema as error:
        text = f"{error}; make a backup, then ask kunsthalle migrate"
        raise Refusal(str(BadSetting("schema_upgrade", settings.schema_upgrade, text))) from error
    except master_keys.MasterKeyError as error:
        raise Refusal(_about_keys(settings, str(error))) from error
    except Unavailable as error:
        raise Refusal(str(BadSetting("hypervisor", settings.hypervisor, str(error)))) from error
    except DatabaseError as error:
        if settings.database and not is_corruption(error):
            why = " ".join(str(error.orig).split())
            allowed = f"{why}; give the URL of a PostgreSQL database that answers"
            raise Refusal(str(BadSetting("database", settings.database, allowed))) from error
        if not is_corruption(error):
            raise
        text = "The database is damaged. Ask `kunsthalle doctor --offline`, keep the files, and restore a backup."
        raise Refusal(text) from error


@contextlib.contextmanager
def _starting(settings: Settings) -> Iterator[None]:
    """Of several nodes that start at once one is first: it makes the operator's token, the key, and the scenario."""
    if not settings.shared_folder:
        yield
        return
    with shared_folder.alone(settings.shared_root):
        shared_folder.link_credentials(settings.data, settings.shared_root)
        yield


def _elsewhere(settings: Settings) -> dict[str, str] | None:
    """Where buckets are that are no folders, for those who put images there."""
    if not settings.buckets:
        return None
    from kunsthalle.blobs import s3_address
    from kunsthalle.object_storage import s3_buckets

    keys = settings.s3_keys("buckets", os.environ)
    address = s3_buckets.checked(s3_address.parse(settings.buckets, keys, "KUNSTHALLE_BUCKETS"))
    whole = "/".join(part for part in (address.bucket, address.prefix) if part)
    return {"address": f"s3://{whole}", "endpoint": address.endpoint}


def _guard_half_restored(settings: Settings) -> None:
    """A backup that was not restored to its end is no installation yet."""
    note = folder.read(settings.data, folder.RESTORING)
    if note:
        raise Refusal(
            f"--data {str(settings.data)!a}: the restore of the backup {note.get('name')!r} was cut off; run"
            " `kunsthalle backup restore` with the same options again."
        )


def _guard_seeded_keys(settings: Settings, scenario: str | None) -> None:
    """Keys that the first start wrote into a file are no secret: elsewhere than on loopback they must be asked for."""
    if scenario and not is_loopback(settings.host) and not settings.allow_seeded_keys:
        raise Refusal(
            f"--host {settings.host!a}: the API keys of the scenario {scenario!r} are served on loopback addresses"
            " only; give --allow-seeded-keys, or start on a data folder without a scenario."
        )


def _guard_plain_http(settings: Settings, *, seeded: bool) -> None:
    """API keys and tokens do not cross a network in the clear; those of a scenario may, being no secret anyway."""
    if is_loopback(settings.host) or settings.tls_cert or settings.trusted_proxy or seeded:
        return
    raise Refusal(
        f"--host {settings.host!a}: plain http is served on loopback addresses only; give --tls-cert and --tls-key, or"
        " name the proxy that ends TLS with --trusted-proxy."
    )


def _guard_disks_left(server: Server) -> None:
    """An engine that is elsewhere has none of the disks in this host's folder, and would make empty ones instead."""
    settings = server.settings
    if settings.hypervisor == "auto" or not server.drivers.hypervisor.shared:
        return
    from kunsthalle.operator.disk_moves.account_moves import accounts_left

    left = server.store.read(server.base, lambda session: accounts_left(session, server.drivers))
    if left:
        accounts = ", ".join(f"{name} ({count})" for name, count in left.items())
        raise Refusal(
            f"--hypervisor {settings.hypervisor!r}: disks of these accounts are in {str(server.drivers.disks)!a}, and"
            f" not on that engine: {accounts}. Move them: kunsthalle disks move --account NAME."
        )


def _warn_of_seeded_keys(settings: Settings, scenario: str | None) -> None:
    if scenario and not is_loopback(settings.host):
        text = "the API keys of a scenario are served on other addresses than loopback: keep strangers away from them"
        log_format.tell(settings, text, level="warning", scenario=scenario, host=settings.host)


def web_socket(register: Connections, **changes: Any) -> Any:
    """The protocol of a connection that becomes a web socket, which most runs never see: loaded with the first."""
    from kunsthalle.cli.web_sockets import BoundedWebSocket

    return BoundedWebSocket(register, **changes)


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


SWITCH_SECONDS = 0.001
"""How long a thread may hold the interpreter while another one waits for it; Python's own choice is five times as long.

The event loop gives the interpreter up in each statement of SQLite and gets it back after so long, if a thread works
on a search or a document: of the default, three statements are 15 ms. Less than this was worse (docs/benchmarks.md).
"""


def serve(settings: Settings, load: Callable[[], Loaded]) -> None:
    """Runs until it is told to stop. Refusal when it cannot start. `load` reads the settings anew, for SIGHUP."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.disable()  # loading makes almost no garbage, and the collector would look for it again and again
    try:
        _serve(Reloading(settings, load))
    finally:
        gc.enable()


def _serve(reloading: Reloading) -> None:
    import uvicorn

    from kunsthalle.api.access_log import Observers
    from kunsthalle.app import build
    from kunsthalle.cli.connections import Connections, limits_of
    from kunsthalle.cli.stopping import StoppableServer

    settings = reloading.settings
    os.umask(0o077)
    core_files.prevent()  # keys are in memory
    log_format.set_up(settings.log, text=log_format.is_text(settings))
    check_addresses(settings)
    certificates = _certificates(reloading)
    _check_folders(settings)
    try:
        folder.lock(settings.data)
    except folder.FolderInUse as error:
        raise Refusal(f"Another server works on the folder {error}; give this one another --data.") from error
    _guard_half_restored(settings)
    _guard_seeded_keys(settings, settings.scenario or folder.read(settings.data, folder.CREDENTIALS).get("scenario"))
    _guard_plain_http(settings, seeded=settings.allow_seeded_keys)
    listener = _listen(settings)
    with _starting(settings), _in_words(settings):
        if not settings.master_keys and not settings.master_key_command:
            master_keys.read(settings.master_key_path)  # before a database is made that would have another one
        token, named = operator_token(settings, Ids()), _with_names(settings, certificates)
        observers = Observers(access_log(settings))
        server = build(named, token, observers=observers, on_loaded=gc.freeze)
        make_scenario(server)
    _guard_disks_left(server)
    _guard_seeded_keys(settings, server.scenario())
    _guard_plain_http(settings, seeded=settings.allow_seeded_keys and server.scenario() is not None)
    _warn_of_seeded_keys(settings, server.scenario())
    url = _address(settings, listener, certificates)
    running.register(settings.data)
    told = {"url": url, "pid": os.getpid(), "buckets": _elsewhere(settings), "shared": str(settings.shared_root)}
    folder.write(settings.data, folder.SERVER, {**told, "ca_file": _ca_file(settings, certificates)})
    register = Connections(limits_of(settings, raise_file_limit()))
    register.turns.threads_work = lambda: server.store.priority.at_work
    apply_changes(reloading, server, observers, register, certificates)
    _serve_metrics(server, register)
    if server.forwarding is not None:
        reloading.always(server.forwarding.reopen)
    reloading.listen()
    config = uvicorn.Config(
        _application(server, settings, register),
        loop="uvloop",
        http=cast(
            "type[asyncio.Protocol]", _protocol(server, settings, register, certificates)
        ),  # called as a class would be
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
    gc.set_threshold(2_000, 50, 100)
    gc.enable()
    listener.listen(config.backlog)  # who is told the address may call from now on
    if certificates is not None:
        certificates.warn()
    _announce(settings, url, empty=not server.has_accounts())
    stoppable = StoppableServer(config, lambda: server.worker.running, reloading.tell)
    stoppable.run(sockets=[listener])


__all__ = ["Refusal", "make_scenario", "operator_token", "raise_file_limit", "serve", "web_socket"]
