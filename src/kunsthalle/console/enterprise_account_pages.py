"""The accounts of an enterprise, for whoever administers it: moved to another account group, and deleted."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.account_user_pages import forest, walked
from kunsthalle.console.api_client import Refused
from kunsthalle.console.confirmations import Subject
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Row
from kunsthalle.console.page_frame import Page, Visit, form

_API = "/v1/accounts/{id}"
ACCOUNT = Subject("/accounts/{account_id}", _API, "/accounts")


async def _move_page(visit: Visit, filled: Form) -> Response:
    account: Any = await ACCOUNT.find(visit)
    nodes = [node for node in walked(await forest(visit)) if node.kind != "account"]
    places = [
        (node.row["crn"], f"{node.row['name']} ({node.kind})")
        for node in nodes
        if node.row["crn"] != account.get("parent")
    ]
    return visit.form_page("access/move_account.html", filled, account=account, places=places)


async def _move(visit: Visit, filled: Form) -> Response:
    await visit.api.send("PATCH", ACCOUNT.at(visit), {"parent": filled.get("parent")})
    return visit.to("/accounts", "The account is moved. What it may use follows at once.")


async def _delete_page(visit: Visit, filled: Form) -> Response:
    account: Any = await ACCOUNT.find(visit)
    return visit.form_page("access/delete_account.html", filled, account=account, contents=await _contents(visit))


async def _contents(visit: Visit) -> list[Row] | None:
    """What the account holds, which the operator alone is told; None for others."""
    if visit.clock is None:
        return None
    query = [("account", str(visit.request.path_params["account_id"]))]
    return list((await visit.api.operate("GET", "/_kunsthalle/account_contents", query=query))["contents"])


async def _delete(visit: Visit, filled: Form) -> Response:
    """The name is asked for where the account is seen, so that nobody deletes another one than they mean."""
    account = await ACCOUNT.find(visit)
    if filled.get("confirm") != account["name"]:
        raise Refused(400, "bad_request", "Type the name of the account exactly.", "confirm")
    await visit.api.send("DELETE", ACCOUNT.at(visit))
    return visit.to("/accounts", f"The account {account['name']} is deleted.")


PAGES: tuple[Page, ...] = (
    *form(f"{ACCOUNT.here}/move", _move_page, _move, f"PATCH {_API}"),
    *form(f"{ACCOUNT.here}/delete", _delete_page, _delete, f"DELETE {_API}"),
)
