"""How the resources of this package are looked up, and what of them other accounts may see (R5)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Table, and_, false, not_, or_

from kunsthalle.accounts.tables import accounts
from kunsthalle.authz.context import Context
from kunsthalle.authz.permissions import PermissionScope
from kunsthalle.catalogs.models import Catalog, Offering, Reclamation, Version
from kunsthalle.catalogs.records import AccountSettings, CatalogObject, OfferingInstance, Plan, PublishApproval
from kunsthalle.catalogs.states import (
    CATALOG_STATES,
    OBJECT_STATES,
    PLAN_STATES,
    PUBLISH_APPROVAL_STATES,
    PUBLISHED,
    RECLAMATION_STATES,
    VERSION_STATES,
)
from kunsthalle.catalogs.tables import (
    access_entries,
    catalog_objects,
    catalog_settings,
    catalogs,
    object_entries,
    offering_instances,
    offerings,
    plans,
    publish_approvals,
    reclamations,
    share_approvals,
    versions,
)
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType, either, every, exists, policy_filter

RETRIEVE = "globalcatalog-collection.instance.retrieve"
TYPE = "offering"


def _live(catalog_id: ColumnElement[str]) -> ColumnElement[bool]:
    return exists(catalogs, catalogs.c.id == catalog_id, catalogs.c.state == "live")


def _enterprise(recipients: Iterable[str]) -> str | None:
    return next((one.removeprefix("-ent-") for one in recipients if one.startswith("-ent-")), None)


def enterprise_id(ctx: Context) -> str | None:
    """The enterprise the caller's account is in."""
    return _enterprise(ctx.recipients)


