"""What was done to catalogs, and by whom: the audit rows of an account, in both API generations (1.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kunsthalle.accounts.queries import user
from kunsthalle.api.surfaces.catalog import BASE
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db import audit
from kunsthalle.db.audit import Entry
from kunsthalle.db.session import Session
from kunsthalle.db.tables import audit as table
from kunsthalle.db.visibility import ResourceType, unscoped

Doc = dict[str, Any]


AUDIT = ResourceType("audit", table, Entry, "globalcatalog-collection.instance.update")


def entries(session: Session, about: Sequence[str], start: str | None, limit: int) -> tuple[list[Entry], str | None]:
    """A page of what the account did and what was done to its resources, newest first, and where the next page begins.

    `about` are beginnings of paths and CRNs. The route's rule has said that the caller may read them.
    """
    found = audit.page(session, about=about, after=_place(start) if start else None, limit=limit)
    return found.items, f"{found.last[0]}.{found.last[1]}" if found.last is not None else None


def _place(start: str) -> tuple[int, str]:
    moment, _, id_ = start.partition(".")
    if not moment.isascii() or not moment.isdigit() or len(moment) > 18 or not id_:
        raise invalid("bad_request", "start must come from the last page.", "start", type_="parameter")
    return int(moment), id_


def entry(session: Session, about: Sequence[str], id_: str) -> Entry:
    """One row; 404 when it is not there, about something else, or another account's."""
    for one in unscoped(session, AUDIT, table.c.id == id_):
        texts = (one.target, one.thing_crn or "")
        ours = session.ctx.account_id in {one.account_id, one.thing_account_id}
        if ours and any(text.startswith(tuple(about)) for text in texts):
            return one
    raise not_found("auditlog_identifier")


def _target(path: str) -> tuple[str, str]:
    """What a path, or a CRN, is about: the type and the id of its deepest resource."""
    if path.startswith("crn:"):
        crn = parse(path)
        return crn.type or "catalog", crn.resource or crn.instance
    names = {"catalogs": "catalog", "offerings": "offering", "versions": "version", "objects": "object"}
    names |= {"plans": "plan", "catalogaccount": "account", "shareapproval": "shareapproval", "instances": "instance"}
    parts = path.removeprefix(BASE).split("/")
    found = ("account", "")
    for at, part in enumerate(parts):
        if part in names:
            found = (names[part], parts[at + 1] if at + 1 < len(parts) else "")
    return found


def digest_response(session: Session, one: Entry, *, names: bool = False) -> Doc:
    """A row as lists show it."""
    type_, id_ = _target(one.target)
    who = user(session, one.account_id, one.initiator or one.actor)
    ended = "failed" if one.initiator else "refused"
    refused = f"{ended}: {one.code or one.outcome}" if one.outcome >= 400 else "done"
    found = {
        "id": one.id,
        "_rev": f"1-{one.id.replace('-', '')}",
        "created": rfc3339(one.at),
        "change_type": one.action.rsplit(".", 1)[-1],
        "target_type": type_,
        "target_id": id_,
        "who_email": who.user_id if who else "",
        "who_delegate_email": "",
        "message": f"{one.action} on {one.target}: {refused}",
    }
    return {**found, "who_name": who.name if who else one.initiator or one.actor} if names else found


def entry_response(session: Session, one: Entry) -> Doc:
    """A row in full."""
    asked = one.initiator or one.actor
    who, delegate = user(session, one.account_id, asked), one.actor if one.initiator else ""
    more = {
        "gid": one.trace,
        "who_id": asked,
        "who_name": who.name if who else asked,
        "who_delegate_id": delegate,
        "who_delegate_name": delegate,
        "data": {"outcome": one.outcome, "code": one.code, "action": one.action},
    }
    return {**digest_response(session, one), **more}
