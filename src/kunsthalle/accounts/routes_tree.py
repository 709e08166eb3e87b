"""Enterprise Management: `/v1/enterprises`, `/v1/accounts`, `/v1/account-groups`."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from sqlalchemy import ColumnElement, false

from kunsthalle.accounts import paging, tree
from kunsthalle.accounts.kinds import ACCOUNT, ACCOUNT_GROUP, ENTERPRISE, EVER_ACCOUNT, EVER_ACCOUNT_GROUP
from kunsthalle.accounts.ports import Identities
from kunsthalle.accounts.queries import way_down
from kunsthalle.accounts.wire_tree import (
    AccountGroupsWire,
    AccountGroupWire,
    AccountMadeWire,
    AccountsWire,
    AccountWire,
    CreateAccountBody,
    CreateEnterpriseBody,
    CreateGroupBody,
    EnterpriseMadeWire,
    EnterprisesWire,
    EnterpriseWire,
    GroupMadeWire,
    ImportAccountBody,
    MoveAccountBody,
    UpdateEnterpriseBody,
    UpdateGroupBody,
    account_made_wire,
    account_wire,
    enterprise_wire,
    group_wire,
)
from kunsthalle.api import access
from kunsthalle.api.families.iam import PLATFORM
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import Problem
from kunsthalle.store.scope import Kind, find, page
from kunsthalle.store.unit import Unit

M = TypeVar("M")
Where = list[ColumnElement[bool]]
MOST = 100
NEXT = "next_docid"


def _given(body: Any) -> dict[str, Any]:
    """The fields that a request sets."""
    return {name: value for name, value in msgspec.to_builtins(body).items() if value is not msgspec.UNSET}


def _seen(unit: Unit, kind: Kind[M], id_: str) -> M | None:
    try:
        return find(unit, kind, id_)
    except Problem:
        return None


def _within(unit: Unit, kind: Kind[Any], request: Request, group_parameter: str) -> Where:
    """The filters that name a node: everything below an enterprise or a group, or the immediate children of a CRN."""
    query, where = request.query, list[ColumnElement[bool]]()
    if "enterprise_id" in query:
        where.append(_of_enterprise(unit, kind, query["enterprise_id"]))
    if group_parameter in query:
        where.append(_of_group(unit, kind, query[group_parameter]))
    if "parent" in query:
        where.append(_children(unit, kind, query["parent"]))
    return where


def _above(kind: Kind[Any]) -> Any:
    return kind.table.c.group_id if kind.table is ACCOUNT.table else kind.table.c.parent_id


def _of_enterprise(unit: Unit, kind: Kind[Any], id_: str) -> ColumnElement[bool]:
    # By the account that administers: a cancelled account is in no enterprise any more, and still listed if asked for.
    enterprise = _seen(unit, ENTERPRISE, id_)
    return false() if enterprise is None else kind.table.c.account_id == enterprise.account_id


def _of_group(unit: Unit, kind: Kind[Any], id_: str) -> ColumnElement[bool]:
    group = _seen(unit, ACCOUNT_GROUP, id_)
    return false() if group is None else _above(kind).in_(sorted(way_down(unit, group)))


def _children(unit: Unit, kind: Kind[Any], crn: str) -> ColumnElement[bool]:
    try:
        meant = parse(crn)
    except ValueError:
        return false()
    group = _seen(unit, ACCOUNT_GROUP, meant.resource) if meant.type == "account-group" else None
    if group is not None and group.crn == crn:
        return bool_of(_above(kind) == group.id)
    enterprise = _seen(unit, ENTERPRISE, meant.resource) if meant.type == "enterprise" else None
    if enterprise is None or enterprise.crn != crn:
        return false()
    return bool_of((kind.table.c.account_id == enterprise.account_id) & _above(kind).is_(None))


def bool_of(condition: Any) -> ColumnElement[bool]:
    """A condition whose columns were chosen at run time."""
    found: ColumnElement[bool] = condition
    return found


def _page(unit: Unit, request: Request, kind: Kind[M], where: Where) -> tuple[list[M], str | None]:
    limit = paging.size(request, MOST, MOST)
    found = page(unit, kind, *where, after=paging.behind(request, NEXT), limit=limit)
    return found.items, paging.next_url(request, NEXT, found.last)


def _enterprise_filters(unit: Unit, request: Request) -> Where:
    query, table, where = request.query, ENTERPRISE.table, list[ColumnElement[bool]]()
    if "enterprise_account_id" in query:
        where.append(table.c.account_id == query["enterprise_account_id"])
    if "account_id" in query:
        account = _seen(unit, ACCOUNT, query["account_id"])
        where.append(table.c.id == (account.enterprise_id if account else None))
    if "account_group_id" in query:
        group = _seen(unit, ACCOUNT_GROUP, query["account_group_id"])
        where.append(table.c.id == (group.enterprise_id if group else None))
    return where


def _list_enterprises(unit: Unit, request: Request) -> EnterprisesWire:
    """List the enterprises that the caller sees: the one he administers, or the one that his account is in."""
    found, next_ = _page(unit, request, ENTERPRISE, _enterprise_filters(unit, request))
    shown = [enterprise_wire(one, unit) for one in found]
    return EnterprisesWire(rows_count=len(shown), next_url=next_, resources=shown)


def _get_enterprise(unit: Unit, request: Request) -> EnterpriseWire:
    """Get an enterprise."""
    return enterprise_wire(request.granted.it, unit)


def _update_enterprise(unit: Unit, request: Request) -> None:
    """Change an enterprise's name, domain or primary contact."""
    tree.update_enterprise(unit, request.granted, _given(request.body))


