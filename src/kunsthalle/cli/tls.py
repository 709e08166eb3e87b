"""TLS: the certificate of the server, read anew while it runs, and the handshakes of its clients under its limits."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtensionOID

from kunsthalle.cli.arrivals import Arrival
from kunsthalle.cli.connections import Connections
from kunsthalle.core.records import dataclass
from kunsthalle.settings import BadSetting, Settings

SHUTDOWN_SECONDS = 2.0
"""How long a connection that this server closes may wait for its client to close it, too."""
_NEVER = 86_400.0
"""Seconds after which uvloop itself gives up a handshake: the register ends it long before."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that was read with its key.

    `names` are the DNS names and addresses that it is for. `self_signed` says that its file holds what a client has to
    trust: a certificate that has signed itself, or the root of its chain.
    """

    context: ssl.SSLContext
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    self_signed: bool

    def warning(self, now: datetime) -> str:
        """What clients will complain of; an empty text when there is nothing."""
        if now > self.not_after:
            return f"the TLS certificate has expired on {self.not_after:%Y-%m-%d %H:%M} UTC: clients will refuse it"
        if now < self.not_before:
            return f"the TLS certificate is valid from {self.not_before:%Y-%m-%d %H:%M} UTC: clients will refuse it"
        return ""

    def name_for(self, host: str) -> str:
        """By which name clients find the server that listens on this host: the host itself if the certificate is for
        it, else the certificate's first name.
        """
        plain = [name for name in self.names if not name.startswith("*")]
        return host if host in self.names or not plain else plain[0]


class _Encrypted(Exception):
    """The key asks for a passphrase."""


def _ask_for_passphrase() -> str:
    raise _Encrypted


def read(settings: Settings) -> Certificate:
    """The certificate and key of the settings. BadSetting for files that no server can use."""
    cert, key = settings.tls_cert, settings.tls_key
    chain = _chain(cert)
    _text("tls_key", key)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, _ask_for_passphrase)
    except _Encrypted as error:
        raise BadSetting("tls_key", key, "the key is encrypted; give one without a passphrase") from error
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise BadSetting("tls_key", key, f"the key is not that of the certificate {cert!a}; give both") from error
        why = (error.reason or "no key").lower().replace("_", " ")
        raise BadSetting("tls_key", key, f"no usable private key ({why}); give one in PEM form") from error
    leaf = chain[0]
    signed = any(_signed_itself(certificate) for certificate in chain)
    return Certificate(context, _names(leaf), leaf.not_valid_before_utc, leaf.not_valid_after_utc, signed)


def _text(name: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise BadSetting(name, path, f"{why}; give a file that this process can read") from error


def _chain(path: str) -> list[x509.Certificate]:
    content = _text("tls_cert", path)
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        raise BadSetting("tls_cert", path, "no certificate; give one in PEM form, its chain behind it") from error


def _signed_itself(certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        value = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    if not isinstance(value, x509.SubjectAlternativeName):
        return ()
    addresses: list[ipaddress.IPv4Address | ipaddress.IPv6Address] = [
        address
        for address in value.get_values_for_type(x509.IPAddress)
        if isinstance(address, ipaddress.IPv4Address | ipaddress.IPv6Address)
    ]
    return (*value.get_values_for_type(x509.DNSName), *map(str, addresses))


class Certificates:
    """The certificate that new connections get. `tell` writes a line of the log, `now` is real time."""

    def __init__(self, settings: Settings, tell: Callable[..., None], now: Callable[[], datetime]) -> None:
        self._settings, self._tell, self._now = settings, tell, now
        self.current = read(settings)

    def warn(self) -> None:
        """Say what clients will complain of, if there is anything."""
        text = self.current.warning(self._now())
        if text:
            self._tell(text, level="warning")

    def reload(self) -> None:
        """Read the files anew; what is wrong with them goes into the log, and the certificate stays what it was."""
        try:
            self.current = read(self._settings)
        except BadSetting as error:
            self._tell(f"the TLS certificate was not changed: {error}", level="error")
            return
        self._tell(f"the TLS certificate was read anew: valid until {self.current.not_after:%Y-%m-%d %H:%M} UTC")
        self.warn()


class TlsHandshake(Arrival):
    """A connection until its handshake is done: counted from its first moment, and ended when it takes too long.

    uvloop tells a protocol of a TLS connection after the handshake only, so that connections before would be neither
    counted nor ended, and all that come at the same moment would be shaken hands with in one turn of the event loop.
    `start_tls` cannot be used instead: it waits for bytes that have been read already. So this hands the connection,
    with its first bytes, to uvloop's own protocol of TLS.

    `make` gives the protocol that takes over. Whoever finds no room gets no answer, for that would take the handshake.
    """

    def __init__(
        self, register: Connections, certificates: Certificates, make: Callable[..., asyncio.Protocol], **arguments: Any
    ) -> None:
        super().__init__(register, make, **arguments)
        self._certificates = certificates

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # of a stream
        """Called for the plain connection, and again for the one of TLS, once that is there."""
        if self._transport is None:
            super().connection_made(transport)
        else:
            self._hand_over(transport)

    def _turn_away(self, transport: asyncio.Transport) -> None:
        transport.abort()

    def _go_on(self, transport: asyncio.Transport, first: bytes) -> None:
        from uvloop.loop import SSLProtocol  # type: ignore[attr-defined]  # its stub leaves it out

        done: asyncio.Future[None] = self._loop.create_future()
        done.add_done_callback(self._ended)
        protocol = SSLProtocol(
            self._loop,
            self,
            self._certificates.current.context,
            done,
            server_side=True,
            ssl_handshake_timeout=_NEVER,
            ssl_shutdown_timeout=SHUTDOWN_SECONDS,
        )
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        while first:
            room = protocol.get_buffer(len(first))
            size = min(len(room), len(first))
            room[:size] = first[:size]
            protocol.buffer_updated(size)
            first = first[size:]

    def _ended(self, done: asyncio.Future[None]) -> None:
        """Called after a handshake, whether there is a connection now or not: none is left behind in the register."""
        done.exception()  # has been seen: no TLS, none that both sides speak, or the client has left
        self._leave()

    def expire(self, now: float) -> None:
        """End a handshake that is not done within the time for headers."""
        if 0 < self._register.limits.header_timeout < now - self._since:
            self.transport.abort()
