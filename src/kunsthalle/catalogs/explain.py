"""What owners ask before they act: why an image is held, who could boot an offering, what a deletion would take along,
and the lineage of an image.

Nothing here changes anything. Owners learn only of accounts that they have named themselves; of the accounts of an
enterprise or a group they learn the number.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import field, replace
from typing import Any

from sqlalchemy import Column, ColumnElement, Table, Text, or_, type_coerce

from kunsthalle.accounts.queries import account, enterprise_of_identifier, recipients
from kunsthalle.accounts.resources import ACCOUNT
from kunsthalle.catalogs import queries, states
from kunsthalle.catalogs.models import Catalog, Offering, Version
from kunsthalle.catalogs.reclamation import reclamation_of
from kunsthalle.catalogs.resources import CATALOG, OFFERING, RECLAMATION, VERSION
from kunsthalle.catalogs.sharing import access_list, offering_visibility
from kunsthalle.catalogs.sharing.offering_visibility import (
    PUBLIC,
    STRANGER,
    WITHIN_REACH,
    Decision,
    Terms,
    decide,
    load_receiver,
)
from kunsthalle.catalogs.tables import catalogs, offerings, reclamations, version_images, versions
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import numbers_by, rows_of
from kunsthalle.db.visibility import may, unscoped
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE

# Who has made what of an image: numbers by account, and nothing else.
#
# Instances and disks are in higher layers, which hand in what is to be counted. Their rows are counted by the
# references that each keeps, in the database: no row of another account is loaded, and no id, name or secret of one
# leaves it.

RUNNING = "running_servers"
KINDS = ("servers", RUNNING, "bare_metal_servers", "templates", "instance_groups", "volumes", "snapshots")
Uses = dict[str, dict[str, int]]
"""By account, how many resources of each of `KINDS` it has made of what was asked about."""


@dataclass(frozen=True, slots=True)
class Marks:
    """By what the resources of other packages mean an image: its id, and the CRNs through which templates mean it."""

    image_ids: Collection[str]
    crns: Collection[str] = field(default=())

    def named(self, column: Column[object]) -> ColumnElement[bool]:
        """Documents of a column with one of the marks in them; a text that somebody chose is never taken for one."""
        document = type_coerce(column, Text)
        pairs = [f'"id":"{image_id}"' for image_id in self.image_ids] + [f'"crn":"{crn}"' for crn in self.crns]
        return or_(*(document.contains(pair, autoescape=True) for pair in pairs))


Question = tuple[str, Table, ColumnElement[bool]]
"""One of `KINDS`, the table that has such resources, and which rows were made of what is asked about."""


@dataclass(frozen=True, slots=True)
class ImageUsage:
    """Counts what was made of images. `questions` comes from the packages whose tables hold it."""

    questions: Callable[[Marks], Iterable[Question]]

    def by_account(self, session: Session, marks: Marks) -> Uses:
        """What every account has made of images; accounts without anything are left out."""
        uses: Uses = defaultdict(lambda: dict.fromkeys(KINDS, 0))
        if marks.image_ids:
            for kind, table, where in self.questions(marks):
                for account_id, number in numbers_by(session, table.c.account_id, where):
                    uses[account_id][kind] = number
        return dict(uses)

    def instances_by_account(self, session: Session, image_ids: Collection[str]) -> list[tuple[str, int]]:
        """How many instances were made from images, by account: the most first."""
        if not image_ids:
            return []
        asked = (question for question in self.questions(Marks(image_ids)) if question[0] == "servers")
        rows = [row for _, table, where in asked for row in numbers_by(session, table.c.account_id, where)]
        return sorted(rows, key=lambda row: (-row[1], row[0]))


def name_of(session: Session, account_id: str) -> str:
    """The name of an account that has made something, cancelled or not."""
    known = account(session, account_id)
    return known.name if known else "(unknown)"


Doc = dict[str, Any]


def runners(session: Session, usage: ImageUsage, image_ids: Collection[str]) -> list[Doc]:
    """Who runs how many servers that were made from images: accounts by name, as no owner is told their ids."""
    return [
        {"account": name_of(session, account_id), "servers": number}
        for account_id, number in usage.instances_by_account(session, image_ids)
    ]


def hold(session: Session, usage: ImageUsage, image: Image) -> Doc:
    """Why an image cannot be deleted, who runs it, and when it is free."""
    answer: Doc = {
        "image": {"id": image.id, "crn": image.crn, "name": image.name, "status": image.status},
        "managed": image.managed,
        "deletable": not image.managed,
        "servers_by_account": runners(session, usage, [image.id]),
    }
    if image.hold_crn is None:
        return answer
    holder = unscoped(session, VERSION, versions.c.id == image.hold_crn.rsplit("/", 1)[-1])
    reason: Doc = {"version_crn": image.hold_crn, "since": rfc3339(image.hold_since or 0)}
    if holder and may(session, VERSION, holder[0], VERSION.read):
        reason |= _holder(session, holder[0])
    return {**answer, "held_by": reason}


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
        "the catalog is deleted: when its reclamation ends by itself, or is ended before",
    ]
    return {**shown, "free_at": None, "free_when": how}


def load_terms(session: Session, offering: Offering) -> Terms:
    """Load everything that decides who may boot an offering, as it is."""
    answers = offering_visibility.load_answers(session, offering.account_id)
    return replace(offering_visibility.load_terms(session, offering), answers=answers)


def audience_of(session: Session, offering: Offering, terms: Terms, named: Collection[str]) -> Doc:
    """Return the accounts that the terms reach, by reason: those that the owner has named, and how many others there
    are.

    An account that does not exist is described like one outside the enterprise of the owner.
    """
    own = {id_ for id_ in (*terms.listed, *named, terms.owner) if not id_.startswith("-")}
    reasons: dict[str, Doc] = {}
    for account_id in sorted(own | _reached(session, terms, named)):
        may_boot, reason = decide(terms, load_receiver(session, account_id))
        entry = reasons.setdefault(reason, {"may_boot": may_boot, "accounts": [], "others": 0})
        if account_id in own:
            entry["accounts"].append(account_id)
        else:
            entry["others"] += 1
    shown = [{"reason": reason, **entry} for reason, entry in sorted(reasons.items())]
    total = sum(len(outcome["accounts"]) + outcome["others"] for outcome in shown if outcome["may_boot"])
    return {"offering_id": offering.id, "may_boot": total, "by_reason": shown}


def _reached(session: Session, terms: Terms, named: Collection[str]) -> set[str]:
    """Return the accounts below the enterprises and groups that are named; all of them, of what is published to all.

    What stands in another enterprise reaches nobody, as if it did not exist, unless the offering may leave its own.
    """
    active = ACCOUNT.table.c.state == "ACTIVE"
    if PUBLIC.holds(terms, STRANGER):
        return {account.id for account in unscoped(session, ACCOUNT, active)}
    above = {id_ for id_ in (*terms.listed, *named) if id_.startswith("-")}
    enterprises = {enterprise_of_identifier(session, id_) for id_ in above} - {None}
    within = [
        enterprise for enterprise in enterprises if WITHIN_REACH.holds(terms, replace(STRANGER, enterprise=enterprise))
    ]
    below = unscoped(session, ACCOUNT, active, ACCOUNT.table.c.enterprise_id.in_(within))
    return {account.id for account in below if above & set(recipients(session, account.id))}


def deletion(session: Session, usage: ImageUsage, catalog: Catalog, period: int) -> Doc:
    """What the deletion of a catalog would take along, and until when it can be undone."""
    products = unscoped(session, OFFERING, offerings.c.catalog_id == catalog.id)
    every = unscoped(session, VERSION, versions.c.catalog_id == catalog.id)
    held = unscoped(session, IMAGE, IMAGE.table.c.hold_crn.in_([version.crn for version in every]))
    at = rfc3339(session.ctx.now() + period)
    return {
        "catalog": {"id": catalog.id, "label": catalog.label},
        "offerings": [
            {"id": offering.id, "name": offering.name, "shared": offering.share_enabled} for offering in products
        ],
        "versions": len([version for version in every if not version.copy_of]),
        "images": [
            {"id": image.id, "name": image.name, "version_crn": image.hold_crn, "free_at": at} for image in held
        ],
        "servers_by_account": runners(session, usage, [image.id for image in held]),
        "restorable_until": at,
        "at_once": "The catalog and its offerings disappear for everybody; nothing boots from them any more.",
        "afterwards": "Servers that were made from the images run on and keep their references.",
    }


# The lineage of an image, for its owner: from the image to its version, whom that is shared with, and what every
# account has made of it; with a warning when there is something better to run.
#
# Of other accounts it tells names and numbers. What they run, and who in them runs it, is theirs; and so is the id
# of an account that the owner has not named themselves. An account that has neither accepted anything nor made
# anything is told by nothing but what the owner wrote on the access list.

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
    uses = usage.by_account(session, _marks(image, version, offering, siblings))
    better = _better(version, siblings)
    open_ = offering is None or may(session, OFFERING, offering, states.UPDATE)
    return {
        "image": _image(image),
        "version": _version_doc(image, version, better),
        "offering": _offering_doc(session, offering),
        "sharing": _sharing(session, offering, uses) if offering and open_ else None,
        "accounts": _accounts(session, image, offering, uses) if open_ else None,
        "totals": {kind: sum(numbers[kind] for numbers in uses.values()) for kind in KINDS} | {"accounts": len(uses)},
        "warnings": _warnings(session, version, better, offering, uses),
    }


def _one(session: Session, kind: Any, column: Any, id_: str) -> Any:
    rows = unscoped(session, kind, column == id_)
    return rows[0] if rows else None


def _version(session: Session, image: Image) -> Version | None:
    """The version that manages the image, if the caller may read its catalog; a deleted catalog's while it is held."""
    if image.hold_crn is None:
        return None
    version: Version | None = _one(session, VERSION, versions.c.id, image.hold_crn.rsplit("/", 1)[-1])
    return version if version is not None and may(session, VERSION, version, VERSION.read) else None


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
    later = [
        sibling for sibling in siblings if sibling.precedence > version.precedence and sibling.deprecate_pending is None
    ]
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


