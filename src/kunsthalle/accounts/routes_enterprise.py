"""Enterprise Management: `/v1/enterprises`, `/v1/accounts`, `/v1/account-groups`."""

from __future__ import annotations

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from sqlalchemy import ColumnElement, false

from kunsthalle.accounts import enterprise_tree
from kunsthalle.accounts.identity_port import Identities
from kunsthalle.accounts.models import Account, AccountGroup, Enterprise
from kunsthalle.accounts.queries import way_down
from kunsthalle.accounts.resources import ACCOUNT, ACCOUNT_GROUP, ENTERPRISE, EVER_ACCOUNT, EVER_ACCOUNT_GROUP
from kunsthalle.accounts.schemas_enterprise import (
    AccountGroupResponse,
    AccountGroupsResponse,
    AccountMadeResponse,
    AccountResponse,
    AccountsResponse,
    CreateAccountRequest,
    CreateEnterpriseRequest,
    CreateGroupRequest,
    EnterpriseMadeResponse,
    EnterpriseResponse,
    EnterprisesResponse,
    GroupMadeResponse,
    ImportAccountRequest,
    MoveAccountRequest,
    UpdateEnterpriseRequest,
    UpdateGroupRequest,
    account_made_response,
    account_response,
    enterprise_response,
    group_response,
)
from kunsthalle.api import access
from kunsthalle.api.crud import Resource, changing_silently, making, reading, removing
from kunsthalle.api.pagination import ENTERPRISE_PAGES, Key, next_page, next_url, sized
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import PLATFORM
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import Problem
from kunsthalle.db.pages import page
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, ResourceType, find

M = TypeVar("M")
Where = list[ColumnElement[bool]]
MOST = 100


def _given(body: Any) -> dict[str, Any]:
    """The fields that a request sets."""
    return {name: value for name, value in msgspec.to_builtins(body).items() if value is not msgspec.UNSET}


def _seen(session: Session, kind: ResourceType[M], id_: str) -> M | None:
    try:
        return find(session, kind, id_)
    except Problem:
        return None


class PageParameters(Parameters, frozen=True):
    """Of every list of an enterprise."""

    next_docid: Annotated[Key | None, next_page(ENTERPRISE_PAGES)] = None
    limit: Annotated[int, sized(MOST)] = MOST


class EnterprisesParameters(PageParameters, frozen=True):
    """Of the list of enterprises."""

    enterprise_account_id: Annotated[
        str | None, Meta(description="Only the enterprise that this account administers.")
    ] = None
    account_id: Annotated[str | None, Meta(description="Only the enterprise that this account is in.")] = None
    account_group_id: Annotated[str | None, Meta(description="Only the enterprise that this account group is in.")] = (
        None
    )


class NodesParameters(PageParameters, frozen=True):
    """Of the lists of accounts and of account groups."""

    enterprise_id: Annotated[str | None, Meta(description="Only what is in this enterprise.")] = None
    parent: Annotated[str | None, Meta(description="Only what is right below the node with this CRN.")] = None
    include_deleted: Annotated[bool, Meta(description="Whether what was deleted is listed, too.")] = False


class AccountsParameters(NodesParameters, frozen=True):
    """Of the list of accounts."""

    account_group_id: Annotated[str | None, Meta(description="Only accounts below this account group.")] = None


class AccountGroupsParameters(NodesParameters, frozen=True):
    """Of the list of account groups."""

    parent_account_group_id: Annotated[str | None, Meta(description="Only groups below this account group.")] = None


def _within(session: Session, kind: ResourceType[Any], query: NodesParameters, group_id: str | None) -> Where:
    """The filters that name a node: everything below an enterprise or a group, or the immediate children of a CRN."""
    where = list[ColumnElement[bool]]()
    if query.enterprise_id is not None:
        where.append(_of_enterprise(session, kind, query.enterprise_id))
    if group_id is not None:
        where.append(_of_group(session, kind, group_id))
    if query.parent is not None:
        where.append(_children(session, kind, query.parent))
    return where


def _above(kind: ResourceType[Any]) -> Any:
    return kind.table.c.group_id if kind.table is ACCOUNT.table else kind.table.c.parent_id


def _of_enterprise(session: Session, kind: ResourceType[Any], id_: str) -> ColumnElement[bool]:
    # By the account that administers: a cancelled account is in no enterprise any more, and still listed if asked for.
    enterprise = _seen(session, ENTERPRISE, id_)
    return false() if enterprise is None else kind.table.c.account_id == enterprise.account_id


