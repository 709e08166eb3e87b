"""The accounts of an enterprise as a tree, and the users of an account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import field
from typing import Any

from starlette.responses import Response

from kunsthalle.console import refusals
from kunsthalle.console.api_client import segment
from kunsthalle.console.confirmations import Question, Subject, acts, question
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Column, Linked, Row, everything, listing
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.console.resource_shapes import Offer
from kunsthalle.core.records import dataclass

_USERS = "/v2/accounts/{account_id}/users"
_API = f"{_USERS}/{{iam_id}}"
USER = Subject("/users/{user_id}", _API, "/users", lambda row: str(row["user_id"]))
_REMOVE = Question(
    "delete",
    "Remove",
    "The policies and API keys of the user in this account are deleted too.",
    "The user is removed.",
    f"DELETE {_API}",
    danger=True,
    gone=True,
)
_COLUMNS = (
    Column("user_id", "User"),
    Column("name", "Name", lambda row: f"{row['firstname']} {row['lastname']}".strip()),
    Column("state", "State"),
    Column("iam_id", "IAM ID"),
    Column("added_on", "Since"),
)


@dataclass(slots=True)
class Node:
    """An enterprise, an account group or an account, with what is below it."""

    kind: str
    row: Row
    below: list[Node] = field(default_factory=list)


async def _every(visit: Visit, path: str) -> list[Row]:
    return (await everything(visit.api, Linked(path, "resources", "next_docid")))[0]


async def forest(visit: Visit) -> list[Node]:
    """The part of the tree that the visitor sees, without the levels above it."""
    nodes = [
        Node(kind, row)
        for kind, path in (
            ("enterprise", "/v1/enterprises"),
            ("account group", "/v1/account-groups"),
            ("account", "/v1/accounts"),
        )
        for row in await _every(visit, path)
    ]
    by_crn = {node.row["crn"]: node for node in nodes}
    tops: list[Node] = []
    for node in nodes:
        above = by_crn.get(node.row.get("parent", ""))
        (tops if above is None else above.below).append(node)
    return tops


def walked(nodes: Iterable[Node]) -> list[Node]:
    """Every node of trees, each before what is below it."""
    return [entry for node in nodes for entry in (node, *walked(node.below))]


async def _tree(visit: Visit) -> Response:
    tops = await forest(visit)
    places = {node.row["crn"] for node in walked(tops) if node.kind != "account"}

    def acts_on_account(account: Row) -> list[Offer]:
        at, elsewhere = f"/accounts/{segment(account['id'])}", places - {account["parent"]}
        reason = "" if elsewhere else "The enterprise has no account group that it could be moved to."
        return [Offer("Move", f"{at}/move", False, reason), Offer("Delete", f"{at}/delete", True)]

    told: dict[str, Any] = {"administers": _administers(visit, tops), "acts": acts_on_account}
    return visit.page("access/tree.html", tops=tops, active=visit.active, **told)


def _administers(visit: Visit, nodes: list[Node]) -> bool:
    """Whether the account of the visitor is that of the enterprise: others move and delete no account."""
    return any(
        _administers(visit, node.below)
        or (node.row["id"] == visit.active and bool(node.row.get("is_enterprise_account")))
        for node in nodes
    )


async def _users(visit: Visit) -> Response:
    path = USER.at(visit, _USERS)
    table = await listing(visit.api, visit.query, Linked(path, "resources", "_start"), _COLUMNS)
    await _with_owner(visit, table.rows)
    return visit.page("access/users.html", list=table, acts=acts_on)


async def _with_owner(visit: Visit, users: list[Row]) -> None:
    """Whether the account is theirs, as far as the visitor may read the account."""
    account = await visit.if_allowed("GET", f"/v1/accounts/{segment(visit.active)}")
    for user in users:
        user["owner"] = bool(account) and account["owner_iam_id"] == user["iam_id"]


def acts_on(user: Row) -> list[Offer]:
    return acts(f"/users/{segment(user['iam_id'])}", user, _REMOVE, rule=refusals.of_user)


async def _user(visit: Visit) -> Response:
    user: Any = await USER.find(visit)
    await _with_owner(visit, [user])
    return visit.page("access/user.html", user=user, acts=acts_on(user))


async def _invite_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("access/invite.html", filled)


async def _invite(visit: Visit, filled: Form) -> Response:
    await visit.api.send("POST", USER.at(visit, _USERS), {"users": [{"email": filled.get("email")}]})
    return visit.to("/users", "The user is invited. To give them access, create a policy.")


PAGES: tuple[Page, ...] = (
    page("/accounts", _tree, "GET /v1/accounts"),
    page("/users", _users, f"GET {_USERS}"),
    *form("/users/invite", _invite_page, _invite, f"POST {_USERS}"),
    page(USER.here, _user, f"GET {_API}"),
    *question(USER, _REMOVE),
)
