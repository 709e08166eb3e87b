"""API keys: listed, made with the one visibility of their secret, locked, unlocked, deleted."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console import refusals
from kunsthalle.console.api_client import Api, segment
from kunsthalle.console.confirmations import Question, Subject, acts, question
from kunsthalle.console.forms import Form, instant
from kunsthalle.console.iam_identities import names_of
from kunsthalle.console.listing import Column, Linked, Made, Row, everything, listing
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.console.resource_shapes import Offer

_API = "/v1/apikeys/{id}"
KEY = Subject("/api-keys/{key_id}", _API, "/api-keys")
_LOCK = Question(
    "lock",
    "Lock",
    "The key still works, but cannot be changed or deleted.",
    "The key is locked.",
    f"POST {_API}/lock",
)
_UNLOCK = Question(
    "unlock", "Unlock", "The key can be changed and deleted again.", "The key is unlocked.", f"DELETE {_API}/lock"
)
_DELETE = Question(
    "delete",
    "Delete",
    "The key no longer works, and its tokens and sessions end at once: also this console, if you signed in with it.",
    "The key is deleted.",
    f"DELETE {_API}",
    danger=True,
    gone=True,
)


def state_of(key: Row) -> str:
    """`disabled`, `locked` or `active`."""
    return "disabled" if key["disabled"] else "locked" if key["locked"] else "active"


_COLUMNS = (
    Column("name", "Name"),
    Column("state", "State", state_of),
    Column("iam_id", "Of"),
    Column("created_at", "Created"),
    Column("expires_at", "Expires"),
)


def actions(key: Row) -> list[Offer]:
    at = f"/api-keys/{segment(key['id'])}"
    return acts(at, key, _UNLOCK if key["locked"] else _LOCK, _DELETE, rule=refusals.of_locked)


async def _all(api: Api) -> list[Row]:
    """Every key of the account that may be seen."""
    source = Linked("/v1/apikeys", "apikeys", "pagetoken", (("scope", "account"), ("pagesize", "100")))
    return (await everything(api, source))[0]


async def _keys(visit: Visit) -> Response:
    table = await listing(visit.api, visit.query, Made(_all), _COLUMNS)
    told: dict[str, Any] = {"actions": actions, "state_of": state_of}
    return visit.page("access/keys.html", list=table, names=await names_of(visit), **told)


async def _key(visit: Visit) -> Response:
    key = await KEY.find(visit)
    return visit.page("access/key.html", key=key, state=state_of(key), actions=actions(key))


async def _new_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("access/new_key.html", filled)


async def _new(visit: Visit, filled: Form) -> Response:
    """The secret is in this one page: it is kept nowhere, not even for the next page."""
    here = visit.session.here if visit.session else None
    body = {**filled.body("name", "description"), "iam_id": here.iam_id if here else ""}
    body |= {name: instant(value) for name, value in filled.body("expires_at").items()}
    return visit.page("access/made_key.html", made=await visit.api.send("POST", "/v1/apikeys", body))


PAGES: tuple[Page, ...] = (
    page("/api-keys", _keys, "GET /v1/apikeys"),
    *form("/api-keys/new", _new_page, _new, "POST /v1/apikeys"),
    page(KEY.here, _key, f"GET {_API}"),
    *(batch for each in (_LOCK, _UNLOCK, _DELETE) for batch in question(KEY, each)),
)
