"""References inside a body: an object with `id`, `crn` or `href` (some kinds: `name`) that means one resource."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from kunsthalle.api.serialization import RequestBody
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, ResourceType, by_name, find, require

M = TypeVar("M")


class Identity(RequestBody):
    """By id, CRN or href; several are accepted when they agree (vpc-api.md A3)."""

    id: str | UnsetType = UNSET
    crn: str | UnsetType = UNSET
    href: str | UnsetType = UNSET


class NamedIdentity(RequestBody):
    """By name or href: profiles, operating systems, zones, regions."""

    name: str | UnsetType = UNSET
    href: str | UnsetType = UNSET


def refer(
    session: Session, kind: ResourceType[M], identity: Identity, field: str, action: str | None = None
) -> Authorized[M]:
    """The resource that is meant. Unknown, hidden and foreign are the same 404 with the field as target."""
    ids = {id_ for id_ in (_plain(identity.id), _of_crn(identity.crn, field), _of_href(identity.href)) if id_}
    if not ids:
        raise invalid("validation_required_field", "One of id, crn or href must be given.", field)
    if len(ids) > 1:
        raise invalid("bad_field", "id, crn and href mean different resources.", field)
    resource = find(session, kind, ids.pop(), field, "field")
    _same_crn(identity.crn, resource, field)
    if action is not None:
        require(session, kind, resource, action)
    return Authorized(resource, action or kind.read)


def _same_crn(sent_crn: str | UnsetType, resource: Any, field: str) -> None:
    """A CRN means a resource only if it is that resource's CRN to the letter."""
    crn = getattr(resource, "crn", None)
    if not isinstance(sent_crn, UnsetType) and crn is not None and crn != sent_crn:
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


def own_by_name(session: Session, kind: ResourceType[M], name: str) -> M | None:
    """The caller's own resource of that name (R7)."""
    return by_name(session, kind, name)
