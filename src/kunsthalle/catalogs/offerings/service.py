"""Catalogs and offerings: create, change, delete. One public function a use case."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.catalogs import credentials, reclamation
from kunsthalle.catalogs.models import Catalog, Offering, Plan
from kunsthalle.catalogs.reclamation import erase_offering
from kunsthalle.catalogs.resources import CATALOG, OFFERING, PLAN
from kunsthalle.catalogs.sharing.offering_lists import relist, relist_catalog
from kunsthalle.catalogs.tables import plans
from kunsthalle.core.errors import Problem, Reason, Target, conflict, invalid
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB
from kunsthalle.db.page_bytes import row_bytes
from kunsthalle.db.rows import IntegrityError, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.unscoped import columns_of
from kunsthalle.db.visibility import Authorized, find, may_create, unscoped

CREATE = "globalcatalog-collection.instance.create"

MAX_CATALOG_BYTES = 16 * MIB
MAX_PLANS = 500
"""Of the catalogs of one account together: the API lists them without pages."""
_BYTES_OF_CATALOG = 1_000
"""What a catalog takes in an answer besides its document, about."""


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


def create_catalog(session: Session, label: str, kind: str, group_id: str | None, document: dict[str, Any]) -> Catalog:
    """A new, empty catalog of the caller's account. Labels need not be unique."""
    ctx = session.ctx
    group = chosen_group(session, group_id)
    may_create(ctx, CREATE, {"resourceGroupId": group.id})
    now, id_ = ctx.now(), ctx.ids.uuid()
    stored = credentials.encrypted(session, id_, document, {})
    catalog = Catalog(id_, ctx.account_id, label, "live", group.id, kind, stored, now, now)
    made = insert(session, CATALOG, catalog)
    _check_bytes(session)
    return made


def _check_bytes(session: Session) -> None:
    """400 where the catalogs of the account have become too large for the list that shows them all."""
    table = CATALOG.table
    size = func.coalesce(func.sum(row_bytes(table) + _BYTES_OF_CATALOG), 0)
    conditions = (table.c.account_id == session.ctx.account_id, table.c.state == "live")
    ((total,),) = columns_of(session, size, where=conditions)
    if total > MAX_CATALOG_BYTES:
        text = (
            f"The catalogs of the account would have {total} bytes together; at most {MAX_CATALOG_BYTES} are allowed. "
            "Delete catalogs, or shorten their documents."
        )
        raise invalid("over_quota", text, "metadata")


def replace_catalog(
    session: Session, catalog: Authorized[Catalog], given_rev: str | None, label: str | None, document: dict[str, Any]
) -> Catalog:
    """Replaces what a caller may set; a label that is not given stays. 409 on a stale or missing `_rev`."""
    same_rev(given_rev, catalog.resource.rev)
    changed = update(
        session,
        CATALOG,
        catalog.resource.id,
        CATALOG.table.c.revision == catalog.resource.revision,
        label=label or catalog.resource.label,
        document=credentials.encrypted(session, catalog.resource.id, document, catalog.resource.document),
        updated_at=session.ctx.now(),
    )
    must(changed, "The catalog was changed meanwhile.", "conflict")
    _check_bytes(session)
    return find(session, CATALOG, catalog.resource.id)


def delete_catalog(session: Session, catalog: Authorized[Catalog], period: int) -> None:
    """The catalog disappears at once; its images stay managed until its reclamation ends, after the period (R4)."""
    must(transition(session, CATALOG, catalog.resource.id, "deleted"), "The catalog is gone already.", "conflict")
    reclamation.schedule(session, catalog.resource, period)
    relist_catalog(session, catalog.resource.id)


def create_offering(session: Session, catalog: Authorized[Catalog], fields: Fields) -> Offering:
    """A new product of the catalog, not shared with anybody. 409 when its name is taken there."""
    ctx = session.ctx
    now, id_ = ctx.now(), ctx.ids.uuid()
    offering = Offering(
        id=id_,
        account_id=catalog.resource.account_id,
        catalog_id=catalog.resource.id,
        name=fields.name,
        label=fields.label,
        kind_id=ctx.ids.uuid(),
        hidden=fields.hidden,
        share_enabled=False,
        share_with_all=False,
        share_with_ibm=False,
        document=credentials.encrypted(session, id_, fields.document, {}),
        updated_at=now,
        created_at=now,
    )
    try:
        insert(session, OFFERING, offering)
    except IntegrityError as error:
        raise conflict("conflict", f"The catalog has an offering named {fields.name} already.", "name") from error
    seed_plans(session, offering, fields.plans)
    relist(session, offering.id)
    return offering


def seed_plans(session: Session, offering: Offering, seeds: tuple[PlanSeed, ...]) -> None:
    """Adds the plans that are new, and changes those that are known by their name. None is removed here."""
    now = session.ctx.now()
    known = {named_plan.name: named_plan for named_plan in unscoped(session, PLAN, plans.c.offering_id == offering.id)}
    for seed in seeds:
        old = known.get(seed.name)
        if old is not None:
            update(session, PLAN, old.id, label=seed.label, document=seed.document, updated_at=now)
            continue
        if len(known) >= MAX_PLANS:
            raise invalid("over_quota", f"An offering has at most {MAX_PLANS} plans.", "plans")
        plan = Plan(
            id=session.ctx.ids.uuid(),
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
        known[seed.name] = insert(session, PLAN, plan)


def same_rev(rev: str | None, current: str) -> None:
    """409 unless the body's `_rev` is the current one."""
    if rev != current:
        raise conflict("conflict", "_rev is missing or not the current one; get the document again.", "_rev")


def replace_offering(
    session: Session, offering: Authorized[Offering], given_rev: str | None, fields: Fields
) -> Offering:
    """PUT: 409 on a stale or missing `_rev`."""
    same_rev(given_rev, offering.resource.rev)
    return rewrite(session, offering, fields)


def check_match(etag: str | None, current: str) -> None:
    """412 unless `If-Match` names the current revision; quotes are part of the value that clients send."""
    if etag is None or etag.strip().removeprefix("W/").strip('"') != current:
        target = Target("If-Match", "header")
        raise Problem(Reason.PRECONDITION, "precondition_failed", "If-Match is not the current revision.", target)


def rewrite(session: Session, offering: Authorized[Offering], fields: Fields) -> Offering:
    """Puts new fields in place of the old, unless the offering was changed meanwhile."""
    columns, stored = OFFERING.table.c, offering.resource
    encrypted = credentials.encrypted(session, stored.id, fields.document, stored.document)
    try:
        changed = update(
            session,
            OFFERING,
            stored.id,
            columns.revision == stored.revision,
            name=fields.name,
            label=fields.label,
            hidden=fields.hidden,
            document=encrypted,
            updated_at=session.ctx.now(),
        )
    except IntegrityError as error:
        raise conflict("conflict", f"The catalog has an offering named {fields.name} already.", "name") from error
    must(changed, "The offering was changed meanwhile.", "conflict")
    seed_plans(session, offering.resource, fields.plans)
    relist(session, offering.resource.id)
    return find(session, OFFERING, offering.resource.id)


def delete_offering(session: Session, offering: Authorized[Offering]) -> None:
    """The offering and its versions go at once, and their images are free at once (R4)."""
    erase_offering(session, offering.resource)
