"""Questions about catalogs, as their owner and those they are shared with may ask them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement

from kunsthalle.catalogs.kinds import CATALOG, OFFERING, VERSION
from kunsthalle.catalogs.model import Offering, Version
from kunsthalle.catalogs.states import PUBLISHED
from kunsthalle.core.errors import Problem, Reason, Target, forbidden
from kunsthalle.store.schema.catalogs import offerings, versions
from kunsthalle.store.scope import count, find, some, unguarded, window
from kunsthalle.store.unit import Unit

_SORTS = {"name": offerings.c.name, "label": offerings.c.label, "created": offerings.c.created_at}
_SORTS["updated"] = offerings.c.updated_at


def versions_of(unit: Unit, offering: Offering) -> list[Version]:
    """The versions of an offering that the caller may see: all of his own, the published ones of others'."""
    found = some(unit, VERSION, versions.c.offering_id == offering.id)
    return sorted(found, key=lambda version: version.created_at)


def published(found: list[Version]) -> list[Version]:
    """Those that can be provisioned, best first: consumable before pre-release, then by precedence (1.8)."""
    usable = [version for version in found if version.state in PUBLISHED]
    return sorted(usable, key=lambda version: (version.state == "consumable", version.precedence), reverse=True)


def ordering(text: str) -> Any:
    """The column of `sort`: `name`, `label`, `created`, `updated`, with `-` in front for descending."""
    column = _SORTS.get(text.removeprefix("-"))
    if column is None:
        names = ", ".join(_SORTS)
        raise Problem(Reason.INVALID, "bad_request", f"sort must be one of {names}.", Target("sort", "parameter"))
    return column.desc() if text.startswith("-") else column.asc()


def list_offerings(
    unit: Unit, where: list[ColumnElement[bool]], sort: str, offset: int, limit: int
) -> tuple[int, list[Offering]]:
    """A window of the offerings the caller may see."""
    total = count(unit, OFFERING, *where)
    return total, window(unit, OFFERING, *where, order=ordering(sort), offset=offset, limit=limit)


def contains(text: str) -> ColumnElement[bool]:
    """Offerings whose name contains a text."""
    return offerings.c.name.contains(text, autoescape=True)


def refresh(unit: Unit, offering: Offering) -> Offering:
    """The offering as it is now."""
    return find(unit, OFFERING, offering.id)


def all_catalogs(unit: Unit) -> list[Any]:
    """Every catalog the caller may see: this list has no pages."""
    return some(unit, CATALOG)


def label_of(unit: Unit, catalog_id: str) -> str:
    """A catalog's label, which is shown on its offerings also to those who may not open the catalog."""
    found = unguarded(unit, CATALOG, CATALOG.table.c.id == catalog_id)
    return found[0].label if found else ""


def account_is_own(unit: Unit, given: str | None) -> None:
    """403 for a catalog that is to belong to somebody else."""
    if given not in {None, "", unit.ctx.account_id}:
        raise forbidden("A catalog is created in the caller's own account.")
