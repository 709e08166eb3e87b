"""The lineage of an image, for its owner: from the image to its version, whom that is shared with, and what every
account has made of it; with a warning when there is something better to run.

Of other accounts it tells names and numbers. What they run, and who in them runs it, is theirs; and so is the id of an
account that the owner has not named themselves. An account that has neither accepted anything nor made anything is told
by nothing but what the owner wrote on the access list.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kunsthalle.accounts.queries import recipients
from kunsthalle.catalogs import explain, queries
from kunsthalle.catalogs.image_usage import KINDS, ImageUsage, Marks, Uses, name_of
from kunsthalle.catalogs.models import Offering, Version
from kunsthalle.catalogs.resources import CATALOG, OFFERING, RECLAMATION, VERSION
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.catalogs.sharing.visibility import Decision, decide, load_receiver
from kunsthalle.catalogs.tables import catalogs, offerings, reclamations, versions
from kunsthalle.catalogs.versions import publish_states
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import may, unscoped
from kunsthalle.images.models import Image

Doc = dict[str, Any]
MOST = 500
"""So many accounts are shown one by one; of those beyond, the totals alone tell."""
_TYPES = {"-ent-": "enterprise", "-entgrp-": "account_group"}


def lineage(session: Session, usage: ImageUsage, image: Image) -> Doc:
    """The graph of one image as its owner may see it; the branch of its version for those who may read the catalog,
    the access list and the other accounts for those who may change the offering.
    """
    version = _version(session, image)
    offering = _one(session, OFFERING, offerings.c.id, version.offering_id) if version else None
    siblings = unscoped(session, VERSION, versions.c.offering_id == offering.id) if offering else []
    found = usage.by_account(session, _marks(image, version, offering, siblings))
    better = _better(version, siblings)
    open_ = offering is None or may(session, OFFERING, offering, publish_states.UPDATE)
    return {
        "image": _image(image),
        "version": _version_doc(image, version, better),
        "offering": _offering_doc(session, offering),
        "sharing": _sharing(session, offering, found) if offering and open_ else None,
        "accounts": _accounts(session, image, offering, found) if open_ else None,
        "totals": {kind: sum(one[kind] for one in found.values()) for kind in KINDS} | {"accounts": len(found)},
        "warnings": _warnings(session, version, better, offering, found),
    }


def _one(session: Session, kind: Any, column: Any, id_: str) -> Any:
    found = unscoped(session, kind, column == id_)
    return found[0] if found else None


def _version(session: Session, image: Image) -> Version | None:
    """The version that manages the image, if the caller may read its catalog; a deleted catalog's while it is held."""
    if image.hold_crn is None:
        return None
    found: Version | None = _one(session, VERSION, versions.c.id, image.hold_crn.rsplit("/", 1)[-1])
    return found if found is not None and may(session, VERSION, found, VERSION.read) else None


def _marks(image: Image, version: Version | None, offering: Offering | None, siblings: list[Version]) -> Marks:
    """Templates mean an image by its id, by its version, or by an offering whose best version it is now."""
    crns = [image.hold_crn] if image.hold_crn else []
    if offering is not None and version is not None and queries.published(siblings)[:1] == [version]:
        crns.append(offering.crn)
    return Marks([image.id], crns)


def _better(version: Version | None, siblings: list[Version]) -> Version | None:
    """What there is to run instead: a published version that stays, later than this one or in place of it."""
    if version is None:
        return None
    known = queries.successor(version, siblings)
    if known is not None:
        return known
    later = [one for one in siblings if one.precedence > version.precedence and one.deprecate_pending is None]
    return next(iter(queries.published(later)), None)


def _image(image: Image) -> Doc:
    return {
        "id": image.id,
        "crn": image.crn,
        "name": image.name,
        "status": image.status,
        "operating_system": image.operating_system,
        "managed": image.managed,
        "created_at": rfc3339(image.created_at),
    }


def _named(version: Version) -> Doc:
    return {"crn": version.crn, "version": version.version, "version_locator": version.locator}


