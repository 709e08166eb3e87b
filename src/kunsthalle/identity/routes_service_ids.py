"""`/v1/serviceids` and the account's settings of identities."""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec import UNSET

from kunsthalle.api import access
from kunsthalle.api.families.iam import IDENTITY
from kunsthalle.api.request import Request, header_flag
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import invalid
from kunsthalle.identity import service_ids as service
from kunsthalle.identity.history import changes_of
from kunsthalle.identity.kinds import SERVICE_ID
from kunsthalle.identity.model import entity_tag
from kunsthalle.identity.paging import by_token, flag, given, if_match
from kunsthalle.identity.routes_keys import ending, prototype, with_history
from kunsthalle.identity.settings import OwnAccount, Restrictable, change_settings, settings_of
from kunsthalle.identity.tokens import Tokens
from kunsthalle.identity.wire_keys import (
    CreateServiceIdBody,
    EffectiveSettingsWire,
    ServiceIdsWire,
    ServiceIdWire,
    SettingsWire,
    UpdateServiceIdBody,
    UpdateSettingsBody,
    history_wire,
    key_wire,
    service_id_wire,
    settings_wire,
)
from kunsthalle.store.unit import Unit

_TABLE = SERVICE_ID.table.c
_SORTS = {name: _TABLE[name] for name in ("created_at", "name", "description", "modified_at")}


def _list(unit: Unit, request: Request) -> ServiceIdsWire:
    """List the service IDs of the account."""
    where = [_TABLE.account_id == request.query.get("account_id", unit.ctx.account_id)]
    if "name" in request.query:
        where.append(_TABLE.name == request.query["name"])
    envelope, found = by_token(unit, request, SERVICE_ID, _SORTS, *where)
    return ServiceIdsWire(**envelope, serviceids=with_history(unit, request, found, service_id_wire))


def own_account(unit: Unit, account_id: str) -> None:
    """400 for making something in an account that is not the caller's."""
    if account_id != unit.ctx.account_id:
        raise invalid("bad_request", "The account must be the caller's own.", "account_id")


def _create(unit: Unit, request: Request) -> ServiceIdWire:
    """Create a service ID, with a key if one is asked for."""
    body: CreateServiceIdBody = request.body
    own_account(unit, body.account_id)
    wanted = None if body.apikey is None else prototype(body.apikey)
    locked = header_flag(request, "Entity-Lock")
    crns = body.unique_instance_crns
    made, minted = service.create_service_id(unit, body.name, body.description, crns, is_locked=locked, key=wanted)
    return service_id_wire(made, None if minted is None else key_wire(*minted))


def _get(unit: Unit, request: Request) -> ServiceIdWire:
    """Get a service ID."""
    return with_history(unit, request, [request.granted.it], service_id_wire)[0]


def _update(unit: Unit, request: Request) -> ServiceIdWire:
    """Change a service ID."""
    one = request.granted.it
    revision = if_match(request, entity_tag(one.id, one.revision), one.revision)
    changes = given(request.body, "name", "description", "unique_instance_crns")
    return service_id_wire(service.change_service_id(unit, request.granted, revision, **changes))


def _delete(tokens: Tokens, unit: Unit, request: Request) -> None:
    for key_id in service.delete_service_id(unit, request.granted):
        unit.after_commit(partial(tokens.forget, key_id))


def _lock(unit: Unit, request: Request) -> None:
    """Lock a service ID: it is neither changed nor removed."""
    service.set_service_id_locked(unit, request.granted, True)


def _unlock(unit: Unit, request: Request) -> None:
    """Unlock a service ID."""
    service.set_service_id_locked(unit, request.granted, False)


def _settings(unit: Unit, request: Request) -> SettingsWire:
    """Get the account's settings of identities."""
    return _own_settings(unit, request)


def _own_settings(unit: Unit, request: Request) -> SettingsWire:
    account_id = unit.ctx.account_id
    history = history_wire(changes_of(unit, account_id)) if flag(request, "include_history") else UNSET
    return settings_wire(account_id, *settings_of(unit, account_id), history)


def _effective(unit: Unit, request: Request) -> EffectiveSettingsWire:
    """Get the settings that hold for the account."""
    account_id = unit.ctx.account_id
    known, _ = settings_of(unit, account_id)
    effective = {name: value for name, value in known.items() if name != "restrict_user_domains"}
    return EffectiveSettingsWire(account_id=account_id, effective=effective, account=_own_settings(unit, request))


def _set(unit: Unit, request: Request) -> SettingsWire:
    """Change the account's settings of identities."""
    account_id = unit.ctx.account_id
    revision = settings_of(unit, account_id)[1]
    as_read = if_match(request, entity_tag(account_id, revision), revision)
    change_settings(unit, as_read, given(request.body, *UpdateSettingsBody.__struct_fields__))
    return settings_wire(account_id, *settings_of(unit, account_id))


def _settings_routes() -> tuple[Route, ...]:
    path, effective = "/v1/accounts/{account_id}/settings/identity", "effective_settings/identity"
    read = OwnAccount("iam-identity.account-settings.read")
    change = OwnAccount("iam-identity.account-settings.update")
    return (
        route("GET", path, _settings, family=IDENTITY, access=read, answer=SettingsWire),
        route("PUT", path, _set, family=IDENTITY, access=change, body=UpdateSettingsBody, answer=SettingsWire),
        route(
            "GET",
            f"/v1/accounts/{{account_id}}/{effective}",
            _effective,
            family=IDENTITY,
            access=read,
            answer=EffectiveSettingsWire,
        ),
    )


def routes(tokens: Tokens) -> tuple[Route, ...]:
    many, one = "/v1/serviceids", "/v1/serviceids/{id}"
    make = Restrictable("iam-identity.serviceid.create", setting="restrict_create_service_id")
    change = access.item(SERVICE_ID, "iam-identity.serviceid.update")
    drop = access.item(SERVICE_ID, "iam-identity.serviceid.delete")
    read = access.item(SERVICE_ID)
    delete = ending(_delete, tokens, "Delete a service ID with its keys, policies and memberships.")
    created: dict[str, Any] = {"body": CreateServiceIdBody, "answer": ServiceIdWire, "status": 201}
    shown: dict[str, Any] = {"answer": ServiceIdWire}
    lists = access.listing(SERVICE_ID)
    # The SDKs call the collection with a slash at its end.
    return (
        route("GET", many, _list, family=IDENTITY, access=lists, answer=ServiceIdsWire),
        route("GET", f"{many}/", _list, family=IDENTITY, access=lists, answer=ServiceIdsWire),
        route("POST", many, _create, family=IDENTITY, access=make, **created),
        route("POST", f"{many}/", _create, family=IDENTITY, access=make, **created),
        route("GET", one, _get, family=IDENTITY, access=read, **shown),
        route("PUT", one, _update, family=IDENTITY, access=change, body=UpdateServiceIdBody, **shown),
        route("DELETE", one, delete, family=IDENTITY, access=drop, status=204),
        route("POST", f"{one}/lock", _lock, family=IDENTITY, access=change, status=204),
        route("DELETE", f"{one}/lock", _unlock, family=IDENTITY, access=change, status=204),
        *_settings_routes(),
    )
