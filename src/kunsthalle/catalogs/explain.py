"""What owners ask before they act: why an image is held, who could boot an offering, what a deletion would take along.

Nothing here changes anything. Owners learn only of accounts that they have named themselves; of the accounts of an
enterprise or a group they learn the number.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement

from kunsthalle.accounts.queries import enterprise_of, enterprise_of_identifier, recipients
from kunsthalle.accounts.resources import ACCOUNT
from kunsthalle.catalogs import queries
from kunsthalle.catalogs.image_usage import ImageUsage, name_of
from kunsthalle.catalogs.models import Catalog, Offering, Version
from kunsthalle.catalogs.reclamation import TAIL
from kunsthalle.catalogs.resources import CATALOG, OFFERING, RECLAMATION, TYPE, VERSION
from kunsthalle.catalogs.sharing import access_list, publication_approvals
from kunsthalle.catalogs.tables import offerings, reclamations, share_approvals, versions
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of
from kunsthalle.db.visibility import may, unscoped
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE

Doc = dict[str, Any]


def runners(session: Session, usage: ImageUsage, image_ids: Collection[str]) -> list[Doc]:
    """Who runs how many servers that were made from images: accounts by name, as no owner is told their ids."""
    return [
        {"account": name_of(session, account_id), "servers": number}
        for account_id, number in usage.instances_by_account(session, image_ids)
    ]


def hold(session: Session, usage: ImageUsage, image: Image) -> Doc:
    """Why an image cannot be deleted, who runs it, and when it is free."""
    found: Doc = {
        "image": {"id": image.id, "crn": image.crn, "name": image.name, "status": image.status},
        "managed": image.managed,
        "deletable": not image.managed,
        "servers_by_account": runners(session, usage, [image.id]),
    }
    if image.hold_crn is None:
        return found
    holder = unscoped(session, VERSION, versions.c.id == image.hold_crn.rsplit("/", 1)[-1])
    reason: Doc = {"version_crn": image.hold_crn, "since": rfc3339(image.hold_since or 0)}
    if holder and may(session, VERSION, holder[0], VERSION.read):
        reason |= _holder(session, holder[0])
    return {**found, "held_by": reason}


def _holder(session: Session, version: Version) -> Doc:
    catalog = unscoped(session, CATALOG, CATALOG.table.c.id == version.catalog_id)[0]
    offering = unscoped(session, OFFERING, offerings.c.id == version.offering_id)[0]
    shown: Doc = {
        "version": version.version,
        "version_locator": version.locator,
        "version_state": version.state,
        "working_copy": bool(version.copy_of),
        "offering": {"id": offering.id, "name": offering.name},
        "catalog": {"id": catalog.id, "label": catalog.label, "state": catalog.state},
    }
    waiting = unscoped(session, RECLAMATION, reclamations.c.catalog_id == catalog.id)
    if waiting:
        at = rfc3339(waiting[0].target_at)
        how = ["restore the catalog, or have it reclaimed now: then the image is free at once"]
        return {**shown, "free_at": at, "reclamation_id": waiting[0].id, "free_when": how}
    how = [
        "the image is taken out of the version's metadata.images: at once",
        "the version is deleted (the last published one only with its offering): at once",
        "the offering is deleted: at once",
        "the catalog is deleted: seven days later, or when its reclamation is ended",
    ]
    return {**shown, "free_at": None, "free_when": how}


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether an account may boot an offering, and why or why not. Its users still need Viewer on the catalog."""

    may: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What of an offering decides who may boot it; a dry run changes some of it."""

    offering: Offering
    listed: frozenset[str]
    enabled: bool
    published: bool
    approved: bool
    live: bool
    enterprise: str | None
    answers: Mapping[str, str]


def terms(session: Session, offering: Offering) -> Terms:
    """An offering's terms as they are."""
    catalog = unscoped(session, CATALOG, CATALOG.table.c.id == offering.catalog_id)
    every = unscoped(session, VERSION, versions.c.offering_id == offering.id)
    return Terms(
        offering=offering,
        listed=frozenset(entry.identifier for entry in access_list.entries(session, offering)),
        enabled=offering.share_enabled,
        published=bool(queries.published(every)),
        approved=publication_approvals.is_granted(session, offering.id),
        live=bool(catalog) and catalog[0].state == "live",
        enterprise=enterprise_of(session, offering.account_id),
        answers={row.identifier: row.state for row in rows_of(session, share_approvals, *_answers_to(offering))},
    )


