"""Every setting, typed, with one line of help. The command line, the documentation and the tests read this table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from kunsthalle.core import addresses
from kunsthalle.core.hypervisors import HYPERVISORS
from kunsthalle.core.text_values import SWITCH, boolean, integer

_LARGEST = 2**31 - 1
Allowed = Callable[[Any], str]
"""What is allowed for a setting, when the value given is not; an empty text when it is."""


class BadSetting(ValueError):
    """A value that no server can run with. The message is one line: the option, what was given, what is allowed."""

    def __init__(self, name: str, value: object, allowed: str) -> None:
        super().__init__(f"{option(name)} {_shown(str(value))}: {allowed}.")


def option(name: str) -> str:
    """The option of the command line for a setting."""
    return f"--{name.replace('_', '-')}"


def _shown(url: str) -> str:
    """What was given, on one line, without the password that an address may hold."""
    try:
        parts = urlsplit(url)
        if parts.password is not None:
            url = urlunsplit(parts._replace(netloc=f"***@{parts.netloc.rpartition('@')[2]}"))
    except ValueError:  # no address
        pass
    return ascii(url) if len(url) <= 200 else f"{url[:200]!a}…"


def _setting(
    default: Any,
    text: str,
    *,
    choices: tuple[str, ...] = (),
    least: int = 0,
    most: int = _LARGEST,
    allowed: Allowed | None = None,
    several: bool = False,
) -> Any:
    """`choices` are all values of a text; `least` and `most` bound a number; `allowed` knows any other rule.

    The option of `several` may be repeated: the values are then joined with commas.
    """
    rule = allowed
    if choices:
        rule = _one_of(choices)
    elif isinstance(default, bool):
        rule = _flag
    elif isinstance(default, int):
        rule = _from_to(least, most)
    return field(default=default, metadata={"help": text, "choices": choices, "allowed": rule, "several": several})


def _one_of(choices: tuple[str, ...]) -> Allowed:
    return lambda value: "" if value in choices else f"give one of {', '.join(repr(choice) for choice in choices)}"


def _flag(value: Any) -> str:
    return "" if isinstance(value, bool) else "give true or false"


def _from_to(least: int, most: int) -> Allowed:
    return lambda value: "" if isinstance(value, int) and least <= value <= most else _whole_number(least, most)


def _whole_number(least: int, most: int) -> str:
    return f"give a whole number of {least} or more" if most == _LARGEST else f"give a whole number, {least} to {most}"


def _region(value: str) -> str:
    from kunsthalle.core.regions import REGIONS  # the other verbs start sooner without

    return _one_of(tuple(REGIONS))(value)


def _duration(value: str) -> str:
    from kunsthalle.core.clock import duration  # as above

    try:
        duration(value)
    except ValueError:
        return "give a duration of at most a hundred years, such as 7d, 30m or P7D"
    return ""


def _database(value: str) -> str:
    return _url(value, ("postgresql",), "give postgresql://user@host/name, or leave it out for a SQLite file")


def _public_url(value: str) -> str:
    advice = "give http://name or https://name, without a user, a query or a fragment"
    return _url(value, ("http", "https"), advice) or (advice if re.search(r"[@?#\s]", value) else "")


def _url(value: str, schemes: tuple[str, ...], advice: str) -> str:
    try:
        parts = urlsplit(value)
        _ = parts.port  # ValueError for one that is no number
    except ValueError:
        return advice
    return "" if not value or (parts.scheme in schemes and (parts.netloc or "postgresql" in schemes)) else advice


def _blobs(value: str) -> str:
    known = value.startswith(("s3://", "file:///")) or "://" not in value
    return "" if known else "give file:///folder or s3://bucket/prefix?endpoint=https://host"


_HOST_NAME = re.compile(r"\*|(\*\.)?[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[?[0-9A-Fa-f:]{2,45}\]?")


def _host_names(value: str) -> str:
    names = [name.strip() for name in value.split(",")] if value else []
    wrong = next((name for name in names if not _HOST_NAME.fullmatch(name)), None)
    return (
        ""
        if wrong is None
        else f"{wrong[:80]!a} is no host name; give names as catalog.example.com, *.example.com or *"
    )


def _proxies(value: str) -> str:
    advice = "give addresses or networks, as 192.0.2.7 or 10.0.0.0/8"
    try:
        known = addresses.networks(value)
    except ValueError:
        return advice
    return f"{advice}, and not everybody's" if any(network.prefixlen == 0 for network in known) else ""


def _host(value: str) -> str:
    known = re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%\w+)?", value)
    return "" if known else "give an address of this host, as 127.0.0.1, ::1 or 0.0.0.0"


@dataclass(frozen=True, slots=True)
class Settings:
    """How one server process runs. Only `data` must be a folder that this process may write to."""

    data: Path = _setting(Path("kunsthalle-data"), "Folder for all data of the server")
    host: str = _setting(
        "127.0.0.1",
        "Address to listen on; with the API keys of a scenario, loopback addresses only, unless --allow-seeded-keys",
        allowed=_host,
    )
    tls_cert: str = _setting(
        "",
        "File with the TLS certificate, followed by its chain, in PEM form (or KUNSTHALLE_TLS_CERT): serve https with"
        " it; SIGHUP reads both files anew; default: plain http, on loopback addresses or behind --trusted-proxy only",
    )
    tls_key: str = _setting("", "File with the private key of that certificate, in PEM form (or KUNSTHALLE_TLS_KEY)")
    trusted_proxy: str = _setting(
        "",
        "Address or network of proxies whose X-Forwarded-For, -Proto and -Host are believed; may be repeated, or a list"
        " with commas. Connections from there have no limit per address; the requests in progress of each client have",
        allowed=_proxies,
        several=True,
    )
    allow_seeded_keys: bool = _setting(
        False, "Serve the API keys of a scenario on other addresses than loopback, too: whoever reads them may sign in"
    )
    port: int = _setting(8100, "Port to listen on; 0 selects a free port", most=65_535)
    scenario: str = _setting(
        "", "Scenario that the first start creates: 'enterprise'; default: none", choices=("", "enterprise")
    )
    database: str = _setting(
        "", "PostgreSQL URL (postgresql://…); default: a SQLite file in the data folder", allowed=_database
    )
    master_key_file: str = _setting(
        "",
        "File with the keys that encrypt secrets in the database; all nodes of one database need the same file"
        " (or KUNSTHALLE_MASTER_KEY_FILE); default: master.key in the data folder, which the first start creates",
    )
    blobs: str = _setting(
        "",
        "Store for image data: file:///… or s3://bucket/prefix?endpoint=https://… (credentials from the environment:"
        " KUNSTHALLE_BLOBS_ACCESS_KEY_ID, KUNSTHALLE_BLOBS_SECRET_ACCESS_KEY); default: a folder in the data folder",
        allowed=_blobs,
    )
    blob_cache: str = _setting("", "Folder for this host's copies of blobs on S3; default: a folder in the data folder")
    blob_cache_gb: int = _setting(100, "Maximum GB (2**30 bytes) of these copies, without the copies in use")
    buckets: str = _setting(
        "",
        "Location of cos:// buckets: s3://{account}-{bucket}?endpoint=https://… or s3://one/{account}/{bucket}?endpoint=…"
        " (credentials: KUNSTHALLE_BUCKETS_ACCESS_KEY_ID, KUNSTHALLE_BUCKETS_SECRET_ACCESS_KEY); default: folders in"
        " the data folder",
    )
    public_url: str = _setting(
        "", "Base URL of hrefs in answers; default: the URL that the client called", allowed=_public_url
    )
    allowed_hosts: str = _setting(
        "",
        "Further host names that clients may use, separated by commas; loopback names, the address that they called and"
        " the public URL are always allowed; *.example.com allows all subdomains, * all names",
        allowed=_host_names,
    )
    clock: str = _setting(
        "system", "'system': real time; 'manual': changes only when an operator moves it", choices=("system", "manual")
    )
    region: str = _setting("us-south", "Name of the region that this server serves", allowed=_region)
    hypervisor: str = _setting(
        "auto",
        f"'auto' (QEMU if installed), {' or '.join(map(repr, HYPERVISORS))}",
        choices=("auto", *HYPERVISORS),
    )
    accelerator: str = _setting(
        "auto", "'auto' (KVM if it runs a test guest), 'kvm' or 'tcg'", choices=("auto", "kvm", "tcg")
    )
    server_memory: int = _setting(4096, "Maximum MiB of memory for one instance, whatever its profile", least=1)
    servers_memory: int = _setting(
        0, "Maximum MiB of memory for all running instances; 0: three quarters of the host memory"
    )
    disk_quota: int = _setting(0, "Maximum GB on disk for all volumes and snapshots; 0: no limit")
    volume_quota: int = _setting(0, "Maximum GB of capacity for all volumes; 0: no limit")
    header_timeout: int = _setting(
        15, "Maximum seconds for a TLS handshake, and until the headers of a request have arrived; 0: no limit"
    )
    body_timeout: int = _setting(60, "Maximum seconds until the body of a request has arrived; 0: no limit")
    write_timeout: int = _setting(60, "Maximum seconds in which a client reads nothing of its answer; 0: no limit")
    connections: int = _setting(
        1000, "Maximum open connections; 0, and the upper limit: half of the files that the process may open"
    )
    connections_per_address: int = _setting(
        250,
        "Maximum open connections of one client address (IPv6: of a /64 network); 0: no limit, for a proxy on another"
        " host. With a public URL, loopback addresses have no limit: a proxy on this host calls for all its users",
    )
    reclamation_period: str = _setting(
        "7d",
        "How long a deleted catalog manages its images and can be restored, such as 7d or PT1H"
        " (or KUNSTHALLE_RECLAMATION_PERIOD)",
        allowed=_duration,
    )
    audit_days: int = _setting(365, "Days until audit entries are deleted; 0: never")
    disk_reserve: int = _setting(
        1024, "MB (2**20 bytes) of disk space that images, disks and exports leave free for the database"
    )
    account_bucket_gb: int = _setting(
        500, "Maximum GB (2**30 bytes) on disk for the buckets of one account; exports beyond it fail; 0: no limit"
    )
    log: str = _setting("info", "'debug', 'info', 'warning' or 'error'", choices=("debug", "info", "warning", "error"))
    log_format: str = _setting(
        "auto",
        "'json': a JSON object a line; 'text': lines for people, and a greeting; 'auto': text on a terminal, else JSON",
        choices=("auto", "json", "text"),
    )
    access_log: str = _setting(
        "on",
        "'on': a line for each request (method, route, status, milliseconds, account, client, trace) at level info; or"
        " 'off'",
        choices=("on", "off"),
    )
    workers: int = _setting(
        4, "Threads that run jobs, at least 2; one of them runs no imports, exports or disk copies", least=2, most=1024
    )
    account_jobs: int = _setting(
        1000, "Maximum waiting and running jobs of one account; a further job is refused with 429", least=1
    )
    account_running_jobs: int = _setting(2, "Maximum running jobs of one account, on all nodes", least=1)
    account_transfers: int = _setting(
        50, "Maximum waiting and running imports, exports and disk copies of one account", least=1
    )
    account_transfer_gb: int = _setting(
        1000, "Maximum GB (2**30 bytes) that these imports, exports and disk copies may write", least=1
    )

    def __post_init__(self) -> None:
        """BadSetting for the first value that is not allowed."""
        for setting in fields(self):
            check(setting.name, getattr(self, setting.name))
        if bool(self.tls_cert) != bool(self.tls_key):
            present, missing = ("tls_cert", "tls_key") if self.tls_cert else ("tls_key", "tls_cert")
            raise BadSetting(present, getattr(self, present), f"give {option(missing)}, too, or neither")

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data.resolve() / 'kunsthalle.sqlite'}"

    @property
    def proxies(self) -> tuple[addresses.Network, ...]:
        return addresses.networks(self.trusted_proxy)

    @property
    def master_key_path(self) -> Path:
        return Path(self.master_key_file).resolve() if self.master_key_file else self.data.resolve() / "master.key"

    @property
    def blob_root(self) -> Path:
        return Path(self.blobs.removeprefix("file://")) if self.blobs else self.data.resolve() / "blobs"

    @property
    def cache_root(self) -> Path:
        return Path(self.blob_cache) if self.blob_cache else self.data.resolve() / "blob-cache"


@dataclass(frozen=True, slots=True)
class Description:
    """What is to be known of a setting: its name, a line of help, its default, its values where they are few, and
    whether its option may be repeated.
    """

    name: str
    help: str
    default: Any
    choices: tuple[str, ...]
    several: bool


def described() -> list[Description]:
    """Every setting, in the order of the documentation."""
    return [
        Description(
            setting.name,
            setting.metadata["help"],
            setting.default,
            setting.metadata["choices"],
            setting.metadata["several"],
        )
        for setting in fields(Settings)
    ]


_ALLOWED: dict[str, Allowed | None] = {setting.name: setting.metadata["allowed"] for setting in fields(Settings)}
_DEFAULTS: dict[str, Any] = {setting.name: setting.default for setting in fields(Settings)}


def check(name: str, value: Any) -> None:
    """BadSetting for a value that is not allowed, whatever machine it is."""
    rule = _ALLOWED[name]
    text = rule(value) if rule is not None else ""
    if text:
        raise BadSetting(name, value, text)


def parse(name: str, text: str) -> Any:
    """The value of a setting from text. BadSetting where the text is no such value, or not allowed."""
    value: Any = text
    default = _DEFAULTS[name]
    if isinstance(default, Path):
        value = Path(text)
    elif isinstance(default, bool):
        value = boolean(text, SWITCH)
        value = text if value is None else value
    elif isinstance(default, int) and (number := integer(text)) is not None:
        value = number
    check(name, value)
    return value
