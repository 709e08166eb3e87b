"""What is allowed for a sink of the audit in the settings: a sentence of advice, empty where the value is allowed."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SINK_SCHEMES = ("file", "http", "https", "syslog+tcp", "syslog+udp", "syslog+unix")
_LOCAL_SCHEMES = frozenset({"file", "syslog+unix"})


def url(value: str) -> str:
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


def name(value: str) -> str:
    """A name that stays: how far the sink has got is kept under it."""
    known = re.fullmatch(r"[a-z0-9][a-z0-9-]{0,31}", value)
    return "" if known else "give a name of 1 to 32 lower-case letters, digits and hyphens"