def _version_doc(image: Image, version: Version | None, better: Version | None) -> Doc | None:
    """None for an image that no catalog manages; of a version out of the caller's reach, what the image says of it."""
    if version is None:
        return {"crn": image.hold_crn} if image.hold_crn else None
    return {
        **_named(version),
        "state": version.state,
        "working_copy": bool(version.copy_of),
        "validation": version.validation.get("state", ""),
        "deprecate_pending": version.deprecate_pending,
        "managed_since": rfc3339(image.hold_since or 0),
        "successor": _named(better) if better else None,
    }


def _offering_doc(session: Session, offering: Offering | None) -> Doc | None:
    if offering is None:
        return None
    catalog = _one(session, CATALOG, catalogs.c.id, offering.catalog_id)
    ending = _one(session, RECLAMATION, reclamations.c.catalog_id, offering.catalog_id)
    return {
        "id": offering.id,
        "crn": offering.crn,
        "name": offering.name,
        "label": offering.label,
        "catalog": {
            "id": catalog.id,
            "label": catalog.label,
            "state": catalog.state,
            "reclaimed_at": rfc3339(ending.target_at) if ending else None,
        },
    }


def _sharing(session: Session, offering: Offering, found: Uses) -> Doc:
    """The access list as its owner wrote it, with the names of the accounts on it that have answered or made use."""
    terms = explain.load_terms(session, offering)
    return {
        "enabled": offering.share_enabled,
        "public": offering.share_with_all and terms.approved,
        "outside_approved": terms.approved,
        "entries": [_entry(session, one, found) for one in access_list.entries(session, offering)],
    }


def _entry(session: Session, one: access_list.Entry, found: Uses) -> Doc:
    type_ = next((name for prefix, name in _TYPES.items() if one.identifier.startswith(prefix)), "account")
    known = type_ == "account" and (one.approval == "approved" or one.identifier in found)
    name = name_of(session, one.identifier) if known else None
    return {"identifier": one.identifier, "type": type_, "name": name, "approval": one.approval}


def _accounts(session: Session, image: Image, offering: Offering | None, found: Uses) -> list[Doc]:
    """Every account that has made something of the image, or was named and has accepted: the busiest first."""
    entries = access_list.entries(session, offering) if offering else []
    listed = [one.identifier for one in entries]
    accepted = {one.identifier for one in entries if one.approval == "approved" and not one.identifier.startswith("-")}
    terms = explain.load_terms(session, offering) if offering else None
    shown = []
    for id_ in _busiest({*found, *accepted}, found):
        own = id_ == image.account_id
        decision = decide(terms, load_receiver(session, id_)) if terms else Decision(own, _FREE[own])
        shown.append(
            {
                "name": name_of(session, id_),
                **({"id": id_} if own or id_ in listed else {}),
                "owner": own,
                "may_boot": decision.may_boot,
                "reason": decision.reason,
                "through": [one for one in listed if one in recipients(session, id_)],
                "uses": found.get(id_) or dict.fromkeys(KINDS, 0),
            }
        )
    return shown


_FREE = {True: "it is the owner", False: "the image is in no catalog"}


def _busiest(ids: Iterable[str], found: Uses) -> list[str]:
    def rank(id_: str) -> tuple[int, str]:
        return -sum(found.get(id_, {}).values()), id_

    return sorted(ids, key=rank)[:MOST]


def _warnings(
    session: Session, version: Version | None, better: Version | None, offering: Offering | None, found: Uses
) -> list[Doc]:
    """What the owner should know before they change anything."""
    made = sum(one["servers"] for one in found.values())
    said: list[Doc] = []
    if version is not None and better is not None:
        text = f"Version {better.version} is published; servers made from {version.version}: {made}."
        said.append({"code": "successor_exists", "message": text, "successor": _named(better)})
    if version is not None and version.deprecate_pending is not None:
        at = version.deprecate_pending["deprecate_date"]
        hint = "" if better else " Nothing is published to take its place."
        said.append({"code": "deprecation_pending", "message": f"The version is archived at {at}.{hint}", "at": at})
    ending = _one(session, RECLAMATION, reclamations.c.catalog_id, offering.catalog_id) if offering else None
    if ending is not None:
        at = rfc3339(ending.target_at)
        said.append({"code": "catalog_deleted", "message": f"The catalog is deleted for good at {at}.", "at": at})
    return said