class Who(NamedTuple):
    """What decides which resources of others a caller sees.

    `by_id` is for look-ups of one resource, which evaluate every condition, so that they take as long for what is
    hidden.
    """

    account_id: str
    recipients: tuple[str, ...]
    reach: PermissionScope
    by_id: bool

    def all_of(self, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return every(*conditions) if self.by_id else and_(*conditions)

    def any_of(self, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return either(*conditions) if self.by_id else or_(*conditions)


def _who(session: Session, *, by_id: bool = False) -> Who:
    ctx = session.ctx
    return Who(ctx.account_id, tuple(ctx.recipients), ctx.grants.scope(RETRIEVE), by_id)


def _approval(source: Any, type_: Any, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    same = (share_approvals.c.source_account_id == source, share_approvals.c.type == type_)
    return exists(share_approvals, *same, *where)


def _accepted(who: Who, source: Any, type_: Any, listed: Table, *mine: ColumnElement[bool]) -> ColumnElement[bool]:
    """On an access list, and accepted: what the account has decided itself goes before what stands above it has."""
    own = share_approvals.c.identifier == who.account_id
    yes = share_approvals.c.state == "approved"
    by_account = _approval(source, type_, own, yes)
    refused = _approval(source, type_, own, share_approvals.c.state == "rejected")
    on_list = listed.c.identifier.in_(who.recipients)
    if not who.by_id:
        by_entry = _approval(source, type_, share_approvals.c.identifier == listed.c.identifier, yes)
        return and_(exists(listed, *mine, on_list, or_(by_account, by_entry)), not_(refused))
    each = (
        every(
            exists(listed, *mine, listed.c.identifier == one),
            _approval(source, type_, share_approvals.c.identifier == one, yes),
        )
        for one in who.recipients
    )  # asked for each by itself: whether a list names the caller changes nothing of the work
    return every(either(every(exists(listed, *mine, on_list), by_account), *each), not_(refused))


def _inside(who: Who, owner: ColumnElement[str]) -> ColumnElement[bool]:
    """In the owner's enterprise now."""
    enterprise = _enterprise(who.recipients)
    if enterprise is None:
        return false()
    return exists(accounts, accounts.c.id == owner, accounts.c.enterprise_id == enterprise)


@lru_cache(maxsize=256)
def _offerings_of_others(who: Who) -> ColumnElement[bool]:
    """An offering of another account: shared with this one and accepted, or published to all; something is published.

    Evaluated at use: an account that moves out of the enterprise or of a group loses what it had there. Outside the
    enterprise nothing is seen unless the operator's approval stands. The expression follows from its argument alone,
    so that it is built once for a caller and not for each of their calls.
    """
    approved = exists(
        publish_approvals, publish_approvals.c.offering_id == offerings.c.id, publish_approvals.c.state == "granted"
    )
    mine = access_entries.c.offering_id == offerings.c.id
    listed = who.all_of(
        offerings.c.share_enabled,
        who.any_of(_inside(who, offerings.c.account_id), approved),
        _accepted(who, offerings.c.account_id, TYPE, access_entries, mine),
    )
    usable = and_(versions.c.offering_id == offerings.c.id, versions.c.state.in_(PUBLISHED))
    for_all = who.all_of(offerings.c.share_with_all, approved)
    return who.all_of(who.any_of(listed, for_all), exists(versions, usable), policy_filter(OFFERING, who.reach))


@lru_cache(maxsize=256)
def _versions_of_others(who: Who) -> ColumnElement[bool]:
    shared = exists(offerings, offerings.c.id == versions.c.offering_id, _offerings_of_others(who))
    return who.all_of(versions.c.state.in_(PUBLISHED), shared)


def _shared(session: Session, *, by_id: bool = False) -> ColumnElement[bool]:
    return _offerings_of_others(_who(session, by_id=by_id))


def _shared_version(session: Session, *, by_id: bool = False) -> ColumnElement[bool]:
    return _versions_of_others(_who(session, by_id=by_id))


@lru_cache(maxsize=256)
def _plans_of_others(who: Who) -> ColumnElement[bool]:
    shared = exists(offerings, offerings.c.id == plans.c.offering_id, _offerings_of_others(who))
    return who.all_of(plans.c.state == "consumable", shared)


def _shared_plan(session: Session, *, by_id: bool = False) -> ColumnElement[bool]:
    return _plans_of_others(_who(session, by_id=by_id))


@lru_cache(maxsize=256)
def _objects_of_others(who: Who) -> ColumnElement[bool]:
    table = catalog_objects.c
    return who.all_of(
        table.share_enabled,
        table.state == "consumable",
        _inside(who, table.account_id),
        _accepted(who, table.account_id, table.kind, object_entries, object_entries.c.object_id == table.id),
        policy_filter(OBJECT, who.reach),
    )


def _shared_object(session: Session, *, by_id: bool = False) -> ColumnElement[bool]:
    return _objects_of_others(_who(session, by_id=by_id))


def _in_catalog(column: Any) -> dict[str, Any]:
    """A policy may name a catalog in any of these ways (3.5)."""
    return {"serviceInstance": column, "resource": column, "catalogId": column}


CATALOG = ResourceType(
    "catalog",
    catalogs,
    Catalog,
    RETRIEVE,
    attributes={**_in_catalog(catalogs.c.id), "resourceGroupId": catalogs.c.resource_group_id},
    states=CATALOG_STATES,
    state_column=catalogs.c.state,
    live=catalogs.c.state == "live",
)

OFFERING = ResourceType(
    "offering",
    offerings,
    Offering,
    RETRIEVE,
    attributes=_in_catalog(offerings.c.catalog_id),
    others=_shared,
    others_by_id=partial(_shared, by_id=True),
    live=_live(offerings.c.catalog_id),
)

IN_CATALOG = replace(OFFERING, others=None, live=None)
"""The offerings of a catalog that the caller has looked up: then it is their own, and live."""

VERSION = ResourceType(
    "version",
    versions,
    Version,
    RETRIEVE,
    attributes=_in_catalog(versions.c.catalog_id),
    states=VERSION_STATES,
    state_column=versions.c.state,
    others=_shared_version,
    others_by_id=partial(_shared_version, by_id=True),
    live=_live(versions.c.catalog_id),
)

RECLAMATION = ResourceType(
    "reclamation",
    reclamations,
    Reclamation,
    "resource-controller.reclamation.read",
    attributes={"resourceGroupId": reclamations.c.resource_group_id},
    states=RECLAMATION_STATES,
    state_column=reclamations.c.state,
)

PLAN = ResourceType(
    "plan",
    plans,
    Plan,
    RETRIEVE,
    attributes=_in_catalog(plans.c.catalog_id),
    states=PLAN_STATES,
    state_column=plans.c.state,
    others=_shared_plan,
    others_by_id=partial(_shared_plan, by_id=True),
    live=_live(plans.c.catalog_id),
)

OBJECT = ResourceType(
    "object",
    catalog_objects,
    CatalogObject,
    RETRIEVE,
    attributes=_in_catalog(catalog_objects.c.catalog_id),
    states=OBJECT_STATES,
    state_column=catalog_objects.c.state,
    others=_shared_object,
    others_by_id=partial(_shared_object, by_id=True),
    live=_live(catalog_objects.c.catalog_id),
)

OFFERING_INSTANCE = ResourceType(
    "offering instance",
    offering_instances,
    OfferingInstance,
    RETRIEVE,
    attributes={"resourceGroupId": offering_instances.c.resource_group_id},
)

SETTINGS = ResourceType("catalog settings", catalog_settings, AccountSettings, RETRIEVE)

PUBLISH_APPROVAL = ResourceType(
    "publish approval",
    publish_approvals,
    PublishApproval,
    RETRIEVE,
    attributes=_in_catalog(publish_approvals.c.catalog_id),
    states=PUBLISH_APPROVAL_STATES,
    state_column=publish_approvals.c.state,
)