def _of_group(session: Session, kind: ResourceType[Any], id_: str) -> ColumnElement[bool]:
    group = _seen(session, ACCOUNT_GROUP, id_)
    return false() if group is None else _above(kind).in_(sorted(way_down(session, group)))


def _children(session: Session, kind: ResourceType[Any], crn: str) -> ColumnElement[bool]:
    try:
        meant = parse(crn)
    except ValueError:
        return false()
    group = _seen(session, ACCOUNT_GROUP, meant.resource) if meant.type == "account-group" else None
    if group is not None and group.crn == crn:
        return bool_of(_above(kind) == group.id)
    enterprise = _seen(session, ENTERPRISE, meant.resource) if meant.type == "enterprise" else None
    if enterprise is None or enterprise.crn != crn:
        return false()
    return bool_of((kind.table.c.account_id == enterprise.account_id) & _above(kind).is_(None))


def bool_of(condition: Any) -> ColumnElement[bool]:
    """A condition whose columns were chosen at run time."""
    column_condition: ColumnElement[bool] = condition
    return column_condition


def _page(
    session: Session, request: Request, query: PageParameters, kind: ResourceType[M], where: Where
) -> tuple[list[M], str | msgspec.UnsetType]:
    """A page, and the address of the next one, which the last does without."""
    batch = page(session, kind, *where, after=query.next_docid, limit=query.limit or MOST)
    return batch.items, next_url(request, ENTERPRISE_PAGES, batch.last) or msgspec.UNSET


def _enterprise_filters(session: Session, query: EnterprisesParameters) -> Where:
    table, where = ENTERPRISE.table, list[ColumnElement[bool]]()
    if query.enterprise_account_id is not None:
        where.append(table.c.account_id == query.enterprise_account_id)
    if query.account_id is not None:
        account = _seen(session, ACCOUNT, query.account_id)
        where.append(table.c.id == (account.enterprise_id if account else None))
    if query.account_group_id is not None:
        group = _seen(session, ACCOUNT_GROUP, query.account_group_id)
        where.append(table.c.id == (group.enterprise_id if group else None))
    return where


def _list_enterprises(session: Session, request: Request, query: EnterprisesParameters) -> EnterprisesResponse:
    """List the enterprises that the caller sees: the one that they administer, or the one that their account is in."""
    rows, next_ = _page(session, request, query, ENTERPRISE, _enterprise_filters(session, query))
    shown = [enterprise_response(row, session) for row in rows]
    return EnterprisesResponse(rows_count=len(shown), next_url=next_, resources=shown)


def _update_enterprise(session: Session, enterprise: Authorized[Enterprise], body: UpdateEnterpriseRequest) -> None:
    enterprise_tree.update_enterprise(session, enterprise, _given(body))


def _list_accounts(session: Session, request: Request, query: AccountsParameters) -> AccountsResponse:
    """List the accounts of the tree that the caller sees, and their own."""
    kind = EVER_ACCOUNT if query.include_deleted else ACCOUNT
    rows, next_ = _page(session, request, query, kind, _within(session, kind, query, query.account_group_id))
    shown = [account_response(row, session) for row in rows]
    return AccountsResponse(rows_count=len(shown), next_url=next_, resources=shown)


def _move_account(session: Session, account: Authorized[Account], body: MoveAccountRequest) -> None:
    enterprise_tree.move_account(session, account, body.parent)


def _list_groups(session: Session, request: Request, query: AccountGroupsParameters) -> AccountGroupsResponse:
    """List the account groups that the caller sees."""
    kind = EVER_ACCOUNT_GROUP if query.include_deleted else ACCOUNT_GROUP
    where = _within(session, kind, query, query.parent_account_group_id)
    rows, next_ = _page(session, request, query, kind, where)
    shown = [group_response(row, session) for row in rows]
    return AccountGroupsResponse(rows_count=len(shown), next_url=next_, resources=shown)


def _create_group(session: Session, body: CreateGroupRequest) -> AccountGroup:
    return enterprise_tree.create_group(session, body.parent, body.name, body.primary_contact_iam_id)


def _update_group(session: Session, group: Authorized[AccountGroup], body: UpdateGroupRequest) -> None:
    traits = _given(body)
    parent = traits.pop("parent", None)
    enterprise_tree.update_group(session, group, traits, parent)


ENTERPRISES = Resource(ENTERPRISE, "/v1/enterprises", enterprise_response, EnterpriseResponse, surface=PLATFORM)
ACCOUNTS = Resource(
    ACCOUNT,
    "/v1/accounts",
    account_response,
    AccountResponse,
    surface=PLATFORM,
    actions={"update": enterprise_tree.MOVE_ACCOUNT, "delete": "enterprise.account.cancel"},
)
GROUPS = Resource(ACCOUNT_GROUP, "/v1/account-groups", group_response, AccountGroupResponse, surface=PLATFORM)


