"""`/_kunsthalle/signing_keys`: the keys that tokens are signed with, listed and rotated."""

from __future__ import annotations

from collections.abc import Callable

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
from kunsthalle.operator import master_key_rotation

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


class MasterKeyResponse(ResponseBody):
    """The id of the master key that encrypts from now on, and in words what follows."""

    id: str
    message: str


class RotatedResponse(SigningKeysResponse):
    """The keys that sign, newest first, and what became of the master key."""

    master_key: MasterKeyResponse


def _shown(session: Session, keys: SigningKeys) -> list[SigningKeyResponse]:
    now = session.ctx.clock.real()
    signing = keys.signing(now)
    return [
        SigningKeyResponse(
            id=entry.id,
            state="signs" if entry is signing else "waits" if entry.begins > now else "verifies",
            begins_at=rfc3339(entry.begins) if entry.begins else UNSET,
            ends_at=UNSET if entry.ends is None else rfc3339(entry.ends),
        )
        for entry in keys.keys
        if entry.ends is None or entry.ends > now
    ]


def _list(session: Session, _request: Request) -> SigningKeysResponse:
    """List the keys that sign and verify tokens."""
    keys = parse_keys(session.cipher, str(get(session, SIGNING_KEYS)))
    return SigningKeysResponse(signing_keys=_shown(session, keys))


def signing_key_routes(other_nodes: Callable[[Session], int]) -> tuple[Route, ...]:
    """`other_nodes`: how many serve the database beside this one."""

    def rotate(session: Session, _request: Request) -> RotatedResponse:
        """Add a signing key, and a master key where those come from a file.

        Older keys verify until their last tokens have ended; secrets are encrypted with the new master key by a job.
        """
        keys = rotate_now(session)
        master = master_key_rotation.rotate(session, other_nodes)
        answer = MasterKeyResponse(id=master.id, message=master.text)
        return RotatedResponse(signing_keys=_shown(session, keys), master_key=answer)

    read, change = access.operator("kunsthalle.signing-keys.read"), access.operator(ROTATE)
    return (
        route("GET", PATH, _list, surface=OPERATOR, access=read, answer=SigningKeysResponse),
        route("POST", f"{PATH}/rotate", rotate, surface=OPERATOR, access=change, answer=RotatedResponse),
    )
