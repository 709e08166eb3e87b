"""The access rules of paths of this package: an offering in its catalog, a version by `<catalog id>.<version id>`."""

from __future__ import annotations

import re

from kunsthalle.api.access import Access, item
from kunsthalle.api.request import Request
from kunsthalle.catalogs.resources import OFFERING, RETRIEVE, VERSION
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, resolve, some

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_LOCATOR = re.compile(rf"({_UUID})\.({_UUID})")
PARAM = "version_loc_id"


class VersionItem(Access, frozen=True):
    """400 for a malformed locator, 404 for one that is hidden or absent, 403 for a action out of reach (1.10)."""

    def check(self, session: Session, request: Request) -> None:
        found = _LOCATOR.fullmatch(request.params[PARAM])
        if found is None:
            raise invalid("bad_request", "A version locator is <catalog id>.<version id>.", PARAM, type_="parameter")
        granted = resolve(session, VERSION, found[2], self.action, PARAM)
        if granted.resource.catalog_id != found[1]:
            raise not_found(PARAM)
        request.authorized = granted


def version(action: str = RETRIEVE) -> Access:
    """A caller who sees the version and may do the action on it."""
    return VersionItem(action)


class NamedOffering(Access, frozen=True):
    """By id, or with `type=name` by the name that an offering has in its catalog."""

    def check(self, session: Session, request: Request) -> None:
        by = request.query.get("type", "id")
        if by not in {"id", "name"}:
            raise invalid("bad_request", "type must be id or name.", "type", type_="parameter")
        columns = OFFERING.table.c
        wanted = columns.id if by == "id" else columns.name
        given, catalog = request.params["offering_id"], request.params["catalog_id"]
        found = some(session, OFFERING, wanted == given, columns.catalog_id == catalog, limit=1)
        if not found:
            raise not_found("offering_id")
        request.authorized = Authorized(found[0], self.action)


def offering(action: str = RETRIEVE) -> Access:
    """A caller who sees the offering, in the catalog that the path names, and may do the action on it."""
    return item(OFFERING, action, "offering_id", ("catalog_id",))
