"""How the things of this room are looked up, and what of them other accounts may see (R5)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, false, not_, or_

from kunsthalle.catalogs.model import Catalog, Offering, Reclamation, Version
from kunsthalle.catalogs.states import CATALOG_STATES, PUBLISHED, RECLAMATION_STATES, VERSION_STATES
from kunsthalle.core.context import Context
from kunsthalle.store.schema.accounts import accounts
from kunsthalle.store.schema.catalogs import (
    access_entries,
    catalogs,
    offerings,
    reclamations,
    share_approvals,
    versions,
)
from kunsthalle.store.scope import Kind, exists, reached
from kunsthalle.store.unit import Unit

RETRIEVE = "globalcatalog-collection.instance.retrieve"
TYPE = "offering"


def _live(catalog_id: ColumnElement[str]) -> ColumnElement[bool]:
    return exists(catalogs, catalogs.c.id == catalog_id, catalogs.c.state == "live")


def enterprise_id(ctx: Context) -> str | None:
    """The enterprise the caller's account is in."""
    found = (one.removeprefix("-ent-") for one in ctx.audience if one.startswith("-ent-"))
    return next(found, None)


def _approval(*where: ColumnElement[bool]) -> ColumnElement[bool]:
    same_source = share_approvals.c.source_account_id == offerings.c.account_id
    return exists(share_approvals, same_source, share_approvals.c.type == TYPE, *where)


def _shared(unit: Unit) -> ColumnElement[bool]:
    """An offering of another account: shared with this one, accepted, inside the enterprise, something published.

    Evaluated at use: an account that moves out of the enterprise or of a group loses what it had there. What the
    account itself has decided about a source goes before what its enterprise or group has.
    """
    ctx = unit.ctx
    enterprise = enterprise_id(ctx)
    if enterprise is None:
        return false()
    own = share_approvals.c.identifier == ctx.account_id
    accepted = or_(
        _approval(own, share_approvals.c.state == "approved"),
        _approval(share_approvals.c.identifier == access_entries.c.identifier, share_approvals.c.state == "approved"),
    )
    return and_(
        offerings.c.share_enabled,
        exists(accounts, accounts.c.id == offerings.c.account_id, accounts.c.enterprise_id == enterprise),
        exists(
            access_entries,
            access_entries.c.offering_id == offerings.c.id,
            access_entries.c.identifier.in_(ctx.audience),
            accepted,
        ),
        not_(_approval(own, share_approvals.c.state == "rejected")),
        exists(versions, versions.c.offering_id == offerings.c.id, versions.c.state.in_(PUBLISHED)),
        reached(OFFERING, ctx.grants.reach(RETRIEVE)),
    )


def _shared_version(unit: Unit) -> ColumnElement[bool]:
    shared = exists(offerings, offerings.c.id == versions.c.offering_id, _shared(unit))
    return and_(versions.c.state.in_(PUBLISHED), shared)


CATALOG = Kind(
    "catalog",
    catalogs,
    Catalog,
    RETRIEVE,
    attributes={
        "serviceInstance": catalogs.c.id,
        "resource": catalogs.c.id,
        "catalogId": catalogs.c.id,
        "resourceGroupId": catalogs.c.resource_group_id,
    },
    states=CATALOG_STATES,
    state_column=catalogs.c.state,
    live=catalogs.c.state == "live",
)

OFFERING = Kind(
    "offering",
    offerings,
    Offering,
    RETRIEVE,
    attributes={
        "serviceInstance": offerings.c.catalog_id,
        "resource": offerings.c.catalog_id,
        "catalogId": offerings.c.catalog_id,
    },
    others=_shared,
    live=_live(offerings.c.catalog_id),
)

VERSION = Kind(
    "version",
    versions,
    Version,
    RETRIEVE,
    attributes={
        "serviceInstance": versions.c.catalog_id,
        "resource": versions.c.catalog_id,
        "catalogId": versions.c.catalog_id,
    },
    states=VERSION_STATES,
    state_column=versions.c.state,
    others=_shared_version,
    live=_live(versions.c.catalog_id),
)

RECLAMATION = Kind(
    "reclamation",
    reclamations,
    Reclamation,
    "resource-controller.reclamation.read",
    attributes={"resourceGroupId": reclamations.c.resource_group_id},
    states=RECLAMATION_STATES,
    state_column=reclamations.c.state,
)
