"""`/_kunsthalle/accounts` and `/_kunsthalle/api_keys`: the operator's way to a first account and a first key."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api import access
from kunsthalle.api.pagination import PLATFORM_PAGES, Key, next_page, next_url
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.iam.models import ApiKey
from kunsthalle.operator import accounts
from kunsthalle.operator.account_contents import routes as content_routes
from kunsthalle.operator.accounts import KEYS_PATH, PATH, AccountDetails, AccountPrototype, KeyMade

MOST_KEYS = 200
"""API keys on a page."""
_Text = Annotated[str, Meta(max_length=512)]


class AccountParameters(Parameters, frozen=True):
    """Which accounts are listed."""

    name: Annotated[str, Meta(description="Only accounts of this name.")] = ""


class KeyParameters(Parameters, frozen=True):
    """Whose API keys are listed."""

    account: Annotated[str, Meta(description="Id or name of the account.")]
    user: Annotated[str, Meta(description="Only keys of the user who signs in as this address.")] = ""
    start: Annotated[Key | None, next_page(PLATFORM_PAGES)] = None


class NewAccountRequest(RequestBody):
    """`owner` is the e-mail address that the owner signs in as. `enterprise` is a name or an id; `parent` the name,
    id or CRN of an account group.
    """

    name: _Text
    owner: _Text
    enterprise: _Text = ""
    parent: _Text = ""


class NewKeyRequest(RequestBody):
    """`account` is an id or a name, `user` the login of a user of it, or of somebody who was invited to it."""

    account: _Text
    user: _Text
    name: _Text = "made by the operator"


class NewKeyResponse(ResponseBody):
    """An API key with its secret, `api_key`, which no other answer shows. `user_state` is `PENDING` for somebody who
    was invited: until they accept, the key is good for that alone.
    """

    account_id: str
    account: str
    user: str
    iam_id: str
    user_state: str
    api_key_id: str
    api_key: str


class OperatorAccountResponse(ResponseBody):
    """An account; `enterprise` and `parent` are names, left out for an account outside any."""

    id: str
    name: str
    owner: str
    owner_iam_id: str
    created_at: str
    enterprise: str | UnsetType = UNSET
    parent: str | UnsetType = UNSET


class OperatorAccountsResponse(ResponseBody):
    """The accounts, oldest first."""

    accounts: list[OperatorAccountResponse]


class OperatorKeyResponse(ResponseBody):
    """An API key without its secret."""

    id: str
    account_id: str
    iam_id: str
    name: str
    locked: bool
    disabled: bool
    created_at: str
    expires_at: str | UnsetType = UNSET


class OperatorKeysResponse(ResponseBody):
    """A page of API keys, newest first."""

    api_keys: list[OperatorKeyResponse]
    next_url: str | UnsetType = UNSET


def made_response(made: KeyMade) -> NewKeyResponse:
    return NewKeyResponse(
        account_id=made.account.id,
        account=made.account.name,
        user=made.user.user_id,
        iam_id=made.user.iam_id,
        user_state=made.user.state,
        api_key_id=made.key.id,
        api_key=made.secret,
    )


def account_response(details: AccountDetails) -> OperatorAccountResponse:
    account = details.account
    return OperatorAccountResponse(
        id=account.id,
        name=account.name,
        owner=details.owner.user_id if details.owner else "",
        owner_iam_id=account.owner_iam_id,
        created_at=rfc3339(account.created_at),
        enterprise=details.enterprise.name if details.enterprise else UNSET,
        parent=details.group.name if details.group else UNSET,
    )


def key_response(key: ApiKey) -> OperatorKeyResponse:
    return OperatorKeyResponse(
        id=key.id,
        account_id=key.account_id,
        iam_id=key.iam_id,
        name=key.name,
        locked=key.locked,
        disabled=key.disabled,
        created_at=rfc3339(key.created_at),
        expires_at=UNSET if key.expires_at is None else rfc3339(key.expires_at),
    )


def prototype(body: NewAccountRequest) -> AccountPrototype:
    return AccountPrototype(body.name, body.owner, body.enterprise, body.parent)


def _create(session: Session, request: Request) -> NewKeyResponse:
    """Create an account with its owner and the owner's first API key."""
    return made_response(accounts.create_account(session, prototype(request.body)))


def _list(session: Session, _request: Request, query: AccountParameters) -> OperatorAccountsResponse:
    """List the accounts."""
    account_details = accounts.list_accounts(session, query.name)
    return OperatorAccountsResponse(accounts=[account_response(account) for account in account_details])


def _create_key(session: Session, request: Request) -> NewKeyResponse:
    """Create an API key of a user of an account, or the first one of somebody who was invited to it."""
    body: NewKeyRequest = request.body
    return made_response(accounts.create_key(session, body.account, body.user, body.name))


def _list_keys(session: Session, request: Request, query: KeyParameters) -> OperatorKeysResponse:
    """List the API keys of an account, or of one user of it."""
    here = accounts.find_account(session, query.account)
    keys = accounts.keys_of(session, here, query.user, query.start, MOST_KEYS)
    following = next_url(request, PLATFORM_PAGES, keys.last) or UNSET
    return OperatorKeysResponse(api_keys=[key_response(api_key) for api_key in keys.items], next_url=following)


def _revoke_key(session: Session, request: Request) -> OperatorKeyResponse:
    """Delete an API key; its tokens end."""
    return key_response(accounts.revoke_key(session, request.params["id"]))


def routes() -> tuple[Route, ...]:
    """Accounts: create, list, what they hold; API keys: create, list, revoke."""
    read, change = access.operator("kunsthalle.account.read"), access.operator(accounts.CREATE)
    keys, make, revoke = (
        access.operator("kunsthalle.api-key.read"),
        access.operator(accounts.CREATE_KEY),
        access.operator(accounts.REVOKE_KEY),
    )
    new, shown = NewKeyResponse, OperatorKeyResponse
    return (
        route(
            "GET",
            PATH,
            _list,
            surface=OPERATOR,
            access=read,
            query=AccountParameters,
            answer=OperatorAccountsResponse,
            long=True,
        ),
        route("POST", PATH, _create, surface=OPERATOR, access=change, body=NewAccountRequest, answer=new, status=201),
        route(
            "GET",
            KEYS_PATH,
            _list_keys,
            surface=OPERATOR,
            access=keys,
            query=KeyParameters,
            answer=OperatorKeysResponse,
        ),
        route(
            "POST", KEYS_PATH, _create_key, surface=OPERATOR, access=make, body=NewKeyRequest, answer=new, status=201
        ),
        route("DELETE", f"{KEYS_PATH}/{{id}}", _revoke_key, surface=OPERATOR, access=revoke, answer=shown),
        *content_routes(),
    )
