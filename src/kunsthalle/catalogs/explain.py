"""What owners ask before they act: why an image is held, who could boot an offering, what a deletion would take along.

Nothing here changes anything. Owners learn only of accounts that they have named themselves; of the accounts of an
enterprise or a group they learn the number.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

from kunsthalle.accounts.queries import enterprise_of_identifier, recipients
from kunsthalle.accounts.resources import ACCOUNT
from kunsthalle.catalogs.hold_end import reclamation_of
from kunsthalle.catalogs.image_usage import ImageUsage, name_of
from kunsthalle.catalogs.models import Catalog, Offering, Version
from kunsthalle.catalogs.reclamation import TAIL
from kunsthalle.catalogs.resources import CATALOG, OFFERING, VERSION
from kunsthalle.catalogs.sharing import visibility
from kunsthalle.catalogs.sharing.visibility import PUBLIC, STRANGER, WITHIN_REACH, Terms, decide, load_receiver
from kunsthalle.catalogs.tables import offerings, versions
from kunsthalle.core.clock import rfc3339
from kunsthalle.db.session import Session
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
    waiting = reclamation_of(session, catalog.id)
    if waiting:
        at = rfc3339(waiting.target_at)
        how = [
            "the catalog is reclaimed by itself, at that time",
            "the catalog is reclaimed now: at once",
            "the catalog is restored (the image stays managed) and the image is taken out of its version: at once",
        ]
        return {**shown, "free_at": at, "reclamation_id": waiting.id, "free_when": how}
    how = [
        "the image is taken out of the version's metadata.images: at once",
        "the version is deleted (the last published one only with its offering): at once",
        "the offering is deleted: at once",
        "the catalog is deleted: seven days later, or when its reclamation is ended",
    ]
    return {**shown, "free_at": None, "free_when": how}


def load_terms(session: Session, offering: Offering) -> Terms:
    """Load everything that decides who may boot an offering, as it is."""
    answers = visibility.load_answers(session, offering.account_id)
    return replace(visibility.load_terms(session, offering), answers=answers)


def audience_of(session: Session, offering: Offering, terms: Terms, named: Collection[str]) -> Doc:
    """Return the accounts that the terms reach, by reason: those that the owner has named, and how many others there
    are.

    An account that does not exist is described like one outside the enterprise of the owner.
    """
    own = {one for one in (*terms.listed, *named, terms.owner) if not one.startswith("-")}
    reasons: dict[str, Doc] = {}
    for account_id in sorted(own | _reached(session, terms, named)):
        may_boot, reason = decide(terms, load_receiver(session, account_id))
        entry = reasons.setdefault(reason, {"may_boot": may_boot, "accounts": [], "others": 0})
        if account_id in own:
            entry["accounts"].append(account_id)
        else:
            entry["others"] += 1
    shown = [{"reason": reason, **entry} for reason, entry in sorted(reasons.items())]
    total = sum(len(one["accounts"]) + one["others"] for one in shown if one["may_boot"])
    return {"offering_id": offering.id, "may_boot": total, "by_reason": shown}


def _reached(session: Session, terms: Terms, named: Collection[str]) -> set[str]:
    """Return the accounts below the enterprises and groups that are named; all of them, of what is published to all.

    What stands in another enterprise reaches nobody, as if it did not exist, unless the offering may leave its own.
    """
    active = ACCOUNT.table.c.state == "ACTIVE"
    if PUBLIC.holds(terms, STRANGER):
        return {account.id for account in unscoped(session, ACCOUNT, active)}
    above = {one for one in (*terms.listed, *named) if one.startswith("-")}
    enterprises = {enterprise_of_identifier(session, one) for one in above} - {None}
    within = [one for one in enterprises if WITHIN_REACH.holds(terms, replace(STRANGER, enterprise=one))]
    below = unscoped(session, ACCOUNT, active, ACCOUNT.table.c.enterprise_id.in_(within))
    return {account.id for account in below if above & set(recipients(session, account.id))}


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
