"""What is allowed for a setting: a sentence of advice, empty where the value is allowed."""

from __future__ import annotations

import re
import shlex
from urllib.parse import urlsplit

from kunsthalle.core import addresses

_SINK_SCHEMES = ("file", "http", "https", "syslog+tcp", "syslog+udp", "syslog+unix")
_LOCAL_SCHEMES = frozenset({"file", "syslog+unix"})


def sink_url(value: str) -> str:
    """Files and sockets of this host have an absolute path, all else a host; keys belong into `token`."""
    advice = (
        "give file:///path, syslog+udp://host:514, syslog+tcp://host:601, syslog+unix:///dev/log or https://host/path"
    )
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return advice
    if parts.scheme not in _SINK_SCHEMES or "@" in parts.netloc or re.search(r"[^!-~]", value):
        return advice
    local = parts.scheme in _LOCAL_SCHEMES
    return "" if (not parts.netloc and len(parts.path) > 1 if local else parts.hostname) else advice


def sink_name(value: str) -> str:
    """A name that stays: how far the sink has got is kept under it."""
    known = re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", value)
    return "" if known else "give a name of 1 to 32 lower-case letters, digits and hyphens"


def credential(value: str) -> str:
    """What can stand in a header."""
    return "" if not re.search(r"[^!-~]", value) else "give printable ASCII characters without blanks"


def region(value: str) -> str:
    """A region that the product has."""
    from kunsthalle.core.regions import REGIONS  # the other verbs start sooner without

    return "" if value in REGIONS else f"give one of {', '.join(repr(region) for region in REGIONS)}"


def duration(value: str) -> str:
    """A time that the clock can be moved by."""
    from kunsthalle.core import clock  # as above

    try:
        clock.duration(value)
    except ValueError:
        return "give a duration of at most a hundred years, such as 7d, 30m or P7D"
    return ""


def database(value: str) -> str:
    """A PostgreSQL URL."""
    return url(value, ("postgresql",), "give postgresql://user@host/name, or leave it out for a SQLite file")


def public_url(value: str) -> str:
    """What clients are told that the server's address is."""
    advice = "give http://name or https://name, without a user, a query or a fragment"
    return url(value, ("http", "https"), advice) or (advice if re.search(r"[@?#\s]", value) else "")


def command(value: str) -> str:
    """Words of a command line, quoted as a shell would take them."""
    try:
        return "" if not value or shlex.split(value) else "give a command, as '/usr/bin/vault-key --name kunsthalle'"
    except ValueError as error:
        return f"give a command whose quotes are closed ({error})"


def traces(value: str) -> str:
    """Where a collector takes traces over HTTP; keys belong into `traces_token`."""
    advice = "give http://host:4318/v1/traces or https://host/path, without a user"
    return url(value, ("http", "https"), advice) or (advice if re.search(r"[@#\s]", value) else "")


def url(value: str, schemes: tuple[str, ...], advice: str) -> str:
    """A URL of one of the schemes, or nothing; `advice` otherwise."""
    try:
        parts = urlsplit(value)
        _ = parts.port  # ValueError for one that is no number
    except ValueError:
        return advice
    return "" if not value or (parts.scheme in schemes and (parts.netloc or "postgresql" in schemes)) else advice


def blobs(value: str) -> str:
    """A folder or a bucket."""
    known = value.startswith(("s3://", "file:///")) or "://" not in value
    return "" if known else "give file:///folder or s3://bucket/prefix?endpoint=https://host"


_HOST_NAME = re.compile(r"\*|(\*\.)?[A-Za-z0-9_]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[?[0-9A-Fa-f:]{2,45}\]?")


def host_names(value: str) -> str:
    """Names of the `Host` header, separated by commas."""
    names = [name.strip() for name in value.split(",")] if value else []
    wrong = next((name for name in names if not _HOST_NAME.fullmatch(name)), None)
    return (
        ""
        if wrong is None
        else f"{wrong[:80]!a} is no host name; give names as catalog.example.com, *.example.com or *"
    )


def proxies(value: str) -> str:
    """Addresses and networks whose word on a client is believed."""
    advice = "give addresses or networks, as 192.0.2.7 or 10.0.0.0/8"
    try:
        known = addresses.networks(value)
    except ValueError:
        return advice
    return f"{advice}, and not everybody's" if any(network.prefixlen == 0 for network in known) else ""


def openstack_zones(value: str) -> str:
    """Availability zones as `us-south-1=az1,us-south-2=az2:nova`; `Settings` knows the zones of its region."""
    from kunsthalle.core.openstack_zones import BadZone, parse  # as above

    try:
        parse(value)
    except BadZone as error:
        return str(error)
    return ""


def quotas(value: str) -> str:
    """Quotas as `images=10,volumes=20`."""
    from kunsthalle.core.quota_names import BadQuota, parse  # as above

    try:
        parse(value)
    except BadQuota as error:
        return str(error)
    return ""


def host(value: str) -> str:
    """An address to listen on."""
    known = re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,252})|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(%\w+)?", value)
    return "" if known else "give an address of this host, as 127.0.0.1, ::1 or 0.0.0.0"
