"""References inside a body: an object with `id`, `crn` or `href` (some kinds: `name`) that means one thing."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from kunsthalle.api.wire import Body
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import forbidden, invalid, not_found
from kunsthalle.store.scope import Granted, Kind, by_name, find, may
from kunsthalle.store.unit import Unit

M = TypeVar("M")


class Identity(Body):
    """By id, CRN or href; several are accepted when they agree (vpc-api.md A3)."""

    id: str | UnsetType = UNSET
    crn: str | UnsetType = UNSET
    href: str | UnsetType = UNSET


class NamedIdentity(Body):
    """By name or href: profiles, operating systems, zones, regions."""

    name: str | UnsetType = UNSET
    href: str | UnsetType = UNSET


def refer(unit: Unit, kind: Kind[M], identity: Identity, field: str, action: str | None = None) -> Granted[M]:
    """The thing that is meant. Unknown, hidden and foreign are the same 404 with the field as target."""
    ids = {found for found in (_plain(identity.id), _of_crn(identity.crn, field), _of_href(identity.href)) if found}
    if not ids:
        raise invalid("validation_required_field", "One of id, crn or href must be given.", field)
    if len(ids) > 1:
        raise invalid("bad_field", "id, crn and href mean different resources.", field)
    it = find(unit, kind, ids.pop(), field, "field")
    _same_crn(identity.crn, it, field)
    if action is not None and not may(unit, kind, it, action):
        raise forbidden()
    return Granted(it, action or kind.read)


def _same_crn(given: str | UnsetType, it: Any, field: str) -> None:
    """A CRN means a thing only if it is that thing's CRN to the letter."""
    crn = getattr(it, "crn", None)
    if not isinstance(given, UnsetType) and crn is not None and crn != given:
        raise not_found(field, "field")


def _plain(value: str | UnsetType) -> str | None:
    return None if isinstance(value, UnsetType) else value or "-"


def _of_crn(value: str | UnsetType, field: str) -> str | None:
    if isinstance(value, UnsetType):
        return None
    try:
        return parse(value).resource or "-"
    except ValueError as error:
        raise invalid("bad_field", f"The CRN is not well-formed: {error}", f"{field}.crn") from error


def _of_href(value: str | UnsetType) -> str | None:
    if isinstance(value, UnsetType):
        return None
    return value.partition("?")[0].rstrip("/").rsplit("/", 1)[-1] or "-"


def name_of(identity: NamedIdentity, field: str) -> str:
    """The name that a `{name}` or `{href}` object means."""
    if not isinstance(identity.name, UnsetType):
        return identity.name
    last = _of_href(identity.href)
    if last is None:
        raise invalid("validation_required_field", "One of name or href must be given.", field)
    return last


def own_by_name(unit: Unit, kind: Kind[M], name: str) -> M | None:
    """The caller's own thing of that name (R7)."""
    return by_name(unit, kind, name)