def _sharing(session: Session, offering: Offering, uses: Uses) -> Doc:
    """The access list as its owner wrote it, with the names of the accounts on it that have answered or made use."""
    terms = load_terms(session, offering)
    return {
        "enabled": offering.share_enabled,
        "public": offering.share_with_all and terms.approved,
        "outside_approved": terms.approved,
        "entries": [_entry(session, entry, uses) for entry in access_list.entries(session, offering)],
    }


def _entry(session: Session, entry: access_list.Entry, uses: Uses) -> Doc:
    type_ = next((name for prefix, name in _TYPES.items() if entry.identifier.startswith(prefix)), "account")
    known = type_ == "account" and (entry.approval == "approved" or entry.identifier in uses)
    name = name_of(session, entry.identifier) if known else None
    return {"identifier": entry.identifier, "type": type_, "name": name, "approval": entry.approval}


def _accounts(session: Session, image: Image, offering: Offering | None, uses: Uses) -> list[Doc]:
    """Every account that has made something of the image, or was named and has accepted: the busiest first."""
    entries = access_list.entries(session, offering) if offering else []
    listed = [entry.identifier for entry in entries]
    accepted = {
        entry.identifier for entry in entries if entry.approval == "approved" and not entry.identifier.startswith("-")
    }
    terms = load_terms(session, offering) if offering else None
    shown = []
    for id_ in _busiest({*uses, *accepted}, uses):
        own = id_ == image.account_id
        decision = decide(terms, load_receiver(session, id_)) if terms else Decision(own, _FREE[own])
        shown.append(
            {
                "name": name_of(session, id_),
                **({"id": id_} if own or id_ in listed else {}),
                "owner": own,
                "may_boot": decision.may_boot,
                "reason": decision.reason,
                "through": [identifier for identifier in listed if identifier in recipients(session, id_)],
                "uses": uses.get(id_) or dict.fromkeys(KINDS, 0),
            }
        )
    return shown


