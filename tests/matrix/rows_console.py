"""The console's pages: sessions for the personas, what paths name, and what forms are filled in with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from kunsthalle.console.sessions import Sessions, SignIn, form_token
from support.realm import PERSONAS, Realm

BODIES: dict[str, Any] = {}
"""The console has no routes of the API."""

SIGNED_IN = tuple(one for one in PERSONAS if one not in {"no token", "bad token"})
NAMES = {"image_id": "images"}
"""What a path of the console names, and where the realm keeps the publisher's."""

Fields = dict[str, str]
FORMS: dict[str, Callable[[Realm], Fields]] = {
    "/sign-in": lambda _realm: {"apikey": "none"},
    "/account": lambda _realm: {"account": "none"},
    "/sign-out": lambda _realm: {},
    "/theme": lambda _realm: {"theme": "dark"},
    "/images/custom/{image_id}/edit": lambda _realm: {"name": "renamed"},
}
"""What is sent to every page with a form."""


def furnish(realm: Realm) -> None:
    """A session for everybody who has a token; for the owner one with the operator's token, too."""
    sessions = Sessions(realm.server.store, realm.server.base)
    for persona in SIGNED_IN:
        secret, session = sessions.begin()
        later = sessions.now() + 3_000
        account = realm.accounts.get(persona, realm.accounts["owner"])
        session.add(SignIn(account, persona, persona, "", realm.tokens[persona], "none", later))
        asyncio.run(sessions.keep(secret, session))
        realm.sessions[persona] = secret


def cookies(realm: Realm, persona: str) -> dict[str, str]:
    """The header of a persona's browser; a bad token is a session that never was."""
    secret = realm.sessions.get(persona, "K-never-h" if persona == "bad token" else "")
    return {"cookie": f"kunsthalle_session={secret}"} if secret else {}


def token(realm: Realm, persona: str) -> str:
    return form_token(realm.sessions.get(persona, ""))
