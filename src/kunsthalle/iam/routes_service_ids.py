"""`/v1/serviceids` and the account's settings of identities."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, changing, reading, removing
from kunsthalle.api.request import Request, header_flag
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import IDENTITY
from kunsthalle.core.errors import invalid
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.iam import service_ids as service
from kunsthalle.iam.history import changes_of
from kunsthalle.iam.iam_pagination import HistoryParameters, TokenParameters, by_token, given, if_match, matched
from kunsthalle.iam.identity_settings import OwnAccount, Restrictable, change_settings, settings_of
from kunsthalle.iam.models import ServiceId, entity_tag
from kunsthalle.iam.resources import SERVICE_ID
from kunsthalle.iam.routes_api_keys import prototype, with_history
from kunsthalle.iam.schemas_identities import (
    CreateServiceIdRequest,
    EffectiveSettingsResponse,
    ServiceIdResponse,
    ServiceIdsResponse,
    SettingsResponse,
    UpdateServiceIdRequest,
    UpdateSettingsRequest,
    history_response,
    key_response,
    service_id_response,
    settings_response,
)
from kunsthalle.iam.tokens import Tokens

_TABLE = SERVICE_ID.table.c
_SORTS = {name: _TABLE[name] for name in ("created_at", "name", "description", "modified_at")}


class NamedIdentityParameters(TokenParameters, frozen=True):
    """Of the lists of service IDs and of trusted profiles."""

    name: Annotated[str | None, Meta(description="Only identities of exactly this name.")] = None
    sort: Annotated[
        Literal["created_at", "name", "description", "modified_at"], Meta(description="What the list is sorted by.")
    ] = "created_at"


def _list(session: Session, request: Request, query: NamedIdentityParameters) -> ServiceIdsResponse:
    """List the service IDs of the account."""
    where = [_TABLE.account_id == (query.account_id or session.ctx.account_id)]
    if query.name is not None:
        where.append(_TABLE.name == query.name)
    envelope, rows = by_token(session, request, query, SERVICE_ID, _SORTS[query.sort], *where)
    return ServiceIdsResponse(**envelope, serviceids=with_history(session, query, rows, service_id_response))


def own_account(session: Session, account_id: str | None) -> None:
    """400 for making something in an account that is not the caller's, which it is where none is named."""
    if account_id is not None and account_id != session.ctx.account_id:
        raise invalid("bad_request", "The account must be the caller's own.", "account_id")


def _create(session: Session, request: Request) -> ServiceIdResponse:
    """Create a service ID, with a key if one is asked for."""
    body: CreateServiceIdRequest = request.body
    own_account(session, body.account_id)
    key = None if body.apikey is None else prototype(body.apikey)
    locked = header_flag(request, "Entity-Lock")
    crns = body.unique_instance_crns
    made, minted = service.create_service_id(session, body.name, body.description, crns, is_locked=locked, key=key)
    return service_id_response(made, None if minted is None else key_response(*minted))


def _shown(service_id: ServiceId, session: Session, query: HistoryParameters | None = None) -> ServiceIdResponse:
    return with_history(session, query, [service_id], service_id_response)[0]


def _change(
    session: Session, service_id: Authorized[ServiceId], body: UpdateServiceIdRequest, revision: int | None
) -> ServiceId:
    changes = given(body, "name", "description", "unique_instance_crns")
    return service.change_service_id(session, service_id, revision, **changes)


def _delete(tokens: Tokens, session: Session, service_id: Authorized[ServiceId]) -> None:
    for key_id in service.delete_service_id(session, service_id):
        session.after_commit(partial(tokens.forget, key_id))


def _lock(session: Session, _request: Request, service_id: Authorized[ServiceId]) -> None:
    """Lock a service ID: it is neither changed nor removed."""
    service.set_service_id_locked(session, service_id, True)


def _unlock(session: Session, _request: Request, service_id: Authorized[ServiceId]) -> None:
    """Unlock a service ID."""
    service.set_service_id_locked(session, service_id, False)


