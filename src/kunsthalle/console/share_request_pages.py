"""Share requests: who asks, what for, and the answer; and those that this account has sent."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console import names
from kunsthalle.console.api_client import Refused
from kunsthalle.console.catalog_pages import BASE
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Row
from kunsthalle.console.page_frame import Page, Visit, form

_ASKED = f"{BASE}/shareapproval/offering/access"
_ANSWERS = {"approved": "accepted: Catalog images lists its offerings", "rejected": "declined"}


async def received(visit: Visit) -> list[Row]:
    """The requests that the account has received; none for whoever may not read them."""
    told = await visit.if_allowed("GET", "/_kunsthalle/share-requests")
    return list(told["requests"]) if told else []


async def _requests(visit: Visit, filled: Form) -> Response:
    sent = (await visit.api.get(_ASKED))["resources"]
    told: Any = {"received": await received(visit), "sent": sent, "names": await names.of_accounts(visit)}
    return visit.form_page("catalogs/requests.html", filled, **told)


async def _answer(visit: Visit, filled: Form) -> Response:
    state, _, source = filled.get("answer").partition(" ")
    if state not in _ANSWERS:
        raise Refused(400, "bad_request", "Invalid answer. Accept or decline the request.", "answer")
    await visit.api.send("POST", f"{_ASKED}/source/{state}", [source])
    return visit.to("/share-requests", f"The request is {_ANSWERS[state]}.")


PAGES: tuple[Page, ...] = form(
    "/share-requests", _requests, _answer, f"POST {BASE}/shareapproval/{{type}}/access/source/{{state}}"
)
