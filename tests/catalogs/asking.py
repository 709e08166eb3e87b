"""What a caller is given: the image that boots, and pages of offerings, which are what is seen one by one."""

from __future__ import annotations

from typing import Any

from sqlalchemy import or_

from kunsthalle.catalogs import listings, sources
from kunsthalle.catalogs.kinds import CATALOG, IN_CATALOG, OFFERING
from kunsthalle.core.errors import Problem
from kunsthalle.store.schema.catalogs import offerings
from kunsthalle.store.scope import count, some, window
from kunsthalle.store.unit import Unit


def booted(unit: Unit, *, version_crn: str | None = None, offering_crn: str | None = None) -> str | None:
    """The image that a server would boot, or None when it is refused."""
    try:
        return sources.bootable(unit, version_crn=version_crn, offering_crn=offering_crn).image.id
    except Problem:
        return None


def pages_are_right(unit: Unit, turn: int) -> None:
    """Pages of the caller's list and of its catalogs, and how many there are said to be, are what sight gives.

    Some of them at each turn, and each of them at some turn.
    """
    hidden, public, offset = bool(turn & 1), bool(turn & 2), turn // 4 % 5
    for flags, start in ((True, True), 1), ((hidden, public), 0), ((hidden, public), offset):
        _list(unit, start, hidden=flags[0], public=flags[1])
    for catalog in some(unit, CATALOG):
        _catalog(unit, catalog.id, 1, hidden=True)
        _catalog(unit, catalog.id, offset, hidden=hidden)


def _list(unit: Unit, offset: int, *, hidden: bool, public: bool) -> None:
    where = [] if hidden else [offerings.c.hidden.is_(False)]
    if not public:
        where.append(or_(offerings.c.share_with_all.is_(False), offerings.c.account_id == unit.ctx.account_id))
    total, found = listings.page(unit, offset, 2, hidden=hidden, public=public)
    assert (total, found) == _plainly(unit, OFFERING, where, offset), (offset, hidden, public)


def _catalog(unit: Unit, id_: str, offset: int, *, hidden: bool) -> None:
    where = (
        [offerings.c.catalog_id == id_] if hidden else [offerings.c.catalog_id == id_, offerings.c.hidden.is_(False)]
    )
    total, found = listings.page_of_catalog(unit, id_, offset, 2, hidden=hidden)
    assert (total, found) == _plainly(unit, IN_CATALOG, where, offset), (offset, hidden)


def _plainly(unit: Unit, kind: Any, where: list[Any], offset: int) -> tuple[int, list[Any]]:
    return count(unit, kind, *where), window(unit, kind, *where, order=offerings.c.label, offset=offset, limit=2)
