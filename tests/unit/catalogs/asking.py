"""What a caller is given: the image that boots, and pages of offerings, which are what is seen one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import or_

from kunsthalle.catalogs.resources import CATALOG, IN_CATALOG, OFFERING
from kunsthalle.catalogs.sharing import offering_lists
from kunsthalle.catalogs.tables import offerings
from kunsthalle.catalogs.versions import boot_resolution
from kunsthalle.core.errors import Problem
from kunsthalle.db.pages import window
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import count, some


def booted(session: Session, *, version_crn: str | None = None, offering_crn: str | None = None) -> str | None:
    """The image that a server would boot, or None when it is refused."""
    try:
        return boot_resolution.bootable(session, version_crn=version_crn, offering_crn=offering_crn).image.id
    except Problem:
        return None


class _Page(NamedTuple):
    """A page, and what says without the lists what is on it."""

    ask: Callable[[], tuple[int, Any]]
    plainly: Callable[[], tuple[int, list[Any]]]
    about: tuple[object, ...]


def pages_are_right(session: Session, turn: int) -> None:
    """Pages of the caller's list and of its catalogs, and how many there are said to be, are what visibility gives.

    Some of them at each turn, and each of them at some turn.
    """
    for page in _pages(session, turn):
        total, found = page.ask()
        assert (total, found.items) == page.plainly(), page.about


def look(session: Session, turn: int) -> None:
    """Ask for the same pages, so that they are remembered, where another test sees that they are right."""
    for page in _pages(session, turn):
        page.ask()


def _pages(session: Session, turn: int) -> Iterator[_Page]:
    hidden, public, offset = bool(turn & 1), bool(turn & 2), turn // 4 % 5
    for flags, start in ((True, True), 1), ((hidden, public), 0), ((hidden, public), offset):
        yield _list(session, start, hidden=flags[0], public=flags[1])
    for catalog in some(session, CATALOG):
        yield _catalog(session, catalog.id, 1, hidden=True)
        yield _catalog(session, catalog.id, offset, hidden=hidden)


def _list(session: Session, offset: int, *, hidden: bool, public: bool) -> _Page:
    where = [] if hidden else [offerings.c.hidden.is_(False)]
    if not public:
        where.append(or_(offerings.c.share_with_all.is_(False), offerings.c.account_id == session.ctx.account_id))
    ask = partial(offering_lists.page, session, offset, 2, hidden=hidden, public=public)
    return _Page(ask, partial(_plainly, session, OFFERING, where, offset), (offset, hidden, public))


def _catalog(session: Session, id_: str, offset: int, *, hidden: bool) -> _Page:
    where = (
        [offerings.c.catalog_id == id_] if hidden else [offerings.c.catalog_id == id_, offerings.c.hidden.is_(False)]
    )
    ask = partial(offering_lists.page_of_catalog, session, id_, offset, 2, hidden=hidden)
    return _Page(ask, partial(_plainly, session, IN_CATALOG, where, offset), (offset, hidden))


def _plainly(session: Session, kind: Any, where: list[Any], offset: int) -> tuple[int, list[Any]]:
    return count(session, kind, *where), window(
        session, kind, *where, order=offerings.c.label, offset=offset, limit=2
    ).items