def _founding(identities: Identities) -> tuple[Route, ...]:
    """What gives and takes access along with the change."""

    def create_enterprise(session: Session, request: Request) -> EnterpriseMadeResponse:
        """Create an enterprise of which the caller's account becomes the first child."""
        body: CreateEnterpriseRequest = request.body
        fields = (body.source_account_id, body.name, body.primary_contact_iam_id, body.domain)
        made = enterprise_tree.create_enterprise(session, identities, *fields)
        return EnterpriseMadeResponse(enterprise_id=made.id, enterprise_account_id=made.account_id)

    def import_account(session: Session, request: Request, enterprise: Authorized[Enterprise]) -> None:
        """Import a stand-alone account, of which the caller is an Administrator too."""
        parent = request.body.parent if request.body is not None else None
        enterprise_tree.import_account(session, identities, enterprise, request.params["account_id"], parent)

    def create_account(session: Session, request: Request) -> AccountMadeResponse:
        """Create an account below an enterprise or an account group."""
        body: CreateAccountRequest = request.body
        traits = _given(body.traits) if body.traits else {}
        asked = bool(body.options and body.options.create_iam_service_id_with_apikey_and_owner_policies)
        fields = (body.parent, body.name, body.owner_iam_id, traits)
        return account_made_response(
            *enterprise_tree.create_account(session, identities, *fields, with_service_id=asked)
        )

    def delete_account(session: Session, account: Authorized[Account]) -> None:
        enterprise_tree.cancel_account(session, identities, account)

    p, importing = PLATFORM, access.item(ENTERPRISE, enterprise_tree.IMPORT, param="enterprise_id")
    return (
        route(
            "POST",
            "/v1/enterprises",
            create_enterprise,
            surface=p,
            access=access.create("enterprise.enterprise.found"),
            body=CreateEnterpriseRequest,
            answer=EnterpriseMadeResponse,
            status=202,
        ),
        route(
            "PUT",
            "/v1/enterprises/{enterprise_id}/import/accounts/{account_id}",
            import_account,
            surface=p,
            access=importing,
            body=ImportAccountRequest,
            body_required=False,
            status=202,
        ),
        route(
            "POST",
            "/v1/accounts",
            create_account,
            surface=p,
            access=access.create(enterprise_tree.CREATE_ACCOUNT),
            body=CreateAccountRequest,
            answer=AccountMadeResponse,
            status=202,
        ),
        removing(ACCOUNTS, "Remove an account from its enterprise: it is cancelled for good.", delete_account),
    )


def _lists() -> tuple[Route, Route, Route]:
    """Of enterprises, accounts and account groups."""
    p, seen = PLATFORM, access.listing
    return (
        route(
            "GET",
            ENTERPRISES.path,
            _list_enterprises,
            surface=p,
            access=seen(ENTERPRISE),
            answer=EnterprisesResponse,
            query=EnterprisesParameters,
        ),
        route(
            "GET",
            ACCOUNTS.path,
            _list_accounts,
            surface=p,
            access=seen(ACCOUNT),
            answer=AccountsResponse,
            query=AccountsParameters,
        ),
        route(
            "GET",
            GROUPS.path,
            _list_groups,
            surface=p,
            access=seen(ACCOUNT_GROUP),
            answer=AccountGroupsResponse,
            query=AccountGroupsParameters,
        ),
    )


def routes(identities: Identities) -> tuple[Route, ...]:
    enterprises, accounts, groups = _lists()
    rename = "Change an enterprise's name, domain or primary contact."
    regroup = "Change an account group's name or primary contact, or move it."
    made = (GroupMadeResponse, lambda group: GroupMadeResponse(account_group_id=group.id))
    return (
        *_founding(identities),
        enterprises,
        reading(ENTERPRISES, "Get an enterprise."),
        changing_silently(ENTERPRISES, rename, _update_enterprise, UpdateEnterpriseRequest),
        accounts,
        reading(ACCOUNTS, "Get an account."),
        changing_silently(
            ACCOUNTS, "Move an account within its enterprise.", _move_account, MoveAccountRequest, status=202
        ),
        groups,
        making(GROUPS, "Create an account group.", _create_group, CreateGroupRequest, made=made),
        reading(GROUPS, "Get an account group."),
        changing_silently(GROUPS, regroup, _update_group, UpdateGroupRequest),
        removing(GROUPS, "Delete an empty account group.", enterprise_tree.delete_group),
    )
