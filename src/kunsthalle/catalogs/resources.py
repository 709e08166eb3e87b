"""How the resources of this package are looked up, what of them other accounts may see (R5), and the
access rules of paths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache, partial
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta
from sqlalchemy import ColumnElement, Table

from kunsthalle.api.access import Access, Item
from kunsthalle.api.query_params import Parameters, decode
from kunsthalle.api.request import Request
from kunsthalle.api.surfaces.catalog import CATALOG as SURFACE
from kunsthalle.api.surfaces.catalog import Digest
from kunsthalle.authz.access_refusals import missing_action
from kunsthalle.catalogs.models import (
    AccountSettings,
    Catalog,
    CatalogObject,
    Offering,
    OfferingInstance,
    Plan,
    PublishApproval,
    Reclamation,
    Version,
)
from kunsthalle.catalogs.sharing.offering_visibility import (
    OBJECTS,
    OFFERINGS,
    Caller,
    caller_of,
    in_live_catalog,
    seen_by_others,
)
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
    catalog_objects,
    catalog_settings,
    catalogs,
    offering_instances,
    offerings,
    plans,
    publish_approvals,
    reclamations,
    versions,
)
from kunsthalle.core.errors import Problem, Reason, not_found
from kunsthalle.db.page_bytes import row_bytes
from kunsthalle.db.scope_conditions import exists
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import first_ids
from kunsthalle.db.visibility import Authorized, ResourceType, in_account, policy_filter, resolve, sum_of

M = TypeVar("M")
RETRIEVE = "globalcatalog-collection.instance.retrieve"
SHARE = "globalcatalog-collection.offering.share"


def _caller(session: Session, by_id: bool) -> Caller:
    return caller_of(session, session.ctx.grants.scope(RETRIEVE), by_id=by_id)


@lru_cache(maxsize=256)
def _offerings_of_others(caller: Caller) -> ColumnElement[bool]:
    """The offerings of other accounts that a caller sees.

    Evaluated at use: an account that moves out of the enterprise or of a group loses what it had there. The expression
    follows from its argument alone, so that it is built once for a caller and not for each of their calls.
    """
    return caller.all_of(seen_by_others(caller, OFFERINGS), policy_filter(OFFERING, caller.scope))


@lru_cache(maxsize=256)
def _versions_of_others(caller: Caller) -> ColumnElement[bool]:
    shared = exists(offerings, offerings.c.id == versions.c.offering_id, _offerings_of_others(caller))
    return caller.all_of(versions.c.state.in_(PUBLISHED), shared)


def _shared(session: Session, *, by_id: bool = False) -> ColumnElement[bool]:
    return _offerings_of_others(_caller(session, by_id))


def _shared_version(session: Session, *, by_id: bool = False) -> ColumnElement[bool]:
    return _versions_of_others(_caller(session, by_id))


@lru_cache(maxsize=256)
def _plans_of_others(caller: Caller) -> ColumnElement[bool]:
    shared = exists(offerings, offerings.c.id == plans.c.offering_id, _offerings_of_others(caller))
    return caller.all_of(plans.c.state == "consumable", shared)


def _shared_plan(session: Session, *, by_id: bool = False) -> ColumnElement[bool]:
    return _plans_of_others(_caller(session, by_id))


@lru_cache(maxsize=256)
def _objects_of_others(caller: Caller) -> ColumnElement[bool]:
    return caller.all_of(seen_by_others(caller, OBJECTS), policy_filter(OBJECT, caller.scope))


def _shared_object(session: Session, *, by_id: bool = False) -> ColumnElement[bool]:
    return _objects_of_others(_caller(session, by_id))


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


def _bytes_in(table: Table, *where: ColumnElement[bool]) -> ColumnElement[int]:
    """The size of what a list shows inside an offering."""
    return sum_of(row_bytes(table), table, table.c.offering_id == offerings.c.id, *where)


OFFERING = ResourceType(
    "offering",
    offerings,
    Offering,
    RETRIEVE,
    attributes=_in_catalog(offerings.c.catalog_id),
    others=_shared,
    others_by_id=partial(_shared, by_id=True),
    live=in_live_catalog(offerings.c.catalog_id),
    embedded_bytes=_bytes_in(versions, versions.c.copy_of == "") + _bytes_in(plans),
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
    live=in_live_catalog(versions.c.catalog_id),
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
    live=in_live_catalog(plans.c.catalog_id),
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
    live=in_live_catalog(catalog_objects.c.catalog_id),
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


# The access rules of paths of this package: an offering in its catalog, a version by `<catalog id>.<version id>`.

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_LOCATOR = re.compile(rf"({_UUID})\.({_UUID})")
PARAM = "version_loc_id"


def resolve_inside(
    session: Session, kind: ResourceType[M], id_: str, action: str, target: str, parents: Mapping[str, str]
) -> Authorized[M]:
    """Like `resolve`, for what is in the parents that the path names: fields of the model, and their values.

    Catalog Management tells a caller of the owner's account what other accounts are not told: 403 for what is there
    and out of reach.
    """
    try:
        granted = resolve(session, kind, id_, action, target)
    except Problem as problem:
        own = in_account(session, kind, id_) if problem.reason is Reason.NOT_FOUND else None
        if own is None or not _is_inside(own, parents):
            raise
        raise missing_action(kind.read) from problem
    if not _is_inside(granted.resource, parents):
        raise not_found(target)
    return granted


def _is_inside(resource: Any, parents: Mapping[str, str]) -> bool:
    return all(getattr(resource, name) == value for name, value in parents.items())


class CatalogItem(Item, frozen=True):
    """404 for what is hidden or absent; 403 for an action out of reach, and for what the own account hides."""

    def check(self, session: Session, request: Request) -> Authorized[Any] | None:
        parents = {name: request.params[name] for name in self.parents}
        id_ = request.params[self.param]
        return resolve_inside(session, self.resource_type, id_, self.action, self.param, parents)


def catalog_item(
    kind: ResourceType[Any], action: str = RETRIEVE, param: str = "catalog_id", parents: tuple[str, ...] = ()
) -> Access:
    """A caller who sees a resource of a catalog and may do the action on it."""
    return CatalogItem(action, kind=kind, param=param, parents=parents)


class ObjectOrNone(CatalogItem, frozen=True):
    """Finds nothing where there is no such object, for a caller who may do the action on its catalog."""

    @property
    def finds(self) -> tuple[type, ...]:
        return (CatalogObject, NoneType)

    def check(self, session: Session, request: Request) -> Authorized[Any] | None:
        try:
            return CatalogItem.check(self, session, request)
        except Problem as problem:
            if problem.reason is not Reason.NOT_FOUND:
                raise
            catalog_item(CATALOG, self.action).check(session, request)
            return None


def object_or_none(action: str) -> Access:
    """A caller who may do the action on an object, or on the catalog where there is no such object."""
    return ObjectOrNone(action, kind=OBJECT, param="object_id", parents=("catalog_id",))


class VersionItem(Access, frozen=True):
    """404 for a locator that is hidden, absent or none at all, 403 for an action out of reach (1.10)."""

    @property
    def finds(self) -> tuple[type, ...]:
        return (Version,)

    def check(self, session: Session, request: Request) -> Authorized[Version]:
        match = _LOCATOR.fullmatch(request.params[PARAM])
        if match is None:
            raise not_found(PARAM)
        return resolve_inside(session, VERSION, match[2], self.action, PARAM, {"catalog_id": match[1]})


def version(action: str = RETRIEVE) -> Access:
    """A caller who sees the version and may do the action on it."""
    return VersionItem(action)


class OfferingParameters(Parameters, frozen=True):
    """Of reading one offering."""

    type: Annotated[Literal["id", "name"], Meta(description="What the path names the offering by.")] = "id"
    digest: Digest = False


class NamedOffering(Access, frozen=True):
    """By id, or with `type=name` by the name that an offering has in its catalog."""

    @property
    def finds(self) -> tuple[type, ...]:
        return (Offering,)

    def check(self, session: Session, request: Request) -> Authorized[Offering]:
        by = decode(request, OfferingParameters, SURFACE.malformed).type
        offering_id, catalog = request.params["offering_id"], request.params["catalog_id"]
        id_ = offering_id if by == "id" else _id_by_name(session, catalog, offering_id)
        return resolve_inside(session, OFFERING, id_, self.action, "offering_id", {"catalog_id": catalog})


def _id_by_name(session: Session, catalog: str, name: str) -> str:
    """The id of whoever's offering has the name, or one that none has: either is then as much work to look up."""
    ids = first_ids(session, offerings.c.id, 1, offerings.c.catalog_id == catalog, offerings.c.name == name)
    return ids[0] if ids else ""


def offering(action: str = RETRIEVE) -> Access:
    """A caller who sees the offering, in the catalog that the path names, and may do the action on it."""
    return catalog_item(OFFERING, action, "offering_id", ("catalog_id",))
