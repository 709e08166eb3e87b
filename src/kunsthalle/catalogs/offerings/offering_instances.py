"""Offering instances: what an account notes of its use of a version. For images no deployment hangs on them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api import access
from kunsthalle.api.body_bounds import Document, at_most
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.serialization import RequestBody
from kunsthalle.api.surfaces.catalog import BASE, CATALOG
from kunsthalle.catalogs import queries
from kunsthalle.catalogs.models import OfferingInstance, Version
from kunsthalle.catalogs.offerings.service import same_rev
from kunsthalle.catalogs.resources import OFFERING, OFFERING_INSTANCE, RETRIEVE, catalog_item
from kunsthalle.catalogs.versions import validation
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.rows import delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must
from kunsthalle.db.visibility import find, may_create

Doc = dict[str, Any]
_CREATE = "globalcatalog-collection.instance.create"


class InstanceRequest(RequestBody):
    """An offering instance to note, or the whole of one to replace."""

    rev: str | None = msgspec.field(name="_rev", default=None)
    label: Annotated[str, Meta(max_length=256)] | None = None
    catalog_id: str | None = None
    offering_id: str | None = None
    version: str | None = None
    kind_format: str | None = None
    kind_target: str | None = None
    resource_group_id: str | None = None
    metadata: Document | UnsetType = UNSET
    location: str | UnsetType = UNSET
    channel: str | UnsetType = UNSET
    install_plan: str | UnsetType = UNSET
    plan_id: str | UnsetType = UNSET
    sha: str | UnsetType = UNSET
    parent_crn: str | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    cluster_id: str | UnsetType = UNSET
    cluster_region: str | UnsetType = UNSET
    cluster_namespaces: Annotated[list[str], at_most(100)] | UnsetType = UNSET
    cluster_all_namespaces: bool | UnsetType = UNSET
    schematics_workspace_id: str | UnsetType = UNSET


_KEPT = (
    "metadata",
    "location",
    "channel",
    "install_plan",
    "plan_id",
    "sha",
    "parent_crn",
    "disabled",
    "cluster_id",
    "cluster_region",
    "cluster_namespaces",
    "cluster_all_namespaces",
    "schematics_workspace_id",
)
"""What is answered as it was sent. Nothing is deployed: a cluster that is named is kept and shown."""


def _document(body: InstanceRequest) -> Doc:
    return {name: value for name, value in msgspec.to_builtins(body).items() if name in _KEPT}


def _version(session: Session, body: InstanceRequest) -> Version:
    """The version that is used: one the caller may provision; its string, or the best there is."""
    if not body.offering_id:
        raise invalid("bad_request", "offering_id is required.", "offering_id")
    offering = find(session, OFFERING, body.offering_id, "offering_id", "field")
    usable = queries.published(queries.versions_of(session, offering))
    versions = [version for version in usable if body.version in {None, "", version.version}]
    if not versions or body.catalog_id not in {None, "", offering.catalog_id}:
        raise not_found("offering_id", "field")
    return versions[0]


def _create(session: Session, request: Request) -> Doc:
    """Note the use of an offering."""
    validation.check_refresh(request.headers.get("x-auth-refresh-token"))
    body: InstanceRequest = request.body
    return _wire(_note(session, body, _version(session, body)), session)


def _note(session: Session, body: InstanceRequest, version: Version) -> OfferingInstance:
    ctx = session.ctx
    group = chosen_group(session, body.resource_group_id or None)
    may_create(ctx, _CREATE, {"resourceGroupId": group.id})
    now = ctx.now()
    made = OfferingInstance(
        id=ctx.ids.uuid(),
        account_id=ctx.account_id,
        catalog_id=version.catalog_id,
        offering_id=version.offering_id,
        version_id=version.id,
        version=version.version,
        label=body.label or "",
        resource_group_id=group.id,
        document=_document(body),
        last_operation=_done(session, "create"),
        updated_at=now,
        created_at=now,
    )
    return insert(session, OFFERING_INSTANCE, made)


def _done(session: Session, operation: str) -> Doc:
    at = rfc3339(session.ctx.now())
    return {"operation": operation, "state": "succeeded", "message": "", "transaction_id": session.ctx.trace} | {
        "updated": at,
        "code": "",
    }


def _wire(offering_instance: OfferingInstance, session: Session) -> Doc:
    return {
        **offering_instance.document,
        "id": offering_instance.id,
        "_rev": offering_instance.rev,
        "url": f"{session.ctx.origin}{BASE}/instances/offerings/{offering_instance.id}",
        "crn": offering_instance.crn,
        "label": offering_instance.label,
        "catalog_id": offering_instance.catalog_id,
        "offering_id": offering_instance.offering_id,
        "kind_format": "vsi-image",
        "kind_target": "vpc-x86",
        "version": offering_instance.version,
        "version_id": offering_instance.version_id,
        "resource_group_id": offering_instance.resource_group_id,
        "account": offering_instance.account_id,
        "created": rfc3339(offering_instance.created_at),
        "updated": rfc3339(offering_instance.updated_at),
        "last_operation": offering_instance.last_operation,
    }


def _get(session: Session, _request: Request, instance: OfferingInstance) -> Doc:
    """Get an offering instance."""
    return _wire(instance, session)


def _put(session: Session, request: Request, instance: OfferingInstance) -> Doc:
    """Replace an offering instance; another version must be one that may be provisioned."""
    validation.check_refresh(request.headers.get("x-auth-refresh-token"))
    body: InstanceRequest = request.body
    if body.rev is not None:
        same_rev(body.rev, instance.rev)
    _replace(session, instance, body)
    return _wire(find(session, OFFERING_INSTANCE, instance.id), session)


def _replace(session: Session, offering_instance: OfferingInstance, body: InstanceRequest) -> None:
    values: Doc = {"label": body.label or "", "document": _document(body), "last_operation": _done(session, "update")}
    if body.version not in {None, "", offering_instance.version}:
        version = _version(
            session,
            msgspec.structs.replace(
                body, offering_id=offering_instance.offering_id, catalog_id=offering_instance.catalog_id
            ),
        )
        values |= {"version": version.version, "version_id": version.id}
    same = OFFERING_INSTANCE.table.c.revision == offering_instance.revision
    changed = update(session, OFFERING_INSTANCE, offering_instance.id, same, updated_at=session.ctx.now(), **values)
    must(changed, "The offering instance was changed meanwhile.", "conflict")


def _delete(session: Session, request: Request, instance: OfferingInstance) -> None:
    """Forget an offering instance; servers are not touched."""
    validation.check_refresh(request.headers.get("x-auth-refresh-token"))
    delete(session, OFFERING_INSTANCE, instance.id, instance.account_id)


def routes() -> tuple[Route, ...]:
    many, surface = f"{BASE}/instances/offerings", CATALOG
    item_path = f"{many}/{{instance_id}}"

    def rule(action: str = RETRIEVE) -> access.Access:
        return catalog_item(OFFERING_INSTANCE, action, "instance_id")

    change, remove = rule("globalcatalog-collection.instance.update"), rule("globalcatalog-collection.offering.delete")
    create = access.create(_CREATE)
    return (
        route("POST", many, _create, surface=surface, access=create, body=InstanceRequest, status=201),
        route("GET", item_path, _get, surface=surface, access=rule()),
        route("PUT", item_path, _put, surface=surface, access=change, body=InstanceRequest),
        route("DELETE", item_path, _delete, surface=surface, access=remove),
    )