def _answers_to(offering: Offering) -> tuple[ColumnElement[bool], ...]:
    return share_approvals.c.source_account_id == offering.account_id, share_approvals.c.type == TYPE


def standing(session: Session, given: Terms, account_id: str) -> Standing:
    """What the terms mean for one account; the order is the order in which reasons are told."""
    offering = given.offering
    if not given.live:
        return Standing(False, "the catalog is deleted")
    if not given.published:
        return Standing(False, "nothing is published")
    if account_id == offering.account_id:
        return Standing(True, "it is the owner")
    if offering.share_with_all and given.approved:
        return Standing(True, "it is published to all")
    if not given.enabled:
        return Standing(False, "sharing is switched off")
    inside = given.enterprise is not None and enterprise_of(session, account_id) == given.enterprise
    if not inside and not given.approved:
        return Standing(False, "it is unknown, or outside the enterprise")
    return _answered(session, given, account_id)


def _answered(session: Session, given: Terms, account_id: str) -> Standing:
    matching = given.listed & set(recipients(session, account_id))
    if not matching:
        return Standing(False, "it is not on the access list")
    if given.answers.get(account_id) == "rejected":
        return Standing(False, "it has rejected the source")
    if given.answers.get(account_id) == "approved":
        return Standing(True, "it has accepted the source")
    if any(given.answers.get(identifier) == "approved" for identifier in matching):
        return Standing(True, "its enterprise or group has accepted the source")
    return Standing(False, "it has not answered yet")


def audience_of(session: Session, given: Terms, named: Collection[str]) -> Doc:
    """The accounts that the terms reach, by reason: those that the owner has named, and how many others there are.

    An account that does not exist is described like one outside the enterprise of the owner.
    """
    own = {one for one in (*given.listed, *named, given.offering.account_id) if not one.startswith("-")}
    reasons: dict[str, Doc] = {}
    for id_ in sorted(own | _reached(session, given, named)):
        found = standing(session, given, id_)
        entry = reasons.setdefault(found.reason, {"may_boot": found.may, "accounts": [], "others": 0})
        if id_ in own:
            entry["accounts"].append(id_)
        else:
            entry["others"] += 1
    shown = [{"reason": reason, **entry} for reason, entry in sorted(reasons.items())]
    total = sum(len(one["accounts"]) + one["others"] for one in shown if one["may_boot"])
    return {"offering_id": given.offering.id, "may_boot": total, "by_reason": shown}


def _reached(session: Session, given: Terms, named: Collection[str]) -> set[str]:
    """Return the accounts below the enterprises and groups that are named; all of them, of what is published to all.

    What stands in another enterprise reaches nobody, as if it did not exist, unless the offering may leave its own.
    """
    active = ACCOUNT.table.c.state == "ACTIVE"
    if given.offering.share_with_all and given.approved:
        return {one.id for one in unscoped(session, ACCOUNT, active)}
    above = {one for one in (*given.listed, *named) if one.startswith("-")}
    enterprises = {enterprise_of_identifier(session, one) for one in above} - {None}
    if not given.approved:
        enterprises &= {given.enterprise}
    below = unscoped(session, ACCOUNT, active, ACCOUNT.table.c.enterprise_id.in_(enterprises))
    return {one.id for one in below if above & set(recipients(session, one.id))}


def deletion(session: Session, usage: ImageUsage, catalog: Catalog) -> Doc:
    """What the deletion of a catalog would take along, and until when it can be undone."""
    products = unscoped(session, OFFERING, offerings.c.catalog_id == catalog.id)
    every = unscoped(session, VERSION, versions.c.catalog_id == catalog.id)
    held = unscoped(session, IMAGE, IMAGE.table.c.hold_crn.in_([one.crn for one in every]))
    at = rfc3339(session.ctx.now() + TAIL)
    return {
        "catalog": {"id": catalog.id, "label": catalog.label},
        "offerings": [{"id": one.id, "name": one.name, "shared": one.share_enabled} for one in products],
        "versions": len([one for one in every if not one.copy_of]),
        "images": [{"id": one.id, "name": one.name, "version_crn": one.hold_crn, "free_at": at} for one in held],
        "servers_by_account": runners(session, usage, [one.id for one in held]),
        "restorable_until": at,
        "at_once": "The catalog and its offerings disappear for everybody; nothing boots from them any more.",
        "afterwards": "Servers that were made from the images run on and keep their references.",
    }
