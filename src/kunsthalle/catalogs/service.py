"""Catalogs and offerings: create, change, delete. One public function a use case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.catalogs import credentials, reclamation
from kunsthalle.catalogs.erasing import erase_offering
from kunsthalle.catalogs.kinds import CATALOG, OFFERING, PLAN
from kunsthalle.catalogs.listings import relist, relist_catalog
from kunsthalle.catalogs.model import Catalog, Offering
from kunsthalle.catalogs.records import Plan
from kunsthalle.core.errors import Problem, Reason, Target, conflict
from kunsthalle.store.rows import IntegrityError, insert, update
from kunsthalle.store.schema.catalogs import plans
from kunsthalle.store.scope import Granted, count, find, may_create, unguarded
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

CREATE = "globalcatalog-collection.instance.create"


@dataclass(frozen=True, slots=True)
class PlanSeed:
    """A plan as it stands in its offering's document."""

    name: str
    label: str
    document: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Fields:
    """What a caller may set of an offering."""

    name: str
    label: str
    hidden: bool
    document: dict[str, Any]
    plans: tuple[PlanSeed, ...] = ()


def create_catalog(unit: Unit, label: str, kind: str, group_id: str | None, document: dict[str, Any]) -> Catalog:
    """A new, empty catalog of the caller's account. Labels need not be unique."""
    ctx = unit.ctx
    group = chosen_group(unit, group_id)
    may_create(ctx, CREATE, {"resourceGroupId": group.id})
    now, id_ = ctx.now(), ctx.ids.uuid()
    kept = credentials.encrypted(unit, id_, document, {})
    catalog = Catalog(id_, ctx.account_id, label, "live", group.id, kind, kept, now, now)
    return insert(unit, CATALOG, catalog)


def replace_catalog(
    unit: Unit, catalog: Granted[Catalog], given_rev: str | None, label: str | None, document: dict[str, Any]
) -> Catalog:
    """Replaces what a caller may set; a label that is not given stays. 409 on a stale or missing `_rev`."""
    same_rev(given_rev, catalog.it.rev)
    changed = update(
        unit,
        CATALOG,
        catalog.it.id,
        CATALOG.table.c.revision == catalog.it.revision,
        label=label or catalog.it.label,
        document=credentials.encrypted(unit, catalog.it.id, document, catalog.it.document),
        updated_at=unit.ctx.now(),
    )
    must(changed, "The catalog was changed meanwhile.", "conflict")
    return find(unit, CATALOG, catalog.it.id)


def delete_catalog(unit: Unit, catalog: Granted[Catalog]) -> None:
    """The catalog disappears at once; its images stay managed until its reclamation ends, seven days later (R4)."""
    must(transition(unit, CATALOG, catalog.it.id, "deleted"), "The catalog is gone already.", "conflict")
    reclamation.schedule(unit, catalog.it)
    relist_catalog(unit, catalog.it.id)


def create_offering(unit: Unit, catalog: Granted[Catalog], given: Fields) -> Offering:
    """A new product of the catalog, not shared with anybody. 409 when its name is taken there."""
    ctx = unit.ctx
    now, id_ = ctx.now(), ctx.ids.uuid()
    offering = Offering(
        id=id_,
        account_id=catalog.it.account_id,
        catalog_id=catalog.it.id,
        name=given.name,
        label=given.label,
        kind_id=ctx.ids.uuid(),
        hidden=given.hidden,
        share_enabled=False,
        share_with_all=False,
        share_with_ibm=False,
        document=credentials.encrypted(unit, id_, given.document, {}),
        updated_at=now,
        created_at=now,
    )
    try:
        insert(unit, OFFERING, offering)
    except IntegrityError as error:
        raise conflict("conflict", f"The catalog has an offering named {given.name} already.", "name") from error
    seed_plans(unit, offering, given.plans)
    relist(unit, offering.id)
    return offering


def seed_plans(unit: Unit, offering: Offering, seeds: tuple[PlanSeed, ...]) -> None:
    """Adds the plans that are new, and changes those that are known by their name. None is removed here."""
    now = unit.ctx.now()
    known = {one.name: one for one in unguarded(unit, PLAN, plans.c.offering_id == offering.id)}
    for seed in seeds:
        old = known.get(seed.name)
        if old is not None:
            update(unit, PLAN, old.id, label=seed.label, document=seed.document, updated_at=now)
            continue
        plan = Plan(
            id=unit.ctx.ids.uuid(),
            account_id=offering.account_id,
            catalog_id=offering.catalog_id,
            offering_id=offering.id,
            name=seed.name,
            label=seed.label,
            state="new",
            previous=None,
            entered_at=now,
            deprecate_pending=None,
            document=seed.document,
            updated_at=now,
            created_at=now,
        )
        known[seed.name] = insert(unit, PLAN, plan)


def same_rev(given: str | None, current: str) -> None:
    """409 unless the body's `_rev` is the current one."""
    if given != current:
        raise conflict("conflict", "_rev is missing or not the current one; get the document again.", "_rev")


def replace_offering(unit: Unit, offering: Granted[Offering], given_rev: str | None, given: Fields) -> Offering:
    """PUT: 409 on a stale or missing `_rev`."""
    same_rev(given_rev, offering.it.rev)
    return rewrite(unit, offering, given)


def check_match(given: str | None, current: str) -> None:
    """412 unless `If-Match` names the current revision; quotes are part of the value that clients send."""
    if given is None or given.strip().removeprefix("W/").strip('"') != current:
        target = Target("If-Match", "header")
        raise Problem(Reason.PRECONDITION, "precondition_failed", "If-Match is not the current revision.", target)


def rewrite(unit: Unit, offering: Granted[Offering], given: Fields) -> Offering:
    """Puts new fields in place of the old, unless the offering was changed meanwhile."""
    columns, it = OFFERING.table.c, offering.it
    kept = credentials.encrypted(unit, it.id, given.document, it.document)
    try:
        changed = update(
            unit,
            OFFERING,
            it.id,
            columns.revision == it.revision,
            name=given.name,
            label=given.label,
            hidden=given.hidden,
            document=kept,
            updated_at=unit.ctx.now(),
        )
    except IntegrityError as error:
        raise conflict("conflict", f"The catalog has an offering named {given.name} already.", "name") from error
    must(changed, "The offering was changed meanwhile.", "conflict")
    seed_plans(unit, offering.it, given.plans)
    relist(unit, offering.it.id)
    return find(unit, OFFERING, offering.it.id)


def delete_offering(unit: Unit, offering: Granted[Offering]) -> None:
    """The offering and its versions go at once, and their images are free at once (R4)."""
    erase_offering(unit, offering.it)


def offering_count(unit: Unit, catalog: Catalog) -> int:
    """How many offerings of a catalog the caller may see."""
    return count(unit, OFFERING, OFFERING.table.c.catalog_id == catalog.id)
