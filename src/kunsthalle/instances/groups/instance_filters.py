"""The filters of the list of servers by the group that they are in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, false

from kunsthalle.core.crn import parse
from kunsthalle.db.scope_conditions import exists
from kunsthalle.instances.groups.tables import memberships


def in_group(id_: str | None, crn: str | None, instance_id: Column[Any]) -> list[ColumnElement[bool]]:
    """What is asked of the group: its id, or its CRN. Of other accounts' servers none is in the list anyway."""
    asked = [] if id_ is None else [id_]
    if crn is not None:
        asked.append(_id_in(crn))
    here = memberships.c.instance_id == instance_id
    return [
        exists(memberships, here, memberships.c.instance_group_id == group_id) if group_id else false()
        for group_id in asked
    ]


def _id_in(text: str) -> str:
    try:
        crn = parse(text)
    except ValueError:
        return ""
    return crn.resource if (crn.service, crn.type) == ("is", "instance-group") else ""
