"""Where an S3 server is, said in one line: `s3://bucket/prefix?endpoint=https://…&region=…`.

The keys are no part of it: they come from the environment, so that no process list, log or settings page shows them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from kunsthalle.core.addresses import is_loopback
from kunsthalle.core.records import dataclass

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KNOWN = ("endpoint", "region", "addressing", "ca", "timeout", "insecure")
_SECONDS = 20.0
_LONGEST = 600.0


class BadAddress(ValueError):
    """The address cannot be used; the message says why, and repeats nothing that may be a secret."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What requests are signed with. Shown nowhere."""

    id: str = field(repr=False)
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class S3Address:
    """A place on an S3 server. `bucket` and `prefix` are as given: they may be templates, which `at` fills in.

    `prefix` has no slash at its ends. `virtual`: the bucket is part of the host's name. `seconds`: how long the server
    may be silent. `ca_file`: certificates that the server's is checked against, beside the well-known ones.
    """

    bucket: str
    prefix: str
    endpoint: str
    region: str
    keys: Keys
    virtual: bool = False
    seconds: float = _SECONDS
    ca_file: Path | None = None

    def at(self, **names: str) -> S3Address:
        """With `{name}` in bucket and prefix replaced. BadAddress if no bucket can have the name that results."""
        bucket, prefix = self.bucket, self.prefix
        for name, value in names.items():
            bucket, prefix = bucket.replace(f"{{{name}}}", value), prefix.replace(f"{{{name}}}", value)
        if not _BUCKET.fullmatch(bucket):
            raise BadAddress("A bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens.")
        return replace(self, bucket=bucket, prefix=prefix)

    def under(self, folder: str) -> S3Address:
        """With one more part of the prefix."""
        return replace(self, prefix=f"{self.prefix}/{folder}".lstrip("/"))

    @property
    def shown(self) -> str:
        """The address for people and logs."""
        return "/".join(part for part in ("s3:/", self.bucket, self.prefix) if part) + f" at {self.endpoint}"


def parse(url: str, environment: Mapping[str, str], names: str) -> S3Address:
    """Reads an address; the keys are `<names>_ACCESS_KEY_ID`, … of the environment, or else `AWS_ACCESS_KEY_ID`, …"""
    parts = urlsplit(url)
    if parts.scheme != "s3":
        raise BadAddress("The address of an S3 store begins with s3://.")
    if "@" in parts.netloc:
        raise BadAddress(
            f"Keys do not belong into the address: set {names}_ACCESS_KEY_ID and {names}_SECRET_ACCESS_KEY."
        )
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in options:
        if name not in _KNOWN:
            raise BadAddress(f"The address of an S3 store knows {', '.join(_KNOWN)}; not {name[:40]!r}.")
    endpoint = _endpoint(options.get("endpoint", ""), insecure=options.get("insecure", "") == "true")
    addressing = options.get("addressing", "path")
    if addressing not in {"path", "virtual"}:
        raise BadAddress("addressing is 'path' or 'virtual'.")
    return S3Address(
        bucket=unquote(parts.netloc),
        prefix=unquote(parts.path).strip("/"),
        endpoint=endpoint,
        region=options.get("region", "us-east-1"),
        keys=_keys(environment, names),
        virtual=addressing == "virtual",
        seconds=_seconds(options.get("timeout", "")),
        ca_file=Path(options["ca"]) if options.get("ca") else None,
    )


def _endpoint(text: str, *, insecure: bool) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc or parts.query:
        raise BadAddress("The address of an S3 store says its endpoint: ?endpoint=https://host[:port].")
    if parts.scheme == "http" and not insecure and not is_loopback(parts.hostname):
        raise BadAddress("Over http, everybody on the way reads along; use https, or say insecure=true.")
    return text.rstrip("/")


def _seconds(text: str) -> float:
    try:
        seconds = float(text or _SECONDS)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= _LONGEST:
        raise BadAddress(f"timeout is a number of seconds, up to {_LONGEST:.0f}.")
    return seconds


def _keys(environment: Mapping[str, str], names: str) -> Keys:
    for prefix in (names, "AWS"):
        id_, secret = (environment.get(f"{prefix}_{name}", "") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"))
        if id_ and secret:
            return Keys(id_, secret, environment.get(f"{prefix}_SESSION_TOKEN") or None)
    raise BadAddress(f"Set {names}_ACCESS_KEY_ID and {names}_SECRET_ACCESS_KEY in the environment of the server.")