_FREE = {True: "it is the owner", False: "the image is in no catalog"}


def _busiest(ids: Iterable[str], uses: Uses) -> list[str]:
    def rank(id_: str) -> tuple[int, str]:
        return -sum(uses.get(id_, {}).values()), id_

    return sorted(ids, key=rank)[:MOST]


def _warnings(
    session: Session, version: Version | None, better: Version | None, offering: Offering | None, uses: Uses
) -> list[Doc]:
    """What the owner should know before they change anything."""
    made = sum(numbers["servers"] for numbers in uses.values())
    warnings: list[Doc] = []
    if version is not None and better is not None:
        text = f"Version {better.version} is published; servers made from {version.version}: {made}."
        warnings.append({"code": "successor_exists", "message": text, "successor": _named(better)})
    if version is not None and version.deprecate_pending is not None:
        at = version.deprecate_pending["deprecate_date"]
        hint = "" if better else " Nothing is published to take its place."
        warnings.append({"code": "deprecation_pending", "message": f"The version is archived at {at}.{hint}", "at": at})
    ending = _one(session, RECLAMATION, reclamations.c.catalog_id, offering.catalog_id) if offering else None
    if ending is not None:
        at = rfc3339(ending.target_at)
        warnings.append({"code": "catalog_deleted", "message": f"The catalog is deleted for good at {at}.", "at": at})
    return warnings


