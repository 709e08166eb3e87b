"""`/v1/apikeys`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, changing, reading, removing
from kunsthalle.api.request import Request, header_flag
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import IDENTITY
from kunsthalle.core.errors import invalid
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.iam import api_keys as service
from kunsthalle.iam.history import Created, histories
from kunsthalle.iam.iam_pagination import HistoryParameters, TokenParameters, by_token, given, matched
from kunsthalle.iam.identity_settings import Restrictable
from kunsthalle.iam.models import ApiKey
from kunsthalle.iam.queries import key_by_secret
from kunsthalle.iam.resources import API_KEY
from kunsthalle.iam.schemas_identities import (
    ApiKeyResponse,
    ApiKeysResponse,
    CreateApiKeyRequest,
    UpdateApiKeyRequest,
    history_response,
    key_response,
)
from kunsthalle.iam.tokens import Tokens

M = TypeVar("M", bound=Created)
W = TypeVar("W")
_TABLE = API_KEY.table.c
_SORTS = {name: _TABLE[name] for name in ("created_at", "name", "description", "created_by")}
_SERVICE = _TABLE.iam_id.startswith("iam-ServiceId-", autoescape=True)


def prototype(body: Any) -> service.KeyPrototype:
    """The key that a body asks for."""
    return service.KeyPrototype(
        name=body.name,
        description=body.description,
        secret=body.apikey,
        expires_at=body.expires_at,
        support_sessions=bool(getattr(body, "support_sessions", False)),
        action_when_leaked=body.action_when_leaked or "none",
        store_value=bool(body.store_value),
    )


def with_history(
    session: Session, query: HistoryParameters | None, resources: Sequence[M], wire: Callable[..., W]
) -> list[W]:
    """Return resources as answers show them, each with its history where `include_history` asks for it."""
    if query is None or not query.include_history:
        return [wire(resource) for resource in resources]
    records = histories(session, resources)
    return [wire(resource, history=history_response(records[resource.id])) for resource in resources]


class ApiKeysParameters(TokenParameters, frozen=True):
    """Of the list of API keys."""

    iam_id: Annotated[str | None, Meta(description="Only keys of the identity with this IAM ID.")] = None
    scope: Annotated[
        Literal["entity", "account"],
        Meta(description="Whether keys of one identity, or all that may be seen in the account, are listed."),
    ] = "entity"
    type: Annotated[Literal["user", "serviceid"] | None, Meta(description="Only keys of users, or of service IDs.")] = (
        None
    )
    sort: Annotated[
        Literal["created_at", "name", "description", "created_by"], Meta(description="What the list is sorted by.")
    ] = "created_at"


def _filters(session: Session, query: ApiKeysParameters) -> list[Any]:
    """`scope=entity` is one identity (the caller, unless named), `scope=account` every key that may be seen."""
    where = [_TABLE.account_id == (query.account_id or session.ctx.account_id)]
    if query.iam_id is not None or query.scope == "entity":
        where.append(_TABLE.iam_id == (query.iam_id or session.ctx.actor.iam_id))
    if query.type is not None:
        where.append(_SERVICE if query.type == "serviceid" else ~_SERVICE)
    return where


def _list(session: Session, request: Request, query: ApiKeysParameters) -> ApiKeysResponse:
    """List API keys: the caller's own, unless another's are asked for and may be seen."""
    envelope, rows = by_token(session, request, query, API_KEY, _SORTS[query.sort], *_filters(session, query))
    return ApiKeysResponse(**envelope, apikeys=with_history(session, query, rows, key_response))


def _create(session: Session, request: Request) -> ApiKeyResponse:
    """Create an API key; its secret is in this answer and, unless it is stored, nowhere else."""
    body: CreateApiKeyRequest = request.body
    locked, disabled = header_flag(request, "Entity-Lock"), header_flag(request, "Entity-Disable")
    key_prototype = replace(prototype(body), locked=locked, disabled=disabled)
    key, secret = service.make_key(session, body.account_id or session.ctx.account_id, body.iam_id, key_prototype)
    return key_response(key, secret)


def _details(session: Session, request: Request, query: HistoryParameters) -> ApiKeyResponse:
    """Get the key whose secret is in the header `IAM-ApiKey`."""
    key = key_by_secret(session, request.headers.get("iam-apikey", ""))
    if key is None or key.account_id != session.ctx.account_id:
        text = "The header IAM-ApiKey holds no API key of this account."
        raise invalid("bad_request", text, "IAM-ApiKey", type_="header")
    return _shown(key, session, query)


def _shown(key: ApiKey, session: Session, query: HistoryParameters | None = None) -> ApiKeyResponse:
    shown = partial(key_response, secret=service.value_of(session, key))
    return with_history(session, query, [key], shown)[0]


def _change(session: Session, key: Authorized[ApiKey], body: UpdateApiKeyRequest, revision: int | None) -> ApiKey:
    names = ("name", "description", "support_sessions", "action_when_leaked", "expires_at")
    return service.change_key(session, key, revision, **given(body, *names))


def _lock(session: Session, _request: Request, key: Authorized[ApiKey]) -> None:
    """Lock an API key: it is neither changed nor removed, and nothing is renewed by it."""
    service.set_locked(session, key, True)


def _unlock(session: Session, _request: Request, key: Authorized[ApiKey]) -> None:
    """Unlock an API key."""
    service.set_locked(session, key, False)


def _enable(session: Session, _request: Request, key: Authorized[ApiKey]) -> None:
    """Enable an API key."""
    service.set_disabled(session, key, False)


def _disable(tokens: Tokens, session: Session, _request: Request, key: Authorized[ApiKey]) -> None:
    """Disable an API key: it gets no tokens, and its tokens end."""
    service.set_disabled(session, key, True)
    session.after_commit(partial(tokens.forget, key.resource.id))


def _delete(tokens: Tokens, session: Session, key: Authorized[ApiKey]) -> None:
    service.delete_api_key(session, key)
    session.after_commit(partial(tokens.forget, key.resource.id))


RESOURCE = Resource(
    API_KEY,
    "/v1/apikeys",
    _shown,
    ApiKeyResponse,
    surface=IDENTITY,
    # Whoever sees a key may do all that: the service says of whose keys that is not so.
    actions={"update": API_KEY.read, "delete": API_KEY.read},
    expected=matched,
)


def routes(tokens: Tokens) -> tuple[Route, ...]:
    many, item_path = "/v1/apikeys", "/v1/apikeys/{id}"
    item, member = RESOURCE.on_one(), access.member("iam-identity.apikey.get")
    make = Restrictable("iam-identity.apikey.create", setting="restrict_create_platform_apikey", open_by_default=True)
    disable = partial(_disable, tokens)
    return (
        route(
            "GET",
            many,
            _list,
            surface=IDENTITY,
            access=access.listing(API_KEY),
            answer=ApiKeysResponse,
            query=ApiKeysParameters,
        ),
        route(
            "POST",
            many,
            _create,
            surface=IDENTITY,
            access=make,
            body=CreateApiKeyRequest,
            answer=ApiKeyResponse,
            status=201,
        ),
        route(
            "GET",
            f"{many}/details",
            _details,
            surface=IDENTITY,
            access=member,
            answer=ApiKeyResponse,
            query=HistoryParameters,
        ),
        reading(RESOURCE, "Get an API key, with its value where that is stored.", HistoryParameters),
        changing(RESOURCE, "Change an API key.", _change, UpdateApiKeyRequest, method="PUT"),
        removing(RESOURCE, "Delete an API key.", partial(_delete, tokens)),
        route("POST", f"{item_path}/lock", _lock, surface=IDENTITY, access=item, status=204),
        route("DELETE", f"{item_path}/lock", _unlock, surface=IDENTITY, access=item, status=204),
        route("POST", f"{item_path}/disable", disable, surface=IDENTITY, access=item, status=204),
        route("DELETE", f"{item_path}/disable", _enable, surface=IDENTITY, access=item, status=204),
    )
