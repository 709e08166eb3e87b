"""`/_kunsthalle/signing_keys`: the keys that tokens are signed with, listed and rotated."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.api import access
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.iam import OPERATOR
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.kv import SIGNING_KEYS, get
from kunsthalle.db.session import Session
from kunsthalle.iam.signing_key_rotation import rotate_now
from kunsthalle.iam.signing_keys import ROTATE, SigningKeys, parse_keys

PATH = "/_kunsthalle/signing_keys"


class SigningKeyResponse(ResponseBody):
    """A key without what is secret of it. `state` is `signs`, `verifies`, or `waits` until every node knows it.

    `begins_at` is left out for the first key of a store, `ends_at` while no other has replaced it. Both are real time.
    """

    id: str
    state: str
    begins_at: str | UnsetType = UNSET
    ends_at: str | UnsetType = UNSET


class SigningKeysResponse(ResponseBody):
    """The keys, newest first."""

    signing_keys: list[SigningKeyResponse]


def _response(session: Session, keys: SigningKeys) -> SigningKeysResponse:
    now = session.ctx.clock.real()
    signing = keys.signing(now)
    return SigningKeysResponse(
        signing_keys=[
            SigningKeyResponse(
                id=entry.id,
                state="signs" if entry is signing else "waits" if entry.begins > now else "verifies",
                begins_at=rfc3339(entry.begins) if entry.begins else UNSET,
                ends_at=UNSET if entry.ends is None else rfc3339(entry.ends),
            )
            for entry in keys.keys
            if entry.ends is None or entry.ends > now
        ]
    )


def _list(session: Session, _request: Request) -> SigningKeysResponse:
    """List the keys that sign and verify tokens."""
    return _response(session, parse_keys(session.cipher, str(get(session, SIGNING_KEYS))))


def _rotate(session: Session, _request: Request) -> SigningKeysResponse:
    """Add a signing key; older ones verify until their last tokens have ended."""
    return _response(session, rotate_now(session))


def signing_key_routes() -> tuple[Route, ...]:
    read, change = access.operator("kunsthalle.signing-keys.read"), access.operator(ROTATE)
    answer = SigningKeysResponse
    return (
        route("GET", PATH, _list, surface=OPERATOR, access=read, answer=answer),
        route("POST", f"{PATH}/rotate", _rotate, surface=OPERATOR, access=change, answer=answer),
    )