def _list_accounts(unit: Unit, request: Request) -> AccountsWire:
    """List the accounts of the tree that the caller sees, and his own."""
    kind = EVER_ACCOUNT if paging.flag(request, "include_deleted") else ACCOUNT
    found, next_ = _page(unit, request, kind, _within(unit, kind, request, "account_group_id"))
    shown = [account_wire(one, unit) for one in found]
    return AccountsWire(rows_count=len(shown), next_url=next_, resources=shown)


def _get_account(unit: Unit, request: Request) -> AccountWire:
    """Get an account."""
    return account_wire(request.granted.it, unit)


def _move_account(unit: Unit, request: Request) -> None:
    """Move an account within its enterprise."""
    tree.move_account(unit, request.granted, request.body.parent)


def _list_groups(unit: Unit, request: Request) -> AccountGroupsWire:
    """List the account groups that the caller sees."""
    kind = EVER_ACCOUNT_GROUP if paging.flag(request, "include_deleted") else ACCOUNT_GROUP
    found, next_ = _page(unit, request, kind, _within(unit, kind, request, "parent_account_group_id"))
    shown = [group_wire(one, unit) for one in found]
    return AccountGroupsWire(rows_count=len(shown), next_url=next_, resources=shown)


def _create_group(unit: Unit, request: Request) -> GroupMadeWire:
    """Create an account group."""
    body: CreateGroupBody = request.body
    made = tree.create_group(unit, body.parent, body.name, body.primary_contact_iam_id)
    return GroupMadeWire(account_group_id=made.id)


def _get_group(unit: Unit, request: Request) -> AccountGroupWire:
    """Get an account group."""
    return group_wire(request.granted.it, unit)


def _update_group(unit: Unit, request: Request) -> None:
    """Change an account group's name or primary contact, or move it."""
    given = _given(request.body)
    parent = given.pop("parent", None)
    tree.update_group(unit, request.granted, given, parent)


def _delete_group(unit: Unit, request: Request) -> None:
    """Delete an empty account group."""
    tree.delete_group(unit, request.granted)


