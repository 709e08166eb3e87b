"""Lists of images."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, false

from kunsthalle.api.request import Request
from kunsthalle.db.pages import Page, page
from kunsthalle.db.session import Session
from kunsthalle.images.models import Image
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS
from kunsthalle.images.resources import IMAGE


def _values(request: Request, name: str) -> list[str]:
    """A filter that may be repeated or hold several values between commas."""
    return [part for text in request.query.getlist(name) for part in text.split(",")]


def _conditions(request: Request) -> list[ColumnElement[bool]]:
    columns, query = IMAGE.table.c, request.query
    found: list[Any] = []
    if "name" in query:
        found.append(columns.name == query["name"])
    if "resource_group.id" in query:
        found.append(columns.resource_group_id == query["resource_group.id"])
    if "status" in query:
        found.append(columns.status.in_(_values(request, "status")))
    if "user_data_format" in query:
        wanted = _values(request, "user_data_format")
        names = [name for name, system in OPERATING_SYSTEMS.items() if system.user_data_format in wanted]
        found.append(columns.operating_system.in_(names))
    if _only_foreign(request):
        found.append(false())
    return found


def _only_foreign(request: Request) -> bool:
    """Whether only images of other accounts are asked for: shared ones are never in this list (D4)."""
    query = request.query
    visibilities = set(_values(request, "visibility"))
    return (
        (bool(visibilities) and "private" not in visibilities)
        or query.get("remote.account.id", "null") != "null"
        or query.get("owner_type", "user") != "user"
    )


def list_images(session: Session, request: Request, after: tuple[int, str] | None, limit: int) -> Page[Image]:
    """A page of the caller's own images, newest first."""
    return page(session, IMAGE, *_conditions(request), after=after, limit=limit)
