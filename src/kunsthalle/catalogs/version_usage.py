"""Which versions of an offering still run, and where: numbers by version, for the owner.

Of other accounts the owner is told names and numbers, as in the lineage of an image; never an id, nor what it is that
they run.
"""

from __future__ import annotations

from typing import Any

from kunsthalle.catalogs import queries
from kunsthalle.catalogs.explain import KINDS, ImageUsage, Marks, Uses, name_of
from kunsthalle.catalogs.models import Offering, Version
from kunsthalle.catalogs.tables import version_images
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of

Doc = dict[str, Any]
MOST = 500
"""So many accounts of a version are told one by one; of those beyond, the numbers of the version alone tell."""


def usage_of_versions(session: Session, usage: ImageUsage, offering: Offering, wanted: str = "") -> Doc:
    """The versions of an offering, latest first, each with what accounts have made of it.

    `wanted` narrows to a version: `1.2.0`, or the beginning of some, `1.2`.
    """
    every = sorted(queries.versions_of(session, offering), key=lambda one: one.precedence, reverse=True)
    best = queries.published(every)[:1]
    shown = [
        _version(session, usage, offering, one, best=one in best) for one in every if _is_meant(one.version, wanted)
    ]
    return {
        "offering": {"id": offering.id, "crn": offering.crn, "name": offering.name, "label": offering.label},
        "versions": shown,
        "totals": {kind: sum(one["uses"][kind] for one in shown) for kind in KINDS},
    }


def _is_meant(version: str, wanted: str) -> bool:
    return not wanted or version == wanted or version.startswith((f"{wanted}.", f"{wanted}-", f"{wanted}+"))


def _version(session: Session, usage: ImageUsage, offering: Offering, version: Version, *, best: bool) -> Doc:
    """Templates mean a version by its CRN too, or by the offering whose best version it is now."""
    images = [row.image_id for row in rows_of(session, version_images, version_images.c.version_id == version.id)]
    crns = [version.crn, *([offering.crn] if best else [])]
    found = usage.by_account(session, Marks(images, crns))
    return {
        "version": version.version,
        "version_locator": version.locator,
        "state": version.state,
        "deprecate_pending": version.deprecate_pending is not None,
        "accounts": len(found),
        "uses": {kind: sum(one[kind] for one in found.values()) for kind in KINDS},
        "by_account": _accounts(session, offering, found),
    }


def _accounts(session: Session, offering: Offering, found: Uses) -> list[Doc]:
    busiest = sorted(found, key=lambda id_: (-sum(found[id_].values()), id_))[:MOST]
    return [{"name": name_of(session, id_), "owner": id_ == offering.account_id, "uses": found[id_]} for id_ in busiest]
