"""Names of accounts, account groups, enterprises and users, for the IDs that the API answers with."""

from __future__ import annotations

from kunsthalle.console.account_user_pages import Node, forest, walked
from kunsthalle.console.api_client import Refused, segment
from kunsthalle.console.listing import Linked, everything
from kunsthalle.console.page_frame import Visit

Names = dict[str, str]
_PREFIXES = {"enterprise": "-ent-", "account group": "-entgrp-", "account": "-acct-"}
"""How access lists write what is no plain account ID."""


def identifier_of(node: Node) -> str:
    """How an access list names it."""
    return str(node.row["id"]) if node.kind == "account" else f"{_PREFIXES[node.kind]}{node.row['id']}"


async def of_accounts(visit: Visit) -> Names:
    """What the visitor may see of the tree, and the accounts that are signed in to, by ID and by identifier."""
    session = visit.session
    names = {entry.account_id: entry.account for entry in session.sign_ins} if session is not None else {}
    for node in walked(await forest(visit)):
        name, id_ = str(node.row["name"]), str(node.row["id"])
        names |= {id_: name, f"{_PREFIXES[node.kind]}{id_}": name}
    return names


async def of_users(visit: Visit) -> Names:
    """The users of the account by IAM ID; none for whoever may not list them."""
    account = segment(visit.session.active if visit.session else "")
    try:
        users, _ = await everything(visit.api, Linked(f"/v2/accounts/{account}/users", "resources", "_start"))
    except Refused as refused:
        if refused.status != 403:
            raise
        return {}
    return {entry["iam_id"]: entry["user_id"] for entry in users}
