"""Who a bearer token is. What the other packages use of this one is gathered here."""

from __future__ import annotations

import math

from kunsthalle.accounts.queries import recipients
from kunsthalle.authz.context import Actor, Context
from kunsthalle.authz.permissions import Grants
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import unauthenticated
from kunsthalle.db.session import Session
from kunsthalle.iam.api_keys import create_api_key
from kunsthalle.iam.policies import create_policy, drop_subject, is_authorized, make_owner
from kunsthalle.iam.queries import grants_at, grants_of, valid_until
from kunsthalle.iam.service_ids import create_owner
from kunsthalle.iam.tokens import Tokens


def authenticate(tokens: Tokens, session: Session, authorization: str) -> Context:
    """The context of a bearer token: its identity, in the account of its key, with what it holds there.

    In no account, and holding nothing, is whoever was invited and has not accepted (docs/decisions/0023).
    401 for a token that is not ours or out of time, and for one whose key, identity or account has ended since.
    """
    scheme, _, token = authorization.strip().partition(" ")
    if not token and scheme.count(".") == 2:
        scheme, token = "bearer", scheme  # the documentation's samples send the bare token
    if scheme.lower() != "bearer" or not token:
        raise unauthenticated()
    tokens.follow(session)
    claims = tokens.verify(token.strip())
    until = valid_until(session, claims)
    if until <= session.ctx.now():
        raise unauthenticated()
    actor = Actor(claims.iam_id, claims.name, claims.email, claims.kind)
    if not claims.account_id:
        session.lasts(until, claims.expires * SECOND)
        return session.ctx.acting_as(actor, "", Grants("", ()), ())
    grants, timed = grants_at(session, claims.account_id, claims.iam_id)
    session.lasts(-math.inf if timed else until, claims.expires * SECOND)
    return session.ctx.acting_as(actor, claims.account_id, grants, recipients(session, claims.account_id))


__all__ = [
    "authenticate",
    "create_api_key",
    "create_owner",
    "create_policy",
    "drop_subject",
    "grants_of",
    "is_authorized",
    "make_owner",
]
