"""SSH keys: the keys that instances are created with, and which instances those are."""

from __future__ import annotations

from kunsthalle.console.api_client import segment
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Linked, Row
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import (
    CREATED,
    CRN,
    GROUP,
    ID,
    NAME,
    NAME_INPUT,
    RENAME_INPUT,
    RESOURCE_GROUP,
    Action,
    Input,
    Kind,
    Link,
    Part,
    Shown,
    by_resource_group,
    linked,
    of_inputs,
)

_API = "/v1/keys/{id}"
_MOST = 100
"""Of how many instances it is asked which keys they were created with: the newest."""


async def _users(visit: Visit, key: Row) -> list[Row]:
    """The instances that were created with the key, among the newest."""
    newest = await Linked("/v1/instances", "instances").slice(visit.api, "", _MOST, [])
    used = []
    for instance in newest.rows:
        start = await visit.if_allowed("GET", f"/v1/instances/{segment(instance['id'])}/initialization")
        if start and any(entry.get("id") == key["id"] for entry in start["keys"]):
            used.append(instance)
    return used


async def _with_type(_visit: Visit, form: Form, _key: Row) -> Row:
    """The type that the API is told stands at the beginning of the key itself."""
    type_ = "ed25519" if form.get("public_key").startswith("ssh-ed25519") else "rsa"
    return {**form.body("name", "public_key", "resource_group.id"), "type": type_}


_PUBLIC_KEY = Input(
    "public_key",
    "Public key",
    "area",
    "The content of a file such as id_ed25519.pub. Never the private key.",
    required=True,
    loads=True,
)
_IMPORT = Action(
    "new",
    "Create SSH key",
    "POST /v1/keys",
    "The SSH key has been created.",
    "The public half of a key pair that you have. Instances are given it when they are created.",
    (NAME_INPUT, _PUBLIC_KEY, RESOURCE_GROUP),
    _with_type,
)
_RENAME = Action(
    "edit", "Rename", f"PATCH {_API}", "The SSH key is renamed.", inputs=(RENAME_INPUT,), body=of_inputs("name")
)
_DELETE = Action(
    "delete",
    "Delete",
    f"DELETE {_API}",
    "The SSH key is deleted.",
    "Instances that were created with it keep it. It cannot be chosen for new ones.",
    danger=True,
    gone=True,
)
SSH_KEY = Kind(
    word="SSH key",
    plural="SSH keys",
    trail=("Infrastructure", "Compute"),
    here="/ssh-keys/{ssh_key_id}",
    many="GET /v1/keys",
    one=f"GET {_API}",
    source=linked("/v1/keys", "keys"),
    about="An SSH key lets its owner sign in to an instance that was created with it.",
    empty="No public key was stored in this account so far.",
    docs="how-to/first-run.html",
    columns=(
        NAME,
        Shown("type", "Type", lambda row: f"{row['type']}, {row['length']} bits"),
        Shown("fingerprint", "Fingerprint", shape="code"),
        GROUP,
        CREATED,
    ),
    facts=(
        ID,
        CRN,
        Shown("type", "Type", lambda row: f"{row['type']}, {row['length']} bits"),
        Shown("fingerprint", "Fingerprint", shape="copy"),
        GROUP,
        CREATED,
        Shown("public_key", "Public key", shape="copy"),
    ),
    create=(_IMPORT,),
    actions=(_RENAME, _DELETE),
    parts=(
        Part(
            "instances",
            "Instances",
            f"Of the newest {_MOST} instances, those that were created with the key.",
            "None of them was created with the key.",
            _users,
            (
                Shown("name", "Name", lambda row: [Link(row["name"], f"/instances/{row['id']}")], "links"),
                Shown("status", "Status", shape="status"),
                CREATED,
            ),
        ),
    ),
    choices=by_resource_group,
)
KINDS = (SSH_KEY,)
