"""The providers that people may sign in with, as tables of the settings (`[[providers]]`) or a TOML file of their own
name them. Secrets of that file are elsewhere: in files or variables.

```toml
[providers.example]
name = "Example"
issuer = "https://login.example.com"
client_id = "kunsthalle"
client_secret_file = "/run/secrets/example"
email_domains = ["example.com"]
```
"""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from kunsthalle.core.addresses import is_loopback
from kunsthalle.core.records import dataclass
from kunsthalle.settings import BadSetting, IdentityProvider, Settings

ANY_DOMAIN = "*"
MAX_PROVIDERS = 32
_MAX_FILE = 1024 * 1024
_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,200}")


class BadProviders(ValueError):
    """The file cannot be used. The message is one line: the field, what it is, what is allowed."""


class BadField(BadProviders):
    """A field of a provider, as the file calls it."""

    def __init__(self, id_: str, field: str, value: object, allowed: str) -> None:
        self.id, self.field, self.value, self.allowed = id_, field, value, allowed
        shown = ascii(value[:200]) if isinstance(value, str) else str(value)[:200]
        name = id_ if _ID.fullmatch(id_) else ascii(id_[:64])
        super().__init__(f"providers.{name}.{field} {shown}: {allowed}")


class ClaimNames(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Under which claims a provider says what is asked of a person."""

    email: str = "email"
    email_verified: str = "email_verified"
    name: str = "name"


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A provider as the file has it."""

    name: str
    issuer: str
    client_id: str
    email_domains: list[str]
    client_secret_file: str = ""
    client_secret_env: str = ""
    scopes: list[str] = msgspec.field(default_factory=lambda: ["openid", "email", "profile"])
    realm: str = ""
    provision_account: str = ""
    ca_file: str = ""
    leeway_seconds: int = 60
    claims: ClaimNames = ClaimNames()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    providers: dict[str, _Table]


@dataclass(frozen=True, slots=True, repr=False)
class Provider:
    """A provider. `realm` is what rules of access groups and trusted profiles call it. Whoever is not known is made a
    user of `provision_account`, the id or name of an account; if it is empty they are refused. `leeway` is in seconds.
    """

    id: str
    name: str
    issuer: str
    client_id: str
    client_secret: str
    scopes: tuple[str, ...]
    email_domains: frozenset[str]
    claims: ClaimNames
    realm: str
    provision_account: str
    ca_file: str
    leeway: int

    def takes(self, email: str) -> bool:
        """Whether the provider may speak for people with that address, which is in lower case."""
        return ANY_DOMAIN in self.email_domains or email.rpartition("@")[2] in self.email_domains

    def allows_url(self, url: str) -> bool:
        """Whether the provider may name that URL as one of its own: https, or http where its issuer is on this host."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            _ = parts.port
        except ValueError:
            return False
        local = self.issuer.startswith("http://") and _is_local(host)
        return bool(host) and not parts.username and (parts.scheme == "https" or (parts.scheme == "http" and local))


def _is_local(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost") or is_loopback(host)


def read(path: Path, environment: Mapping[str, str]) -> tuple[Provider, ...]:
    """The providers of a file, in its order. BadProviders for one that cannot be used."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadProviders(f"cannot be read: {error.strerror or error}") from error
    if len(content) > _MAX_FILE:
        raise BadProviders(f"has more than {_MAX_FILE} bytes")
    try:
        document = tomllib.loads(content.decode())
        tables = msgspec.convert(document, _File).providers
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadProviders(f"is no TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise BadProviders(f"is refused: {error}") from error
    if len(tables) > MAX_PROVIDERS:
        raise BadProviders(f"has {len(tables)} providers; at most {MAX_PROVIDERS} are allowed")
    providers = []
    for id_, table in tables.items():
        providers.append(_provider(id_, table, path.parent, _secret(id_, table, path.parent, environment)))
    _check_apart(providers)
    return tuple(providers)


def _check_apart(providers: Sequence[Provider]) -> None:
    """Two of one realm could each speak for whom the rules trust the other with."""
    realms: dict[str, Provider] = {}
    for provider in providers:
        other = realms.setdefault(provider.realm, provider)
        if other is not provider:
            text = "two providers have this realm; give each a realm of its own"
            raise BadField(provider.id, "realm", provider.realm, f"{text} ({other.id!r} has it, too)")


def _provider(id_: str, table: _Table, folder: Path, secret: str) -> Provider:
    if not _ID.fullmatch(id_):
        raise BadField(id_, "id", id_, "the name of a table has 1 to 32 of a-z, 0-9 and -, none of them at its ends")
    _check_texts(id_, table)
    _check_domains(id_, table.email_domains)
    provider = Provider(
        id=id_,
        name=table.name,
        issuer=table.issuer,
        client_id=table.client_id,
        client_secret=secret,
        scopes=_scopes(id_, table.scopes),
        email_domains=frozenset(table.email_domains),
        claims=table.claims,
        realm=table.realm or table.issuer,
        provision_account=table.provision_account,
        ca_file=_certificates(id_, table.ca_file, folder),
        leeway=table.leeway_seconds,
    )
    _check_issuer(provider)
    return provider


def _check_texts(id_: str, table: _Table) -> None:
    bounds = {
        "name": (table.name, 1, 60),
        "client_id": (table.client_id, 1, 255),
        "realm": (table.realm, 0, 255),
        "provision_account": (table.provision_account, 0, 60),
        "claims.email": (table.claims.email, 1, 255),
        "claims.email_verified": (table.claims.email_verified, 1, 255),
        "claims.name": (table.claims.name, 1, 255),
    }
    for field, (text, least, most) in bounds.items():
        if not least <= len(text) <= most or not text.isprintable():
            raise BadField(id_, field, text, f"give {least} to {most} printable characters")
    if not 0 <= table.leeway_seconds <= 600:
        raise BadField(id_, "leeway_seconds", table.leeway_seconds, "give a whole number of seconds, 0 to 600")


def _check_issuer(provider: Provider) -> None:
    advice = "give https://host without a query or a fragment; http is for a provider on this host"
    if not provider.allows_url(provider.issuer) or re.search(r"[?#\s]", provider.issuer):
        raise BadField(provider.id, "issuer", provider.issuer, advice)


def _check_domains(id_: str, domains: list[str]) -> None:
    advice = "give the domains whose addresses the provider speaks for, in lower case, or '*' for all"
    if not domains:
        raise BadField(id_, "email_domains", domains, advice)
    for domain in domains:
        if domain != ANY_DOMAIN and not _DOMAIN.fullmatch(domain):
            raise BadField(id_, "email_domains", domain, advice)


def _scopes(id_: str, scopes: list[str]) -> tuple[str, ...]:
    wrong = next((scope for scope in scopes if not _SCOPE.fullmatch(scope)), None)
    if wrong is not None or "openid" not in scopes:
        raise BadField(id_, "scopes", wrong or scopes, "give a list of scopes with 'openid' among them")
    return tuple(scopes)


def _certificates(id_: str, text: str, folder: Path) -> str:
    if not text:
        return ""
    path = folder / text
    if not path.is_file():
        raise BadField(id_, "ca_file", text, "there is no such file")
    return str(path)


def _secret(id_: str, table: _Table, folder: Path, environment: Mapping[str, str]) -> str:
    """The client's secret; empty for a public client, which has none."""
    if table.client_secret_file and table.client_secret_env:
        text = "give client_secret_file or client_secret_env, not both"
        raise BadField(id_, "client_secret_env", table.client_secret_env, text)
    if table.client_secret_env:
        secret = environment.get(table.client_secret_env, "")
        if not secret:
            raise BadField(id_, "client_secret_env", table.client_secret_env, "the environment has no such variable")
        return secret
    if not table.client_secret_file:
        return ""
    return _secret_of_file(id_, table.client_secret_file, folder)


def _secret_of_file(id_: str, name: str, folder: Path) -> str:
    field = "client_secret_file"
    try:
        path = folder / name
        mode, text = path.stat().st_mode, path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadField(id_, field, name, f"the file cannot be read: {error}") from error
    if mode & stat.S_IRWXO:
        raise BadField(id_, field, name, "every user of this host can reach the file: chmod 600 it")
    if not text or len(text) > 4096:
        raise BadField(id_, field, name, "the file must hold the secret alone, 1 to 4096 characters")
    return text


_KEYS = {
    "id": "name",
    "name": "label",
    "claims.email": "email_claim",
    "claims.email_verified": "email_verified_claim",
    "claims.name": "name_claim",
}
"""What the settings call fields that the file of providers calls otherwise."""


def of_settings(settings: Settings, environment: Mapping[str, str]) -> tuple[Provider, ...]:
    """The providers of the settings: those of tables of their own, then those of the file. BadSetting."""
    path = settings.oidc_providers
    try:
        providers = [_of_record(record, environment) for record in settings.providers]
        providers += read(Path(path).resolve(), environment) if path else ()
        _check_ids(providers)
        _check_apart(providers)
    except BadField as error:
        if all(error.id != record.name for record in settings.providers):
            raise BadSetting("oidc_providers", path, str(error)) from error
        place = f"providers.{error.id}.{_KEYS.get(error.field, error.field)}"
        raise BadSetting("providers", error.value, error.allowed, place) from error
    except BadProviders as error:
        raise BadSetting("oidc_providers", path, str(error)) from error
    return tuple(providers)


def _check_ids(providers: Sequence[Provider]) -> None:
    ids = [provider.id for provider in providers]
    if len(ids) > MAX_PROVIDERS:
        raise BadField(ids[0], "id", ids[0], f"there are {len(ids)} providers; at most {MAX_PROVIDERS} are allowed")
    twice = next((id_ for id_ in ids if ids.count(id_) > 1), None)
    if twice is not None:
        raise BadField(twice, "id", twice, "the file of oidc_providers has this provider, too; name it once")


def _of_record(record: IdentityProvider, environment: Mapping[str, str]) -> Provider:
    table = _Table(
        name=record.label or record.name,
        issuer=record.issuer,
        client_id=record.client_id,
        email_domains=_entries(record.email_domains),
        client_secret_env=record.client_secret_env,
        scopes=_entries(record.scopes),
        realm=record.realm,
        provision_account=record.provision_account,
        ca_file=record.ca_file,
        leeway_seconds=record.leeway_seconds,
        claims=ClaimNames(record.email_claim, record.email_verified_claim, record.name_claim),
    )
    if record.client_secret and record.client_secret_env:
        text = "give client_secret or client_secret_env, not both"
        raise BadField(record.name, "client_secret_env", record.client_secret_env, text)
    secret = record.client_secret or _secret(record.name, table, Path.cwd(), environment)
    return _provider(record.name, table, Path.cwd(), secret)


def _entries(text: str) -> list[str]:
    """The entries of a list, as settings join them."""
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def public(provider: Provider) -> dict[str, Any]:
    """What may be shown of a provider."""
    return {"id": provider.id, "name": provider.name, "issuer": provider.issuer, "realm": provider.realm}
