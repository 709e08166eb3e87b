"""Questions about catalogs, as their owner and those they are shared with may ask them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sqlalchemy import ColumnElement

from kunsthalle.catalogs.models import Offering, Plan, Version
from kunsthalle.catalogs.resources import CATALOG, OFFERING, PLAN, VERSION
from kunsthalle.catalogs.states import PUBLISHED
from kunsthalle.catalogs.tables import catalogs, offerings, plans, publish_approvals, versions
from kunsthalle.core.errors import forbidden
from kunsthalle.core.records import dataclass
from kunsthalle.db.compiled_selects import among
from kunsthalle.db.page_bytes import Window, fitting, row_bytes
from kunsthalle.db.pages import window
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import fixed_select
from kunsthalle.db.visibility import ResourceType, count, find, matching, some, unscoped, values_of

_SORTS = {"name": offerings.c.name, "label": offerings.c.label, "created": offerings.c.created_at}
_SORTS["updated"] = offerings.c.updated_at
_ORIGINAL = versions.c.copy_of == ""
_VERSIONS_OF = (among(versions.c.offering_id, "offerings"), _ORIGINAL)
_PLANS_OF = (among(plans.c.offering_id, "offerings"),)
_APPROVALS_OF = fixed_select(
    (publish_approvals.c.offering_id, publish_approvals.c.state), among(publish_approvals.c.offering_id, "offerings")
)
_LABELS = fixed_select((catalogs.c.id, catalogs.c.label), among(catalogs.c.id, "catalogs"))


@dataclass(frozen=True, slots=True)
class Branch:
    """An offering with what is shown of it: the versions and plans the caller may see, its catalog's label.

    `approval` is the state of its approval for publication outside the enterprise, or empty.
    """

    offering: Offering
    versions: list[Version]
    plans: list[Plan]
    catalog_label: str
    approval: str


def branches(session: Session, offerings: list[Offering]) -> list[Branch]:
    """Offerings with what hangs on them, in as many statements for a page as for one."""
    ids, catalog_ids = [offering.id for offering in offerings], {offering.catalog_id for offering in offerings}
    by_offering = _grouped(matching(session, VERSION, _VERSIONS_OF, offerings=ids))
    named = labels(session, catalog_ids)
    planned = _grouped(matching(session, PLAN, _PLANS_OF, offerings=ids))
    approvals: dict[str, str] = dict(map(tuple, _APPROVALS_OF.all(session, {"offerings": ids})))
    return [
        Branch(
            offering,
            by_offering[offering.id],
            planned[offering.id],
            named.get(offering.catalog_id, ""),
            approvals.get(offering.id, ""),
        )
        for offering in offerings
    ]


def labels(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """The labels of catalogs, which are shown on what is in them also to those who may not open the catalog."""
    return dict(map(tuple, _LABELS.all(session, {"catalogs": list(ids)})))


def _grouped(rows: Iterable[Any]) -> defaultdict[str, list[Any]]:
    groups: defaultdict[str, list[Any]] = defaultdict(list)
    for record in sorted(rows, key=lambda row: row.created_at):
        groups[record.offering_id].append(record)
    return groups


def branch(session: Session, offering: Offering) -> Branch:
    """One offering with what hangs on it."""
    return branches(session, [offering])[0]


def versions_of(session: Session, offering: Offering) -> list[Version]:
    """The versions of an offering that the caller may see, oldest first: all of their own, the published of others'."""
    rows = some(session, VERSION, versions.c.offering_id == offering.id, _ORIGINAL)
    return sorted(rows, key=lambda version: version.created_at)


def fitting_versions(session: Session, page_versions: list[Version]) -> list[Version]:
    """The first versions that have room together on one page."""
    ids = versions.c.id.in_([version.id for version in page_versions])
    rows: Any = values_of(session, VERSION, (versions.c.id, row_bytes(versions)), ids, limit=len(page_versions))
    sizes: dict[str, int] = {row[0]: row[1] for row in rows}
    return page_versions[: len(fitting(((sizes[version.id],) for version in page_versions), len(page_versions))[0])]


def published(versions: list[Version]) -> list[Version]:
    """Those that can be provisioned, best first: consumable before pre-release, then by precedence (1.8)."""
    usable = [version for version in versions if version.state in PUBLISHED]
    return sorted(usable, key=lambda version: (version.state == "consumable", version.precedence), reverse=True)


def successor(version: Version, siblings: list[Version]) -> Version | None:
    """What to use instead of a version on its way out: the best published one that stays, if there is one."""
    if version.deprecate_pending is None and version.state != "deprecated":
        return None
    staying = [newer for newer in published(siblings) if newer.id != version.id and newer.deprecate_pending is None]
    return staying[0] if staying else None


def working_copy(session: Session, version: Version) -> Version | None:
    """The draft of a version, if there is one."""
    rows = unscoped(session, VERSION, versions.c.copy_of == version.id)
    return rows[0] if rows else None


def ordering(text: str) -> Any:
    """The column of `sort`: `name`, `label`, `created`, `updated`, with `-` in front for descending."""
    column = _SORTS[text.removeprefix("-")]
    return column.desc() if text.startswith("-") else column.asc()


def list_offerings(
    session: Session, kind: ResourceType[Offering], where: list[ColumnElement[bool]], sort: str, offset: int, limit: int
) -> tuple[int, Window[Offering]]:
    """A window of the offerings the caller may see, as the one kind or the other."""
    order = ordering(sort)
    return count(session, kind, *where), window(session, kind, *where, order=order, offset=offset, limit=limit)


def contains(text: str) -> ColumnElement[bool]:
    """Offerings whose name contains a text."""
    return offerings.c.name.contains(text, autoescape=True)


def refresh(session: Session, offering: Offering) -> Offering:
    """The offering as it is now."""
    return find(session, OFFERING, offering.id)


def all_catalogs(session: Session) -> list[Any]:
    """Every catalog the caller may see: this list has no pages."""
    return some(session, CATALOG)


def account_is_own(session: Session, account_id: str | None) -> None:
    """403 for a catalog that is to belong to somebody else."""
    if account_id not in {None, "", session.ctx.account_id}:
        raise forbidden("A catalog is created in the caller's own account.")
