"""Service IDs: identities of programs, their API keys and their policies."""

from __future__ import annotations

from kunsthalle.console import refusals
from kunsthalle.console.forms import Form, instant
from kunsthalle.console.granted_policies import policies_of
from kunsthalle.console.iam_identities import SERVICE_IDS, paged
from kunsthalle.console.listing import Linked, Row, everything
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import (
    CREATED,
    CRN,
    ID,
    NAME,
    Action,
    Input,
    Kind,
    Part,
    Shown,
    changed,
)

_API, _KEY = "/v1/serviceids/{id}", "/v1/apikeys/{id}"
_DESCRIPTION = Input("description", "Description", default=lambda row: row.get("description", ""))


async def _keys(visit: Visit, service: Row) -> list[Row]:
    fixed = (("account_id", visit.active), ("iam_id", str(service["iam_id"])))
    return (await everything(visit.api, Linked("/v1/apikeys", "apikeys", "pagetoken", fixed, size="pagesize")))[0]


async def _new(visit: Visit, form: Form, _row: Row) -> Row:
    return {**form.body("name", "description"), "account_id": visit.active}


async def _new_key(visit: Visit, form: Form, service: Row) -> Row:
    body = {**form.body("name", "description"), "iam_id": service["iam_id"], "account_id": visit.active}
    return body | {name: instant(value) for name, value in form.body("expires_at").items()}


def _state(row: Row) -> str:
    return "locked" if row["locked"] else "active"


def _key_state(key: Row) -> str:
    return "disabled" if key["disabled"] else _state(key)


def _tagged(row: Row) -> dict[str, str]:
    return {"If-Match": row["entity_tag"]}


_KEYS = Part(
    "keys",
    "API keys",
    "A program signs in with one of them.",
    "The service ID has no API key: no program can sign in as it.",
    _keys,
    (
        NAME,
        Shown("state", "State", _key_state, "status"),
        CREATED,
        Shown("expires_at", "Expires", shape="moment"),
    ),
    id="service_key_id",
    create=(
        Action(
            "new",
            "Create API key",
            "POST /v1/apikeys",
            "The API key has been created.",
            "Its value is shown once, on the next page.",
            (
                Input("name", "Name", required=True),
                Input("description", "Description"),
                Input("expires_at", "Expires", "moment"),
            ),
            _new_key,
            made="access/made_key.html",
        ),
    ),
    actions=(
        Action(
            "lock",
            "Lock",
            f"POST {_KEY}/lock",
            "The API key is locked.",
            "It still works, but cannot be changed or deleted.",
            offered=lambda key: not key["locked"],
        ),
        Action(
            "unlock",
            "Unlock",
            f"DELETE {_KEY}/lock",
            "The API key is unlocked.",
            "It can be changed and deleted again.",
            offered=lambda key: bool(key["locked"]),
        ),
        Action(
            "delete",
            "Delete",
            f"DELETE {_KEY}",
            "The API key is deleted.",
            "Programs that use it are refused at once.",
            danger=True,
        ),
    ),
    rule=refusals.of_locked,
)
SERVICE_ID = Kind(
    word="service ID",
    plural="service IDs",
    trail=("Account", "Access (IAM)"),
    here="/service-ids/{service_id}",
    many="GET /v1/serviceids",
    one=f"GET {_API}",
    source=lambda visit: paged(visit, *SERVICE_IDS),
    about="A service ID is the identity of a program. It has API keys and policies of its own.",
    empty="Create one for each program that calls the API, so that its access can end without anybody's leaving.",
    docs="roles.html",
    columns=(NAME, Shown("state", "State", _state, "status"), Shown("description", "Description"), CREATED),
    facts=(
        ID,
        CRN,
        Shown("iam_id", "IAM ID", shape="copy"),
        Shown("state", "State", _state),
        Shown("description", "Description"),
        CREATED,
        Shown("modified_at", "Changed", shape="moment"),
    ),
    create=(
        Action(
            "new",
            "Create service ID",
            "POST /v1/serviceids",
            "The service ID has been created. Create an API key, and assign access.",
            "",
            (Input("name", "Name", required=True), _DESCRIPTION),
            _new,
        ),
    ),
    actions=(
        Action(
            "edit",
            "Edit",
            f"PUT {_API}",
            "The service ID is changed.",
            "",
            (Input("name", "Name", required=True, default=lambda row: row["name"]), _DESCRIPTION),
            changed("name", "description"),
            headers=_tagged,
        ),
        Action(
            "lock",
            "Lock",
            f"POST {_API}/lock",
            "The service ID is locked.",
            "It still works, but cannot be changed or deleted.",
            offered=lambda row: not row["locked"],
        ),
        Action(
            "unlock",
            "Unlock",
            f"DELETE {_API}/lock",
            "The service ID is unlocked.",
            "It can be changed and deleted again.",
            offered=lambda row: bool(row["locked"]),
        ),
        Action(
            "delete",
            "Delete",
            f"DELETE {_API}",
            "The service ID is deleted.",
            "Its API keys, policies and memberships are deleted too.",
            danger=True,
            gone=True,
        ),
    ),
    rule=refusals.of_locked,
    parts=(_KEYS, policies_of("iam_id", lambda row: str(row["iam_id"]), "service_policy_id")),
)
KINDS = (SERVICE_ID,)
