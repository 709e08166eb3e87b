"""The accounts package's rows: the enterprise tree, users, resource groups, the audit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fixtures.frozen_app import FrozenApp
from kunsthalle.accounts.enterprise_tree import create_group
from kunsthalle.accounts.queries import account
from kunsthalle.accounts.resources import ACCOUNT_GROUP, ENTERPRISE
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import some

RequestBody = Callable[[FrozenApp], Any]
USERS = "/v2/accounts/{account_id}/users"
VIEWER = "IBMid-VIEWER0001"


def _of(body: Any) -> RequestBody:
    return lambda _frozen: body


def _below(frozen: FrozenApp) -> dict[str, str]:
    return {"parent": frozen.ids["enterprise crn"], "name": "another"}


BODIES: dict[str, RequestBody] = {
    "POST /v1/enterprises": lambda frozen: {
        "source_account_id": frozen.accounts["owner"],
        "name": "another",
        "primary_contact_iam_id": frozen.ids["iam_id"],
    },
    "PATCH /v1/enterprises/{id}": _of({"name": "renamed"}),
    "PUT /v1/enterprises/{enterprise_id}/import/accounts/{account_id}": _of({}),
    "POST /v1/accounts": lambda frozen: {**_below(frozen), "owner_iam_id": frozen.ids["iam_id"]},
    "PATCH /v1/accounts/{id}": lambda frozen: {"parent": frozen.ids["enterprise crn"]},
    "POST /v1/account-groups": lambda frozen: {**_below(frozen), "primary_contact_iam_id": frozen.ids["iam_id"]},
    "PATCH /v1/account-groups/{id}": _of({"name": "renamed"}),
    f"POST {USERS}": _of({"users": [{"email": "new@example.com"}]}),
    f"PATCH {USERS}/{{iam_id}}": _of({"firstname": "Another"}),
    f"PATCH {USERS}/{{iam_id}}/settings": _of({"language": "en"}),
    "POST /v2/users/accept": lambda frozen: {"account_id": frozen.accounts["owner"]},
    "POST /v2/resource_groups": _of({"name": "another"}),
    "PATCH /v2/resource_groups/{id}": _of({"name": "renamed"}),
}


def furnish(frozen: FrozenApp) -> None:
    """The publisher's enterprise with an account group in it, which no persona administers."""

    def grow(session: Session) -> tuple[str, str, str]:
        member = account(session, frozen.accounts["owner"])
        assert member is not None
        root = session.as_context(session.ctx.as_system(member.account_id))
        enterprise = some(root, ENTERPRISE)[0]
        contact = enterprise.primary_contact_iam_id
        group = create_group(root, enterprise.crn, "hidden group", contact)
        assert some(root, ACCOUNT_GROUP)
        return enterprise.id, enterprise.crn, group.id

    enterprise, crn, group = frozen.server.store.write(frozen.server.base, grow)
    frozen.ids |= {"/enterprises": enterprise, "enterprise crn": crn, "account-groups": group}
    frozen.ids |= {"accounts": frozen.accounts["owner"], "users": VIEWER}
