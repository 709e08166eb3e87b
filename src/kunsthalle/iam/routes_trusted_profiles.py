"""`/v1/profiles`: trusted profiles and who may put them on."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, changing, making, reading, removing
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import IDENTITY
from kunsthalle.core.errors import invalid
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, find
from kunsthalle.iam import trusted_profiles as service
from kunsthalle.iam.history import note
from kunsthalle.iam.iam_pagination import HistoryParameters, by_token, given, if_match, matched
from kunsthalle.iam.models import Profile, entity_tag
from kunsthalle.iam.resources import PROFILE
from kunsthalle.iam.routes_api_keys import with_history
from kunsthalle.iam.routes_service_ids import NamedIdentityParameters, own_account
from kunsthalle.iam.schemas_trusted_profiles import (
    CreateProfileRequest,
    IdentitiesRequest,
    IdentitiesResponse,
    IdentityRequest,
    IdentityResponse,
    ProfileResponse,
    ProfilesResponse,
    UpdateProfileRequest,
    identity_response,
    profile_response,
)

TRUST = "iam-identity.profile-trust.update"
_TABLE = PROFILE.table.c
_SORTS = {name: _TABLE[name] for name in ("created_at", "name", "description", "modified_at")}
_MOST = 50


def _list(session: Session, request: Request, query: NamedIdentityParameters) -> ProfilesResponse:
    """List the trusted profiles of the account."""
    where = [_TABLE.account_id == (query.account_id or session.ctx.account_id)]
    if query.name is not None:
        where.append(_TABLE.name == query.name)
    envelope, rows = by_token(session, request, query, PROFILE, _SORTS[query.sort], *where)
    return ProfilesResponse(**envelope, profiles=with_history(session, query, rows, profile_response))


def _create(session: Session, body: CreateProfileRequest) -> Profile:
    own_account(session, body.account_id)
    return service.create_profile(session, body.name, body.description, body.email)


def _response(profile: Profile, session: Session, query: HistoryParameters | None = None) -> ProfileResponse:
    return with_history(session, query, [profile], profile_response)[0]


def _change(
    session: Session, profile: Authorized[Profile], body: UpdateProfileRequest, revision: int | None
) -> Profile:
    return service.change_profile(session, profile, revision, **given(body, "name", "description", "email"))


RESOURCE = Resource(
    PROFILE, "/v1/profiles", _response, ProfileResponse, surface=IDENTITY, param="profile_id", expected=matched
)


def _shown(session: Session, profile_id: str) -> IdentitiesResponse:
    profile = find(session, PROFILE, profile_id)
    rows = service.identities_of(session, profile)
    tag = entity_tag(profile.id, profile.revision)
    return IdentitiesResponse(entity_tag=tag, identities=[identity_response(row) for row in rows])


def _noted(session: Session, profile: Profile) -> None:
    note(session, profile.id, "update", ["identities"])


def _identities(session: Session, _request: Request, profile: Profile) -> IdentitiesResponse:
    """List who may put a trusted profile on."""
    return _shown(session, profile.id)


def _set_identities(session: Session, request: Request, authorized: Authorized[Profile]) -> IdentitiesResponse:
    """Set who may put a trusted profile on."""
    profile, body = authorized.resource, request.body
    if_match(request, entity_tag(profile.id, profile.revision), profile.revision)
    if len(body.identities) > _MOST:
        raise invalid("bad_request", f"At most {_MOST} identities can be named.", "identities")
    service.distrust(session, authorized)
    for identity in body.identities:
        service.trust(session, authorized, identity.type, identity.identifier, identity.accounts, identity.description)
    _noted(session, profile)
    return _shown(session, profile.id)


def _add_identity(session: Session, request: Request, profile: Authorized[Profile]) -> IdentityResponse:
    """Let an identity put a trusted profile on."""
    body: IdentityRequest = request.body
    if request.params["identity_type"] != body.type:
        raise invalid("bad_request", "The type is not the one of the path.", "type")
    row = service.trust(session, profile, body.type, body.identifier, body.accounts, body.description)
    _noted(session, profile.resource)
    return identity_response(row)


def _identity(session: Session, request: Request, profile: Profile) -> IdentityResponse:
    """Get one of those who may put a trusted profile on."""
    params = request.params
    row = service.one_identity(session, profile, params["identity_type"], params["identifier_id"])
    return identity_response(row)


def _drop_identity(session: Session, request: Request, profile: Authorized[Profile]) -> None:
    """Let an identity put a trusted profile on no more."""
    service.distrust(session, profile, request.params["identity_type"], request.params["identifier_id"])
    _noted(session, profile.resource)


def routes() -> tuple[Route, ...]:
    many, item_path = "/v1/profiles", "/v1/profiles/{profile_id}"
    identities = f"{item_path}/identities"
    typed = f"{identities}/{{identity_type}}"
    named, param = f"{typed}/{{identifier_id}}", "profile_id"
    read = access.item(PROFILE, param=param)
    trust = access.item(PROFILE, TRUST, param)
    whom: dict[str, Any] = {"surface": IDENTITY, "answer": IdentityResponse}
    all_: dict[str, Any] = {"surface": IDENTITY, "answer": IdentitiesResponse}
    return (
        route(
            "GET",
            many,
            _list,
            surface=IDENTITY,
            access=access.listing(PROFILE),
            answer=ProfilesResponse,
            query=NamedIdentityParameters,
        ),
        making(RESOURCE, "Create a trusted profile.", _create, CreateProfileRequest),
        reading(RESOURCE, "Get a trusted profile.", HistoryParameters),
        changing(RESOURCE, "Change a trusted profile.", _change, UpdateProfileRequest, method="PUT"),
        removing(RESOURCE, "Delete a trusted profile with all that hangs on it.", service.delete_profile),
        route("GET", identities, _identities, access=read, **all_),
        route("PUT", identities, _set_identities, access=trust, body=IdentitiesRequest, **all_),
        route("POST", typed, _add_identity, access=trust, body=IdentityRequest, **whom),
        route("GET", named, _identity, access=read, **whom),
        route("DELETE", named, _drop_identity, surface=IDENTITY, access=trust, status=204),
    )
