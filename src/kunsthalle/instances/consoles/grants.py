"""Console access tokens (reference/vpc-api.md B2): made by the API, spent by whoever opens the web socket they are for.

A token opens one console, once, within a minute; a server has one at most, and a new one takes the place of the last
(the words of `ibm-vpc` 0.36.0; the minute is ours). What is kept of it is its hash.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Literal

from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.authz.context import Actor
from kunsthalle.authz.permissions import Grants
from kunsthalle.core.clock import SECOND, rfc3339
from kunsthalle.core.errors import Problem, conflict, invalid, unauthenticated
from kunsthalle.core.records import dataclass
from kunsthalle.db import audit
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import add_row, remove_rows, rows_of
from kunsthalle.hypervisor.protocol import Channel, Hypervisor
from kunsthalle.instances.models import Instance
from kunsthalle.instances.queries import instance_of
from kunsthalle.instances.tables import console_tokens

LASTS = 60 * SECOND
_OPENED = "is.instance.instance.console-open"
_SWITCHING = 101
_UP = frozenset({"starting", "running", "restarting", "stopping"})
"""States in which a server has a machine, or will at once."""


class ConsoleAccessTokenRequest(RequestBody):
    """What the token is to open. `force` hangs up on whoever has the serial console; a screen is for many."""

    console_type: Literal["serial", "vnc"]
    force: bool = False


class ConsoleAccessTokenResponse(ResponseBody):
    """A token. `href` is the address of a web socket and holds the token already."""

    access_token: str
    console_type: str
    created_at: str
    expires_at: str
    force: bool
    href: str


@dataclass(frozen=True, slots=True)
class ConsoleGrant:
    """What a spent token opens."""

    instance_id: str
    line: Channel
    force: bool


def issue(
    session: Session, hypervisor: Hypervisor, instance: Instance, body: ConsoleAccessTokenRequest
) -> ConsoleAccessTokenResponse:
    """Makes a server's token. 409 for a server that is off; 400 for a screen where servers have none."""
    line = Channel(body.console_type)
    if line not in hypervisor.offers:
        raise invalid("bad_field", "Servers are simulated here and have no screen, only `serial`.", "console_type")
    if instance.status not in _UP:
        raise conflict("invalid_state", f"A server that is {instance.status} has no console.")
    ctx = session.ctx
    token, now = ctx.ids.secret(), ctx.now()
    forget(session, instance.id)
    add_row(
        session,
        console_tokens,
        instance_id=instance.id,
        digest=_digest(token),
        line=line.value,
        force=body.force,
        account_id=ctx.account_id,
        iam_id=ctx.actor.iam_id,
        expires_at=now + LASTS,
    )
    return ConsoleAccessTokenResponse(
        access_token=token,
        console_type=line.value,
        created_at=rfc3339(now),
        expires_at=rfc3339(now + LASTS),
        force=body.force,
        href=f"ws{ctx.origin.removeprefix('http')}{path(instance.id)}?access_token={token}",
    )


def path(instance_id: str) -> str:
    """Where a server's console is opened."""
    return f"/v1/instances/{instance_id}/console"


def check(session: Session, instance_id: str, token: str) -> Any:
    """The row of a token that opens a server's console.

    401, and no other answer, for a token that is unknown, spent, expired, or for another server, be there one or not.
    """
    for row in rows_of(session, console_tokens, console_tokens.c.instance_id == instance_id):
        if hmac.compare_digest(row.digest, _digest(token)) and session.ctx.now() < row.expires_at:
            return row
    raise _unknown()


def spend(session: Session, instance_id: str, token: str) -> ConsoleGrant:
    """What a token opens, which it does no second time; in the audit as a action of whoever asked for it. 401 as
    `check`."""
    row, instance = check(session, instance_id, token), instance_of(session, instance_id)
    if instance is None or not remove_rows(session, console_tokens, console_tokens.c.digest == row.digest):
        raise _unknown()
    holder = session.ctx.acting_as(Actor(row.iam_id, ""), row.account_id, Grants(row.account_id, ()), ())
    audit.record(session.as_context(holder), _OPENED, path(instance_id), _SWITCHING, subject=instance)
    return ConsoleGrant(instance_id, Channel(row.line), row.force)


def forget(session: Session, instance_id: str) -> None:
    """Revoke the token of a server."""
    remove_rows(session, console_tokens, console_tokens.c.instance_id == instance_id)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def _unknown() -> Problem:
    return unauthenticated("The console access token is unknown, spent or expired.")
