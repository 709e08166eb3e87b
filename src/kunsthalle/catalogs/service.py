"""Catalogs and offerings: create, change, delete. One public function a use case."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.catalogs import reclamation
from kunsthalle.catalogs.kinds import CATALOG, OFFERING, VERSION
from kunsthalle.catalogs.model import Catalog, Offering
from kunsthalle.catalogs.removal import remove_version
from kunsthalle.core.errors import Problem, Reason, Target, conflict, invalid
from kunsthalle.store.rows import IntegrityError, delete, insert, update
from kunsthalle.store.schema.catalogs import access_entries, versions
from kunsthalle.store.scope import Granted, count, find, may_create, unguarded
from kunsthalle.store.tables import remove_rows
from kunsthalle.store.transition import must, transition
from kunsthalle.store.unit import Unit

CREATE = "globalcatalog-collection.instance.create"


def create_catalog(unit: Unit, label: str, kind: str, group_id: str | None, document: dict[str, Any]) -> Catalog:
    """A new, empty catalog of the caller's account. Labels need not be unique."""
    ctx = unit.ctx
    group = chosen_group(unit, group_id)
    may_create(ctx, CREATE, {"resourceGroupId": group.id})
    now = ctx.now()
    catalog = Catalog(ctx.ids.uuid(), ctx.account_id, label, "live", group.id, kind, document, now, now)
    return insert(unit, CATALOG, catalog)


def replace_catalog(
    unit: Unit, catalog: Granted[Catalog], given_rev: str | None, label: str, document: dict[str, Any]
) -> Catalog:
    """Replaces what a caller may set. 409 on a stale or missing `_rev`."""
    _same_rev(given_rev, catalog.it.rev)
    changed = update(
        unit,
        CATALOG,
        catalog.it.id,
        CATALOG.table.c.revision == catalog.it.revision,
        label=label,
        document=document,
        updated_at=unit.ctx.now(),
    )
    must(changed, "The catalog was changed meanwhile.", "conflict")
    return find(unit, CATALOG, catalog.it.id)


def delete_catalog(unit: Unit, catalog: Granted[Catalog]) -> None:
    """The catalog disappears at once; its images stay managed until its reclamation ends, seven days later (R4)."""
    must(transition(unit, CATALOG, catalog.it.id, "deleted"), "The catalog is gone already.", "conflict")
    reclamation.schedule(unit, catalog.it)


def create_offering(unit: Unit, catalog: Granted[Catalog], name: str, label: str, document: dict[str, Any]) -> Offering:
    """A new product of the catalog, not shared with anybody. 409 when its name is taken there."""
    ctx = unit.ctx
    now = ctx.now()
    offering = Offering(
        id=ctx.ids.uuid(),
        account_id=catalog.it.account_id,
        catalog_id=catalog.it.id,
        name=name,
        label=label,
        kind_id=ctx.ids.uuid(),
        share_enabled=False,
        share_with_all=False,
        share_with_ibm=False,
        document=document,
        updated_at=now,
        created_at=now,
    )
    try:
        return insert(unit, OFFERING, offering)
    except IntegrityError as error:
        raise conflict("conflict", f"The catalog has an offering named {name} already.", "name") from error


def _same_rev(given: str | None, current: str) -> None:
    if given != current:
        raise conflict("conflict", "_rev is missing or not the current one; get the document again.", "_rev")


def replace_offering(
    unit: Unit, offering: Granted[Offering], given_rev: str | None, name: str, label: str, document: dict[str, Any]
) -> Offering:
    """PUT: 409 on a stale or missing `_rev`."""
    _same_rev(given_rev, offering.it.rev)
    return _rewrite(unit, offering, name, label, document)


def check_match(given: str | None, current: str) -> None:
    """412 unless `If-Match` names the current revision; quotes are part of the value that clients send."""
    if given is None or given.strip().removeprefix("W/").strip('"') != current:
        target = Target("If-Match", "header")
        raise Problem(Reason.PRECONDITION, "precondition_failed", "If-Match is not the current revision.", target)


def patch_offering(
    unit: Unit, offering: Granted[Offering], match: str | None, name: str, label: str, document: dict[str, Any]
) -> Offering:
    """PATCH: 412 unless `If-Match` holds."""
    check_match(match, offering.it.rev)
    return _rewrite(unit, offering, name, label, document)


def _rewrite(unit: Unit, offering: Granted[Offering], name: str, label: str, document: dict[str, Any]) -> Offering:
    if not name or not label:
        raise invalid("bad_request", "An offering needs a name and a label.", "name" if not name else "label")
    columns = OFFERING.table.c
    try:
        changed = update(
            unit,
            OFFERING,
            offering.it.id,
            columns.revision == offering.it.revision,
            name=name,
            label=label,
            document=document,
            updated_at=unit.ctx.now(),
        )
    except IntegrityError as error:
        raise conflict("conflict", f"The catalog has an offering named {name} already.", "name") from error
    must(changed, "The offering was changed meanwhile.", "conflict")
    return find(unit, OFFERING, offering.it.id)


def delete_offering(unit: Unit, offering: Granted[Offering]) -> None:
    """The offering and its versions go at once, and their images are free at once (R4)."""
    erase_offering(unit, offering.it)


def erase_offering(unit: Unit, offering: Offering) -> None:
    """Removes an offering with everything that hangs on it."""
    for version in unguarded(unit, VERSION, versions.c.offering_id == offering.id):
        remove_version(unit, version)
    remove_rows(unit, access_entries, access_entries.c.offering_id == offering.id)
    delete(unit, OFFERING, offering.id, offering.account_id)


def offering_count(unit: Unit, catalog: Catalog) -> int:
    """How many offerings of a catalog the caller may see."""
    return count(unit, OFFERING, OFFERING.table.c.catalog_id == catalog.id)
