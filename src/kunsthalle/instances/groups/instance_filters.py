"""The filters of the list of servers by the group that they are in."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, false

from kunsthalle.api.request import Request
from kunsthalle.core.crn import parse
from kunsthalle.db.scope_conditions import exists
from kunsthalle.instances.groups.tables import memberships

_FILTER = "instance_group_membership.instance_group"


def in_group(request: Request, instance_id: Column[Any]) -> list[ColumnElement[bool]]:
    """What the request asks of the group: its id, or its CRN. Of other accounts' servers none is in the list anyway."""
    asked = [request.query[f"{_FILTER}.id"]] if f"{_FILTER}.id" in request.query else []
    if f"{_FILTER}.crn" in request.query:
        asked.append(_id_in(request.query[f"{_FILTER}.crn"]))
    here = memberships.c.instance_id == instance_id
    return [exists(memberships, here, memberships.c.instance_group_id == one) if one else false() for one in asked]


def _id_in(text: str) -> str:
    try:
        crn = parse(text)
    except ValueError:
        return ""
    return crn.resource if (crn.service, crn.type) == ("is", "instance-group") else ""
