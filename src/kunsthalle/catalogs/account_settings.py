"""The catalog settings of an account. They filter public products, of which this server has none: kept and echoed."""

from __future__ import annotations

from typing import Any

from kunsthalle.catalogs.records import AccountSettings
from kunsthalle.catalogs.resources import SETTINGS
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import IntegrityError, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must
from kunsthalle.db.visibility import unscoped

NO_FILTERS: dict[str, Any] = {"include_all": True, "category_filters": {}, "id_filters": {}}


def settings(session: Session) -> AccountSettings:
    """The account's settings, or the defaults."""
    found = unscoped(session, SETTINGS, SETTINGS.table.c.id == session.ctx.account_id)
    return (
        found[0] if found else AccountSettings(session.ctx.account_id, session.ctx.account_id, False, {}, "", 0, 0, 0)
    )


def put(
    session: Session, id_: str | None, rev: str | None, hide_public: bool, filters: dict[str, Any], region_filter: str
) -> AccountSettings:
    """Replaces the settings. 400 for another account's, 409 for a stale `_rev`; clients may leave `_rev` out."""
    old, ctx = settings(session), session.ctx
    if id_ not in {None, "", ctx.account_id}:
        raise invalid("bad_request", "There is no such account.", "id")
    if rev not in {None, "", old.rev}:
        raise conflict("conflict", "_rev is not the current one; get the account again.", "_rev")
    now = ctx.now()
    if old.revision:
        values = {"hide_public": hide_public, "account_filters": filters, "region_filter": region_filter}
        same = SETTINGS.table.c.revision == old.revision
        must(update(session, SETTINGS, old.id, same, updated_at=now, **values), "Changed meanwhile.", "conflict")
        return settings(session)
    made = AccountSettings(ctx.account_id, ctx.account_id, hide_public, filters, region_filter, now, now)
    try:
        return insert(session, SETTINGS, made)
    except IntegrityError as error:
        raise conflict("conflict", "The settings were changed meanwhile.") from error