def _founding(identities: Identities) -> tuple[Route, ...]:
    """What gives and takes access along with the change."""

    def create_enterprise(unit: Unit, request: Request) -> EnterpriseMadeWire:
        """Create an enterprise of which the caller's account becomes the first child."""
        body: CreateEnterpriseBody = request.body
        given = (body.source_account_id, body.name, body.primary_contact_iam_id, body.domain)
        made = tree.create_enterprise(unit, identities, *given)
        return EnterpriseMadeWire(enterprise_id=made.id, enterprise_account_id=made.account_id)

    def import_account(unit: Unit, request: Request) -> None:
        """Import a stand-alone account, of which the caller is an Administrator too."""
        parent = request.body.parent if request.body is not None else None
        tree.import_account(unit, identities, request.granted, request.params["account_id"], parent)

    def create_account(unit: Unit, request: Request) -> AccountMadeWire:
        """Create an account below an enterprise or an account group."""
        body: CreateAccountBody = request.body
        traits = _given(body.traits) if body.traits else {}
        asked = bool(body.options and body.options.create_iam_service_id_with_apikey_and_owner_policies)
        given = (body.parent, body.name, body.owner_iam_id, traits)
        return account_made_wire(*tree.create_account(unit, identities, *given, with_service_id=asked))

    def delete_account(unit: Unit, request: Request) -> None:
        """Remove an account from its enterprise: it is cancelled for good."""
        tree.cancel_account(unit, identities, request.granted)

    p, importing = PLATFORM, access.item(ENTERPRISE, tree.IMPORT, param="enterprise_id")
    cancelling = access.item(ACCOUNT, "enterprise.account.cancel")
    return (
        route(
            "POST",
            "/v1/enterprises",
            create_enterprise,
            family=p,
            access=access.create("enterprise.enterprise.found"),
            body=CreateEnterpriseBody,
            answer=EnterpriseMadeWire,
            status=202,
        ),
        route(
            "PUT",
            "/v1/enterprises/{enterprise_id}/import/accounts/{account_id}",
            import_account,
            family=p,
            access=importing,
            body=ImportAccountBody,
            body_required=False,
            status=202,
        ),
        route(
            "POST",
            "/v1/accounts",
            create_account,
            family=p,
            access=access.create(tree.CREATE_ACCOUNT),
            body=CreateAccountBody,
            answer=AccountMadeWire,
            status=202,
        ),
        route("DELETE", "/v1/accounts/{id}", delete_account, family=p, access=cancelling, status=204),
    )


def routes(identities: Identities) -> tuple[Route, ...]:
    enterprises, accounts, groups, p = "/v1/enterprises", "/v1/accounts", "/v1/account-groups", PLATFORM
    rename = access.item(ENTERPRISE, "enterprise.enterprise.update")
    regroup = access.item(ACCOUNT_GROUP, "enterprise.account-group.update")
    remove = access.item(ACCOUNT_GROUP, "enterprise.account-group.delete")
    found, make = access.listing, access.create(tree.CREATE_GROUP)
    one, move = access.item, access.item(ACCOUNT, tree.MOVE_ACCOUNT)
    by_id = "/{id}"
    return (
        *_founding(identities),
        route("GET", enterprises, _list_enterprises, family=p, access=found(ENTERPRISE), answer=EnterprisesWire),
        route("GET", enterprises + by_id, _get_enterprise, family=p, access=one(ENTERPRISE), answer=EnterpriseWire),
        route(
            "PATCH",
            enterprises + by_id,
            _update_enterprise,
            family=p,
            access=rename,
            body=UpdateEnterpriseBody,
            status=204,
        ),
        route("GET", accounts, _list_accounts, family=p, access=found(ACCOUNT), answer=AccountsWire),
        route("GET", accounts + by_id, _get_account, family=p, access=one(ACCOUNT), answer=AccountWire),
        route("PATCH", accounts + by_id, _move_account, family=p, access=move, body=MoveAccountBody, status=202),
        route("GET", groups, _list_groups, family=p, access=found(ACCOUNT_GROUP), answer=AccountGroupsWire),
        route(
            "POST", groups, _create_group, family=p, access=make, body=CreateGroupBody, answer=GroupMadeWire, status=201
        ),
        route("GET", groups + by_id, _get_group, family=p, access=one(ACCOUNT_GROUP), answer=AccountGroupWire),
        route("PATCH", groups + by_id, _update_group, family=p, access=regroup, body=UpdateGroupBody, status=204),
        route("DELETE", groups + by_id, _delete_group, family=p, access=remove, status=204),
    )