# Which versions of an offering still run, and where: numbers by version, for the owner.
#
# Of other accounts the owner is told names and numbers, as in the lineage of an image; never an id, nor what it is
# that they run. Beyond the busiest accounts the numbers of the version alone tell.


def usage_of_versions(session: Session, usage: ImageUsage, offering: Offering, wanted_version: str = "") -> Doc:
    """The versions of an offering, latest first, each with what accounts have made of it.

    `wanted_version` narrows to a version: `1.2.0`, or the beginning of some, `1.2`.
    """
    every = sorted(queries.versions_of(session, offering), key=lambda version: version.precedence, reverse=True)
    best = queries.published(every)[:1]
    shown = [
        _usage_of_version(session, usage, offering, version, best=version in best)
        for version in every
        if _is_meant(version.version, wanted_version)
    ]
    return {
        "offering": {"id": offering.id, "crn": offering.crn, "name": offering.name, "label": offering.label},
        "versions": shown,
        "totals": {kind: sum(usage_["uses"][kind] for usage_ in shown) for kind in KINDS},
    }


def _is_meant(version: str, beginning: str) -> bool:
    return (
        not beginning or version == beginning or version.startswith((f"{beginning}.", f"{beginning}-", f"{beginning}+"))
    )


def _usage_of_version(session: Session, usage: ImageUsage, offering: Offering, version: Version, *, best: bool) -> Doc:
    """Templates mean a version by its CRN too, or by the offering whose best version it is now."""
    images = [row.image_id for row in rows_of(session, version_images, version_images.c.version_id == version.id)]
    crns = [version.crn, *([offering.crn] if best else [])]
    uses = usage.by_account(session, Marks(images, crns))
    return {
        "version": version.version,
        "version_locator": version.locator,
        "state": version.state,
        "deprecate_pending": version.deprecate_pending is not None,
        "accounts": len(uses),
        "uses": {kind: sum(numbers[kind] for numbers in uses.values()) for kind in KINDS},
        "by_account": _usage_by_account(session, offering, uses),
    }


def _usage_by_account(session: Session, offering: Offering, uses: Uses) -> list[Doc]:
    busiest = sorted(uses, key=lambda id_: (-sum(uses[id_].values()), id_))[:MOST]
    return [{"name": name_of(session, id_), "owner": id_ == offering.account_id, "uses": uses[id_]} for id_ in busiest]
