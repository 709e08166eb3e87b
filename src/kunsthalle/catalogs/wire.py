"""Catalogs, offerings and versions as both SDK generations read them (catalog-iam-enterprise.md 1.3 to 1.5)."""

from __future__ import annotations

from typing import Any

from kunsthalle.api.families.catalog import BASE
from kunsthalle.catalogs.model import Catalog, Offering, Reclamation, Version
from kunsthalle.catalogs.sharing import Approval, Entry
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.context import Context

Doc = dict[str, Any]
_KIND = {
    "format_kind": "vsi-image",
    "format_kind_label": "Virtual server image for VPC",
    "install_kind": "instance",
    "install_kind_label": "Instance",
    "target_kind": "vpc-x86",
    "target_kind_label": "Virtual Private Cloud (VPC)",
}
_LONG = ("long_description", "media")


def catalog_wire(catalog: Catalog, ctx: Context) -> Doc:
    here = f"{ctx.origin}{BASE}/catalogs/{catalog.id}"
    return {
        "tags": [],
        "features": [],
        "disabled": False,
        **catalog.document,
        "id": catalog.id,
        "_rev": catalog.rev,
        "label": catalog.label,
        "url": here,
        "crn": catalog.crn,
        "offerings_url": f"{here}/offerings",
        "resource_group_id": catalog.resource_group_id,
        "owning_account": catalog.account_id,
        "kind": catalog.kind,
        "created": rfc3339(catalog.created_at),
        "updated": rfc3339(catalog.updated_at),
    }


def _metadata(version: Version, ctx: Context) -> Doc:
    """What the import sent. A stranger learns of the images' regions only: the images stay out of reach (R6)."""
    if version.account_id == ctx.account_id:
        return version.metadata
    images = [{"region": one.get("region")} for one in version.metadata.get("images", [])]
    return {**version.metadata, "images": images}


def version_wire(version: Version, ctx: Context) -> Doc:
    state = {"current": version.state, "current_entered": rfc3339(version.entered_at), "pending": ""}
    if version.previous:
        state["previous"] = version.previous
    own = version.account_id == ctx.account_id
    shown: Doc = {
        "tags": [],
        **version.document,
        "id": version.id,
        "_rev": version.rev,
        "crn": version.crn,
        "version": version.version,
        "created": rfc3339(version.created_at),
        "updated": rfc3339(version.updated_at),
        "offering_id": version.offering_id,
        "catalog_id": version.catalog_id,
        "metadata": _metadata(version, ctx),
        "validation": version.validation if own else {"state": version.validation.get("state", "")},
        "state": state,
        "version_locator": version.locator,
        "is_consumable": version.validation.get("state") == "valid",
        "deprecated": version.state == "deprecated",
        "single_instance": False,
    }
    if version.deprecate_pending:
        shown["deprecate_pending"] = version.deprecate_pending
    return shown


def kinds_wire(offering: Offering, versions: list[Version], ctx: Context, *, digest: bool = False) -> list[Doc]:
    if not versions:
        return []
    made = rfc3339(versions[0].created_at)
    shown = [version_wire(version, ctx) for version in versions]
    if digest:
        keys = ("id", "crn", "version", "state", "version_locator", "created", "updated", "catalog_id", "offering_id")
        shown = [{key: one[key] for key in (*keys, "is_consumable", "validation")} for one in shown]
    return [{"id": offering.kind_id, **_KIND, "created": made, "updated": made, "tags": [], "versions": shown}]


def offering_wire(
    offering: Offering, versions: list[Version], ctx: Context, catalog_label: str = "", *, digest: bool = False
) -> Doc:
    flags = {"share_with_all": False, "share_with_ibm": False, "share_enabled": offering.share_enabled}
    approvals = {"pc_managed": False, "publish_approved": False}
    kept = {name: value for name, value in offering.document.items() if not (digest and name in _LONG)}
    return {
        "tags": [],
        "keywords": [],
        "hidden": False,
        **kept,
        "id": offering.id,
        "_rev": offering.rev,
        "url": f"{ctx.origin}{BASE}/catalogs/{offering.catalog_id}/offerings/{offering.id}",
        "crn": offering.crn,
        "name": offering.name,
        "label": offering.label,
        "created": rfc3339(offering.created_at),
        "updated": rfc3339(offering.updated_at),
        "kinds": kinds_wire(offering, versions, ctx, digest=digest),
        "catalog_id": offering.catalog_id,
        "catalog_name": catalog_label,
        **flags,
        **approvals,
        "publish": {**flags, **approvals, "permit_ibm_public_publish": False},
        "permit_request_ibm_public_publish": False,
        "ibm_publish_approved": False,
        "public_publish_approved": False,
    }


_ACCOUNT_TYPES = {"-ent-": 1, "-entgrp-": 2}
"""Numbers of `account_type`: undocumented, so these are our own (U)."""


def _account_type(identifier: str) -> int:
    return next((number for prefix, number in _ACCOUNT_TYPES.items() if identifier.startswith(prefix)), 0)


def _approval_state(state: str) -> str:
    """An empty state means approved (1.2)."""
    return "" if state == "approved" else state


def entry_wire(entry: Entry, offering: Offering) -> Doc:
    return {
        "id": entry.id,
        "account": entry.identifier,
        "account_type": _account_type(entry.identifier),
        "catalog_id": offering.catalog_id,
        "target_id": offering.id,
        "target_account": offering.account_id,
        "target_kind": "offering",
        "created": rfc3339(entry.created_at),
        "approval_state": _approval_state(entry.approval),
    }


def approval_wire(one: Approval) -> Doc:
    return {
        "id": one.id,
        "account": one.identifier,
        "account_type": _account_type(one.identifier),
        "target_account": one.source,
        "target_kind": one.type,
        "created": rfc3339(one.created_at),
        "approval_state": _approval_state(one.state),
    }


def token_page(path: str, items: list[Doc]) -> Doc:
    """The token envelope; these lists are short and come whole."""
    return {
        "start": "",
        "limit": max(len(items), 1),
        "total_count": len(items),
        "resource_count": len(items),
        "first": {"href": path},
        "resources": items,
    }


def reclamation_wire(record: Reclamation) -> Doc:
    return {
        "id": record.id,
        "entity_id": record.catalog_id,
        "entity_type_id": "globalcatalog-collection",
        "entity_crn": record.catalog_crn,
        "resource_instance_id": record.catalog_id,
        "resource_group_id": record.resource_group_id,
        "account_id": record.account_id,
        "policy_id": "kunsthalle-7-days",
        "state": record.state,
        "target_time": rfc3339(record.target_at),
        "custom_properties": {},
        "created_at": rfc3339(record.created_at),
        "created_by": record.created_by,
        "updated_at": rfc3339(record.updated_at),
        "updated_by": record.updated_by,
    }
