"""The accounts of an enterprise as a tree, and the users of an account."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from starlette.responses import Response

from kunsthalle.console.confirmations import Question, Subject, question
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Column, Linked, Row, everything, listing
from kunsthalle.console.page_frame import Page, Visit, form, page
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


async def _tree(visit: Visit) -> Response:
    tops = await forest(visit)
    return visit.page("access/tree.html", tops=tops, active=visit.active, administers=_administers(visit, tops))


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
    return visit.page("access/users.html", list=table)


async def _user(visit: Visit) -> Response:
    user: Any = await USER.find(visit)
    return visit.page("access/user.html", user=user, place=USER.at(visit, USER.here))


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
