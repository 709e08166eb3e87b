"""`/v1/apikeys`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from kunsthalle.api import access
from kunsthalle.api.families.iam import IDENTITY
from kunsthalle.api.request import Request, header_flag
from kunsthalle.api.routing import Call, Route, route
from kunsthalle.core.errors import Problem, Reason, Target, invalid
from kunsthalle.identity import keys as service
from kunsthalle.identity.history import Created, histories
from kunsthalle.identity.kinds import API_KEY
from kunsthalle.identity.model import entity_tag
from kunsthalle.identity.paging import by_token, choice, flag, given, if_match
from kunsthalle.identity.queries import key_by_secret
from kunsthalle.identity.settings import Restrictable
from kunsthalle.identity.tokens import Tokens
from kunsthalle.identity.wire_keys import (
    ApiKeysWire,
    ApiKeyWire,
    CreateApiKeyBody,
    UpdateApiKeyBody,
    history_wire,
    key_wire,
)
from kunsthalle.store.unit import Unit

M = TypeVar("M", bound=Created)
W = TypeVar("W")
_TABLE = API_KEY.table.c
_SORTS = {name: _TABLE[name] for name in ("created_at", "name", "description", "created_by")}
_SERVICE = _TABLE.iam_id.startswith("iam-ServiceId-", autoescape=True)


def prototype(body: Any) -> service.KeyPrototype:
    """The key that a body asks for. 501 for keeping a secret: only its hash is ever kept."""
    if body.store_value:
        text = "Secrets are not stored: only a hash of them is, and no answer shows them again."
        raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", text, Target("store_value"))
    return service.KeyPrototype(
        name=body.name,
        description=body.description,
        secret=body.apikey,
        expires_at=body.expires_at,
        support_sessions=bool(getattr(body, "support_sessions", False)),
        action_when_leaked=body.action_when_leaked or "none",
    )


def with_history(unit: Unit, request: Request, resources: Sequence[M], wire: Callable[..., W]) -> list[W]:
    """Return resources as answers show them, each with its history where `include_history` asks for it."""
    if not flag(request, "include_history"):
        return [wire(one) for one in resources]
    found = histories(unit, resources)
    return [wire(one, history=history_wire(found[one.id])) for one in resources]


def _filters(unit: Unit, request: Request) -> list[Any]:
    """`scope=entity` is one identity (the caller, unless named), `scope=account` every key that may be seen."""
    account = request.query.get("account_id", unit.ctx.account_id)
    where = [_TABLE.account_id == account]
    scope = choice(request, "scope", ("entity", "account"), "entity")
    if "iam_id" in request.query or scope == "entity":
        where.append(_TABLE.iam_id == request.query.get("iam_id", unit.ctx.actor.iam_id))
    if "type" in request.query:
        where.append(_SERVICE if choice(request, "type", ("user", "serviceid"), "user") == "serviceid" else ~_SERVICE)
    return where


def _list(unit: Unit, request: Request) -> ApiKeysWire:
    """List API keys: the caller's own, unless another's are asked for and may be seen."""
    envelope, found = by_token(unit, request, API_KEY, _SORTS, *_filters(unit, request))
    return ApiKeysWire(**envelope, apikeys=with_history(unit, request, found, key_wire))


def _create(unit: Unit, request: Request) -> ApiKeyWire:
    """Create an API key; its secret is in this answer and nowhere else."""
    body: CreateApiKeyBody = request.body
    locked, disabled = header_flag(request, "Entity-Lock"), header_flag(request, "Entity-Disable")
    wanted = replace(prototype(body), locked=locked, disabled=disabled)
    key, secret = service.make_key(unit, body.account_id or unit.ctx.account_id, body.iam_id, wanted)
    return key_wire(key, secret)


def _details(unit: Unit, request: Request) -> ApiKeyWire:
    """Get the key whose secret is in the header `IAM-ApiKey`."""
    key = key_by_secret(unit, request.headers.get("iam-apikey", ""))
    if key is None or key.account_id != unit.ctx.account_id:
        text = "The header IAM-ApiKey holds no API key of this account."
        raise invalid("bad_request", text, "IAM-ApiKey", type_="header")
    return with_history(unit, request, [key], key_wire)[0]


def _get(unit: Unit, request: Request) -> ApiKeyWire:
    """Get an API key."""
    return with_history(unit, request, [request.granted.it], key_wire)[0]


def _update(unit: Unit, request: Request) -> ApiKeyWire:
    """Change an API key."""
    key = request.granted.it
    revision = if_match(request, entity_tag(key.id, key.revision), key.revision)
    names = ("name", "description", "support_sessions", "action_when_leaked", "expires_at")
    return key_wire(service.change_key(unit, request.granted, revision, **given(request.body, *names)))


def _lock(unit: Unit, request: Request) -> None:
    """Lock an API key: it is neither changed nor removed, and nothing is renewed by it."""
    service.set_locked(unit, request.granted, True)


def _unlock(unit: Unit, request: Request) -> None:
    """Unlock an API key."""
    service.set_locked(unit, request.granted, False)


def _enable(unit: Unit, request: Request) -> None:
    """Enable an API key."""
    service.set_disabled(unit, request.granted, False)


def _disable(tokens: Tokens, unit: Unit, request: Request) -> None:
    service.set_disabled(unit, request.granted, True)
    unit.after_commit(partial(tokens.forget, request.granted.it.id))


def _delete(tokens: Tokens, unit: Unit, request: Request) -> None:
    service.delete_api_key(unit, request.granted)
    unit.after_commit(partial(tokens.forget, request.granted.it.id))


def ending(call: Any, tokens: Tokens, text: str) -> Call:
    """A handler that ends what tokens are good for."""

    def handler(unit: Unit, request: Request) -> Any:
        return call(tokens, unit, request)

    handler.__doc__ = text
    return handler


def routes(tokens: Tokens) -> tuple[Route, ...]:
    many, one = "/v1/apikeys", "/v1/apikeys/{id}"
    item, mine = access.item(API_KEY), access.member("iam-identity.apikey.get")
    make = Restrictable("iam-identity.apikey.create", setting="restrict_create_platform_apikey", open_by_default=True)
    disable = ending(_disable, tokens, "Disable an API key: it opens nothing, and what it has opened ends.")
    delete = ending(_delete, tokens, "Delete an API key.")
    return (
        route("GET", many, _list, family=IDENTITY, access=access.listing(API_KEY), answer=ApiKeysWire),
        route(
            "POST", many, _create, family=IDENTITY, access=make, body=CreateApiKeyBody, answer=ApiKeyWire, status=201
        ),
        route("GET", f"{many}/details", _details, family=IDENTITY, access=mine, answer=ApiKeyWire),
        route("GET", one, _get, family=IDENTITY, access=item, answer=ApiKeyWire),
        route("PUT", one, _update, family=IDENTITY, access=item, body=UpdateApiKeyBody, answer=ApiKeyWire),
        route("DELETE", one, delete, family=IDENTITY, access=item, status=204),
        route("POST", f"{one}/lock", _lock, family=IDENTITY, access=item, status=204),
        route("DELETE", f"{one}/lock", _unlock, family=IDENTITY, access=item, status=204),
        route("POST", f"{one}/disable", disable, family=IDENTITY, access=item, status=204),
        route("DELETE", f"{one}/disable", _enable, family=IDENTITY, access=item, status=204),
    )