def _settings(session: Session, request: Request, query: HistoryParameters) -> SettingsResponse:  # noqa: ARG001  a handler's shape
    """Get the account's settings of identities."""
    return _own_settings(session, query)


def _own_settings(session: Session, query: HistoryParameters) -> SettingsResponse:
    account_id = session.ctx.account_id
    history = history_response(changes_of(session, account_id)) if query.include_history else UNSET
    return settings_response(account_id, *settings_of(session, account_id), history)


def _effective(session: Session, request: Request, query: HistoryParameters) -> EffectiveSettingsResponse:  # noqa: ARG001  as above
    """Get the settings that hold for the account."""
    account_id = session.ctx.account_id
    known, _ = settings_of(session, account_id)
    effective = {name: value for name, value in known.items() if name != "restrict_user_domains"}
    return EffectiveSettingsResponse(account_id=account_id, effective=effective, account=_own_settings(session, query))


def _set(session: Session, request: Request) -> SettingsResponse:
    """Change the account's settings of identities."""
    account_id = session.ctx.account_id
    revision = settings_of(session, account_id)[1]
    as_read = if_match(request, entity_tag(account_id, revision), revision)
    change_settings(session, as_read, given(request.body, *UpdateSettingsRequest.__struct_fields__))
    return settings_response(account_id, *settings_of(session, account_id))


RESOURCE = Resource(SERVICE_ID, "/v1/serviceids", _shown, ServiceIdResponse, surface=IDENTITY, expected=matched)


def _settings_routes() -> tuple[Route, ...]:
    path, effective = "/v1/accounts/{account_id}/settings/identity", "effective_settings/identity"
    read = OwnAccount("iam-identity.account-settings.read")
    change = OwnAccount("iam-identity.account-settings.update")
    return (
        route("GET", path, _settings, surface=IDENTITY, access=read, answer=SettingsResponse, query=HistoryParameters),
        route("PUT", path, _set, surface=IDENTITY, access=change, body=UpdateSettingsRequest, answer=SettingsResponse),
        route(
            "GET",
            f"/v1/accounts/{{account_id}}/{effective}",
            _effective,
            surface=IDENTITY,
            access=read,
            answer=EffectiveSettingsResponse,
            query=HistoryParameters,
        ),
    )


def routes(tokens: Tokens) -> tuple[Route, ...]:
    many, item_path = "/v1/serviceids", "/v1/serviceids/{id}"
    make = Restrictable("iam-identity.serviceid.create", setting="restrict_create_service_id")
    change = RESOURCE.on_one("update")
    created: dict[str, Any] = {"body": CreateServiceIdRequest, "answer": ServiceIdResponse, "status": 201}
    lists = access.listing(SERVICE_ID)
    again = "Create a service ID, with a key if one is asked for, at the path that the SDKs call."
    # The SDKs call the collection with a slash at its end.
    return (
        *(
            route(
                "GET",
                path,
                _list,
                surface=IDENTITY,
                access=lists,
                answer=ServiceIdsResponse,
                query=NamedIdentityParameters,
                summary=summary,
            )
            for path, summary in (
                (many, "List the service IDs of the account."),
                (f"{many}/", "List the service IDs of the account, at the path that the SDKs call."),
            )
        ),
        route("POST", many, _create, surface=IDENTITY, access=make, **created),
        route("POST", f"{many}/", _create, surface=IDENTITY, access=make, summary=again, **created),
        reading(RESOURCE, "Get a service ID.", HistoryParameters),
        changing(RESOURCE, "Change a service ID.", _change, UpdateServiceIdRequest, method="PUT"),
        removing(RESOURCE, "Delete a service ID with its keys, policies and memberships.", partial(_delete, tokens)),
        route("POST", f"{item_path}/lock", _lock, surface=IDENTITY, access=change, status=204),
        route("DELETE", f"{item_path}/lock", _unlock, surface=IDENTITY, access=change, status=204),
        *_settings_routes(),
    )
