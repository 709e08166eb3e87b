"""`/v1/profiles`: trusted profiles and who may put them on."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.iam import IDENTITY
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import invalid
from kunsthalle.identity import profiles as service
from kunsthalle.identity.history import note
from kunsthalle.identity.kinds import PROFILE
from kunsthalle.identity.model import entity_tag
from kunsthalle.identity.paging import by_token, given, if_match
from kunsthalle.identity.routes_keys import with_history
from kunsthalle.identity.routes_service_ids import own_account
from kunsthalle.identity.wire_profiles import (
    CreateProfileBody,
    IdentitiesBody,
    IdentitiesWire,
    IdentityBody,
    IdentityWire,
    ProfilesWire,
    ProfileWire,
    UpdateProfileBody,
    identity_wire,
    profile_wire,
)
from kunsthalle.store.scope import find
from kunsthalle.store.unit import Unit

TRUST = "iam-identity.profile-trust.update"
_TABLE = PROFILE.table.c
_SORTS = {name: _TABLE[name] for name in ("created_at", "name", "description", "modified_at")}
_MOST = 50


def _list(unit: Unit, request: Request) -> ProfilesWire:
    """List the trusted profiles of the account."""
    where = [_TABLE.account_id == request.query.get("account_id", unit.ctx.account_id)]
    if "name" in request.query:
        where.append(_TABLE.name == request.query["name"])
    envelope, found = by_token(unit, request, PROFILE, _SORTS, *where)
    return ProfilesWire(**envelope, profiles=with_history(unit, request, found, profile_wire))


def _create(unit: Unit, request: Request) -> ProfileWire:
    """Create a trusted profile."""
    body: CreateProfileBody = request.body
    own_account(unit, body.account_id)
    return profile_wire(service.create_profile(unit, body.name, body.description, body.email))


def _get(unit: Unit, request: Request) -> ProfileWire:
    """Get a trusted profile."""
    return with_history(unit, request, [request.granted.it], profile_wire)[0]


def _update(unit: Unit, request: Request) -> ProfileWire:
    """Change a trusted profile."""
    old = request.granted.it
    revision = if_match(request, entity_tag(old.id, old.revision), old.revision)
    changes = given(request.body, "name", "description", "email")
    return profile_wire(service.change_profile(unit, request.granted, revision, **changes))


def _delete(unit: Unit, request: Request) -> None:
    """Delete a trusted profile with all that hangs on it."""
    service.delete_profile(unit, request.granted)


def _shown(unit: Unit, profile_id: str) -> IdentitiesWire:
    profile = find(unit, PROFILE, profile_id)
    rows = service.identities_of(unit, profile)
    tag = entity_tag(profile.id, profile.revision)
    return IdentitiesWire(entity_tag=tag, identities=[identity_wire(row) for row in rows])


def _noted(unit: Unit, request: Request) -> None:
    note(unit, request.granted.it.id, "update", ["identities"])


def _identities(unit: Unit, request: Request) -> IdentitiesWire:
    """List who may put a trusted profile on."""
    return _shown(unit, request.granted.it.id)


def _set_identities(unit: Unit, request: Request) -> IdentitiesWire:
    """Set who may put a trusted profile on."""
    profile, body = request.granted.it, request.body
    if_match(request, entity_tag(profile.id, profile.revision), profile.revision)
    if len(body.identities) > _MOST:
        raise invalid("bad_request", f"At most {_MOST} identities can be named.", "identities")
    service.distrust(unit, request.granted)
    for one in body.identities:
        service.trust(unit, request.granted, one.type, one.identifier, one.accounts, one.description)
    _noted(unit, request)
    return _shown(unit, profile.id)


def _add_identity(unit: Unit, request: Request) -> IdentityWire:
    """Let an identity put a trusted profile on."""
    body: IdentityBody = request.body
    if request.params["identity_type"] != body.type:
        raise invalid("bad_request", "The type is not the one of the path.", "type")
    row = service.trust(unit, request.granted, body.type, body.identifier, body.accounts, body.description)
    _noted(unit, request)
    return identity_wire(row)


def _identity(unit: Unit, request: Request) -> IdentityWire:
    """Get one of those who may put a trusted profile on."""
    params = request.params
    row = service.one_identity(unit, request.granted.it, params["identity_type"], params["identifier_id"])
    return identity_wire(row)


def _drop_identity(unit: Unit, request: Request) -> None:
    """Let an identity put a trusted profile on no more."""
    service.distrust(unit, request.granted, request.params["identity_type"], request.params["identifier_id"])
    _noted(unit, request)


def routes() -> tuple[Route, ...]:
    many, one = "/v1/profiles", "/v1/profiles/{profile_id}"
    identities = f"{one}/identities"
    typed = f"{identities}/{{identity_type}}"
    named, param = f"{typed}/{{identifier_id}}", "profile_id"
    read = access.item(PROFILE, param=param)
    change = access.item(PROFILE, "iam-identity.profile.update", param)
    drop = access.item(PROFILE, "iam-identity.profile.delete", param)
    trust = access.item(PROFILE, TRUST, param)
    make = access.create("iam-identity.profile.create")
    shown: dict[str, Any] = {"family": IDENTITY, "answer": ProfileWire}
    whom: dict[str, Any] = {"family": IDENTITY, "answer": IdentityWire}
    all_: dict[str, Any] = {"family": IDENTITY, "answer": IdentitiesWire}
    return (
        route("GET", many, _list, family=IDENTITY, access=access.listing(PROFILE), answer=ProfilesWire),
        route("POST", many, _create, access=make, body=CreateProfileBody, status=201, **shown),
        route("GET", one, _get, access=read, **shown),
        route("PUT", one, _update, access=change, body=UpdateProfileBody, **shown),
        route("DELETE", one, _delete, family=IDENTITY, access=drop, status=204),
        route("GET", identities, _identities, access=read, **all_),
        route("PUT", identities, _set_identities, access=trust, body=IdentitiesBody, **all_),
        route("POST", typed, _add_identity, access=trust, body=IdentityBody, **whom),
        route("GET", named, _identity, access=read, **whom),
        route("DELETE", named, _drop_identity, family=IDENTITY, access=trust, status=204),
    )
