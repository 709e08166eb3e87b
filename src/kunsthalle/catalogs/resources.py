"""How the resources of this package are looked up, what of them other accounts may see (R5), and the
access rules of paths.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache, partial
from typing import Annotated, Any, Literal

from msgspec import Meta
from sqlalchemy import ColumnElement, Table

from kunsthalle.api.access import Access, item
from kunsthalle.api.query_params import Parameters, decode
from kunsthalle.api.request import Request
from kunsthalle.api.surfaces.catalog import CATALOG as SURFACE
from kunsthalle.api.surfaces.catalog import Digest
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
from kunsthalle.catalogs.sharing.visibility import (
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
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.page_bytes import row_bytes
from kunsthalle.db.scope_conditions import exists
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, ResourceType, policy_filter, resolve, some, sum_of

RETRIEVE = "globalcatalog-collection.instance.retrieve"


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


class VersionItem(Access, frozen=True):
    """400 for a malformed locator, 404 for one that is hidden or absent, 403 for a action out of reach (1.10)."""

    @property
    def finds(self) -> tuple[type, ...]:
        return (Version,)

    def check(self, session: Session, request: Request) -> Authorized[Version]:
        found = _LOCATOR.fullmatch(request.params[PARAM])
        if found is None:
            raise invalid("bad_request", "A version locator is <catalog id>.<version id>.", PARAM, type_="parameter")
        granted = resolve(session, VERSION, found[2], self.action, PARAM)
        if granted.resource.catalog_id != found[1]:
            raise not_found(PARAM)
        return granted


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
        columns = OFFERING.table.c
        wanted = columns.id if by == "id" else columns.name
        given, catalog = request.params["offering_id"], request.params["catalog_id"]
        found = some(session, OFFERING, wanted == given, columns.catalog_id == catalog, limit=1)
        if not found:
            raise not_found("offering_id")
        return Authorized(found[0], self.action)


def offering(action: str = RETRIEVE) -> Access:
    """A caller who sees the offering, in the catalog that the path names, and may do the action on it."""
    return item(OFFERING, action, "offering_id", ("catalog_id",))
