"""Whom a fault is about, where it is about somebody: an account by its name or id, a user by a login or an IAM ID."""

from __future__ import annotations

from kunsthalle.accounts.queries import memberships_of
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import invalid
from kunsthalle.db.engine import Store
from kunsthalle.operator.accounts import find_account
from kunsthalle.operator.routes_faults_and_states import Callers


def callers(store: Store) -> Callers:
    """How the texts are read in a store."""

    def account(ctx: Context, text: str) -> str:
        return store.read(ctx, lambda session: find_account(session, text).id)

    def user(ctx: Context, text: str) -> str:
        if "@" not in text:
            return text  # an IAM ID, which services and trusted profiles have as well
        memberships = store.read(ctx, lambda session: memberships_of(session, text.lower()))
        if not memberships:
            raise invalid("bad_field", f"Nobody signs in as {text[:64]!r}.", "user")
        return memberships[0].iam_id

    return Callers(account, user)
