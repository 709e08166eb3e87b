"""The console's pages: sessions for the personas, what paths name, and what forms are filled in with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from fixtures.realm import OPERATOR, PERSONAS, Realm
from kunsthalle.authz.roles import VIEWER
from kunsthalle.console.sessions import Sessions, SignIn, form_token

BODIES: dict[str, Any] = {}
"""The console has no routes of the API."""

EVERYBODY = (*PERSONAS, "operator")
SIGNED_IN = tuple(one for one in EVERYBODY if one not in {"no token", "bad token"})
"""`operator` is the owner, with the operator's token besides."""
NAMES = {
    "image_id": "images",
    "catalog_id": "catalogs",
    "offering_id": "offerings",
    "version_id": "versions",
    "reclamation_id": "reclamations",
    "server_id": "instances",
    "user_id": "users",
    "key_id": "apikeys",
    "policy_id": "policies",
    "template_id": "templates",
    "group_id": "instance_groups",
    "volume_id": "volumes",
    "snapshot_id": "snapshots",
}
"""What a path of the console names, and the key of the publisher's id."""

_PRODUCT = "/catalogs/{catalog_id}/products/{offering_id}"
Fields = dict[str, str]


def _server(realm: Realm) -> Fields:
    """A server from the publisher's image; whoever does not see that can choose nothing."""
    source = f"image {realm.ids['images']}"
    return {"name": "another", "source": source, "profile.name": "bx2-2x8", "subnet": realm.ids["subnets"]}


FORMS: dict[str, Callable[[Realm], Fields]] = {
    "/sign-in": lambda _realm: {"apikey": "none"},
    "/account": lambda _realm: {"account": "none"},
    "/invitations": lambda realm: {"account_id": realm.accounts["owner"]},
    "/sign-out": lambda _realm: {},
    "/theme": lambda _realm: {"theme": "dark"},
    "/images/custom/{image_id}/edit": lambda _realm: {"name": "renamed"},
    "/images/custom/import": lambda _realm: {
        "name": "another",
        "file.href": "cos://us-south/images/free.qcow2",
        "operating_system.name": "debian-12-amd64",
    },
    "/images/custom/{image_id}/share": lambda realm: {
        "place": f"{realm.ids['catalogs']}/{realm.ids['offerings']}",
        "version": "3.0.0",
    },
    "/catalogs/new": lambda _realm: {"label": "another"},
    "/catalogs/{catalog_id}/delete": lambda _realm: {"confirm": "hidden catalog"},
    "/catalogs/{catalog_id}/new-product": lambda _realm: {"name": "another"},
    f"{_PRODUCT}/share": lambda _realm: {"enabled": "false"},
    f"{_PRODUCT}/allow": lambda realm: {"identifiers": realm.accounts["sibling"]},
    f"{_PRODUCT}/withhold": lambda realm: {"identifier": realm.accounts["consumer"]},
    f"{_PRODUCT}/outside": lambda _realm: {"wanted": "true"},
    "/share-requests": lambda realm: {"answer": f"rejected {realm.accounts['owner']}"},
    "/servers/new": _server,
    "/users/invite": lambda _realm: {"email": "another@publisher.example"},
    "/policies/new": lambda _realm: {"iam_id": "IBMid-VIEWER0001", "role": VIEWER, "service": "is"},
    "/api-keys/new": lambda _realm: {"name": "another"},
    "/templates/new": _server,
    "/templates/{template_id}/server": lambda _realm: {"name": "another"},
    "/groups/new": lambda realm: {
        "name": "another",
        "instance_template.id": realm.ids["pattern"],
        "subnets": realm.ids["subnets"],
    },
    "/groups/authorize": lambda realm: {"catalog": realm.ids["catalogs"]},
    "/groups/{group_id}/size": lambda _realm: {"membership_count": "1"},
    "/volumes/{volume_id}/snapshot": lambda _realm: {"name": "another"},
    "/operator": lambda _realm: {"operator_token": OPERATOR},
    "/rehearsal/clock": lambda _realm: {"to": "2000-01-01T00:00:00Z"},
    "/rehearsal/fault": lambda _realm: {"on": "call", "match": "GET /never", "effect": "refuse"},
    "/rehearsal/save": lambda _realm: {"name": "not a name of a scenario"},
    "/rehearsal/load": lambda _realm: {"name": "never", "action": "load"},
    "/rehearsal/approvals": lambda _realm: {"answer": "granted never"},
}
"""What is sent to the pages whose forms have inputs."""


def furnish(realm: Realm) -> None:
    """A session for everybody who has a token."""
    sessions = Sessions(realm.server.store, realm.server.base)
    for persona in SIGNED_IN:
        secret, session = sessions.begin()
        later = sessions.now() + 3_000
        account = realm.accounts.get(persona, realm.accounts["owner"])
        token = realm.tokens["owner" if persona == "operator" else persona]
        iam_id = realm.ids["iam_id"] if persona in {"owner", "operator"} else ""
        session.add(SignIn(account, persona, persona, iam_id, token, "none", later))
        session.operator = OPERATOR if persona == "operator" else ""
        asyncio.run(sessions.keep(secret, session))
        realm.sessions[persona] = secret


def cookies(realm: Realm, persona: str) -> dict[str, str]:
    """The header of a persona's browser; a bad token is a session that never was."""
    secret = realm.sessions.get(persona, "K-never-h" if persona == "bad token" else "")
    return {"cookie": f"kunsthalle_session={secret}"} if secret else {}


def token(realm: Realm, persona: str) -> str:
    return form_token(realm.sessions.get(persona, ""))


def form_of(realm: Realm, path: str) -> Fields:
    """What is sent to a page; many forms are but a button."""
    return FORMS[path](realm) if path in FORMS else {}
