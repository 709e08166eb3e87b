"""Catalogs, offerings and versions as both SDK generations read them (catalog-iam-enterprise.md 1.3 to 1.5)."""

from __future__ import annotations

from typing import Any

from kunsthalle.api.surfaces.catalog import BASE
from kunsthalle.authz.context import Context
from kunsthalle.catalogs.credentials import masked
from kunsthalle.catalogs.models import DEFAULT_KIND, Catalog, Offering, Plan, Reclamation, Version
from kunsthalle.catalogs.queries import Branch, successor
from kunsthalle.catalogs.sharing.access_list import Approval, Entry
from kunsthalle.catalogs.states import PUBLISHED
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.crn import parse

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

# Terraform plans a change for ever where a computed block is absent: these are answered of every offering and version.
_ENTITLEMENT: Doc = {
    "provider_name": "",
    "provider_id": "",
    "product_id": "",
    "part_numbers": [],
    "image_repo_name": "",
}
_OFFERING_BLOCKS: Doc = {
    "rating": {"one_star_count": 0, "two_star_count": 0, "three_star_count": 0, "four_star_count": 0},
    "provider_info": {},
    "repo_info": {"token": "", "type": ""},
    "support": {"url": "", "process": "", "locations": [], "support_details": [], "support_type": ""},
}


def catalog_response(catalog: Catalog, ctx: Context) -> Doc:
    """A catalog, with its `kind` where that was sent or is not the default: else Terraform takes it for a change."""
    kind = {"kind": catalog.kind} if "kind" in catalog.document or catalog.kind != DEFAULT_KIND else {}
    here = f"{ctx.origin}{BASE}/catalogs/{catalog.id}"
    return {
        "tags": [],
        "features": [],
        "disabled": False,
        "catalog_filters": {},
        **{name: value for name, value in masked(catalog.document).items() if name != "kind"},
        "id": catalog.id,
        "_rev": catalog.rev,
        "label": catalog.label,
        "url": here,
        "crn": catalog.crn,
        "offerings_url": f"{here}/offerings",
        "resource_group_id": catalog.resource_group_id,
        "owning_account": catalog.account_id,
        **kind,
        "created": rfc3339(catalog.created_at),
        "updated": rfc3339(catalog.updated_at),
    }


def state_response(state: str, previous: str | None, entered_at: int) -> Doc:
    """Steps are settled before they are answered, so that nothing is ever pending here."""
    shown = {"current": state, "current_entered": rfc3339(entered_at), "pending": ""}
    return {**shown, "previous": previous} if previous else shown


def version_response(version: Version, ctx: Context, successor: Version | None = None) -> Doc:
    """`successor` is what to use instead of a version on its way out; it is shown as `replacement`, a key of ours."""
    own = version.account_id == ctx.account_id
    shown: Doc = {
        "tags": [],
        "entitlement": _ENTITLEMENT,
        "solution_info": {},
        **version.document,
        "id": version.id,
        "_rev": version.rev,
        "crn": version.crn,
        "version": version.version,
        "created": rfc3339(version.created_at),
        "updated": rfc3339(version.updated_at),
        "offering_id": version.offering_id,
        "catalog_id": version.catalog_id,
        "metadata": shown_metadata(version.metadata, images=own),
        "validation": version.validation if own else {"state": version.validation.get("state", "")},
        "state": state_response(version.state, version.previous, version.entered_at),
        "version_locator": version.locator,
        "is_consumable": version.usable,
        "deprecated": version.state == "deprecated",
        "single_instance": False,
    }
    if version.deprecate_pending:
        shown["deprecate_pending"] = version.deprecate_pending
    if version.copy_of:
        shown["working_copy_of"] = f"{version.catalog_id}.{version.copy_of}"
    if successor is not None:
        shown["replacement"] = {
            "crn": successor.crn,
            "version": successor.version,
            "version_locator": successor.locator,
        }
    return shown


_DIGEST = ("id", "crn", "version", "state", "version_locator", "created", "updated", "catalog_id", "offering_id")
_DIGEST_TOO = (*_DIGEST, "is_consumable", "validation", "deprecate_pending", "replacement")


def versions_response(
    versions: list[Version], siblings: list[Version], ctx: Context, *, digest: bool = False
) -> list[Doc]:
    """Versions, each with its successor among the siblings where it needs one."""
    shown = [version_response(version, ctx, successor(version, siblings)) for version in versions]
    if digest:
        shown = [{key: version[key] for key in _DIGEST_TOO if key in version} for version in shown]
    return shown


EMBEDDED = 200
"""So many versions come with their offering, the newest; the others are in pages of their own (`all_versions`)."""


def kinds_response(branch: Branch, versions: list[Version], ctx: Context, *, digest: bool = False) -> list[Doc]:
    if not versions:
        return []
    offering, made = branch.offering, rfc3339(versions[0].created_at)
    path = f"{BASE}/catalogs/{offering.catalog_id}/offerings/{offering.id}/kinds/{offering.kind_id}/versions"
    pages: Doc = {"first": {"href": f"{path}?limit={EMBEDDED}"}}
    if len(versions) > EMBEDDED:
        pages["next"] = {"href": f"{path}?limit={EMBEDDED}&start={EMBEDDED}", "start": str(EMBEDDED)}
    kind = {"id": offering.kind_id, **_KIND, "created": made, "updated": made, "tags": [], "additional_features": []}
    shown = versions_response(versions[-EMBEDDED:], branch.versions, ctx, digest=digest)
    return [{**kind, "versions": shown, "all_versions": pages}]


def plan_response(plan: Plan, ctx: Context) -> Doc:
    shown: Doc = {
        **plan.document,
        "id": plan.id,
        "_rev": plan.rev,
        "url": f"{ctx.origin}{BASE}/plans/{plan.locator}",
        "crn": plan.crn,
        "created": rfc3339(plan.created_at),
        "updated": rfc3339(plan.updated_at),
        "offering_id": plan.offering_id,
        "catalog_id": plan.catalog_id,
        "name": plan.name,
        "label": plan.label,
        "state": state_response(plan.state, plan.previous, plan.entered_at),
        "publish_approved": False,
    }
    return {**shown, "deprecate_pending": plan.deprecate_pending} if plan.deprecate_pending else shown


def _flags(branch: Branch) -> Doc:
    """Who it is shared with, and who has approved that, under the names of both API generations (1.3, 1.5)."""
    offering, granted = branch.offering, branch.approval == "granted"
    shared = {
        "share_with_all": offering.share_with_all and granted,
        "share_with_ibm": offering.share_with_ibm and granted,
        "share_enabled": offering.share_enabled,
    }
    approvals = {"pc_managed": False, "publish_approved": granted}
    asked = branch.approval in {"requested", "granted"}
    permit = {"ibm_approved": granted, "public_approved": granted, "permit_ibm_public_publish": asked}
    return {
        **shared,
        **approvals,
        "publish": {**shared, **approvals, **permit},
        "permit_request_ibm_public_publish": asked,
        "ibm_publish_approved": granted,
        "public_publish_approved": granted,
    }


def _pending(branch: Branch) -> Doc | None:
    """An offering is on its way out when all that is published of it is."""
    pending = [version.deprecate_pending for version in branch.versions if version.state in PUBLISHED]
    if not pending or not all(pending):
        return None
    return max((period for period in pending if period), key=lambda period: str(period["deprecate_date"]))


def offering_response(branch: Branch, ctx: Context, only: Version | None = None, *, digest: bool = False) -> Doc:
    """An offering with all its versions, or with one alone: the "branch" that a version is got as."""
    offering = branch.offering
    shown = branch.versions if only is None else [only]
    fields = {name: value for name, value in masked(offering.document).items() if not (digest and name in _LONG)}
    pending = _pending(branch)
    response = {
        "tags": [],
        "keywords": [],
        **_OFFERING_BLOCKS,
        **fields,
        "hidden": offering.hidden,
        "id": offering.id,
        "_rev": offering.rev,
        "url": f"{ctx.origin}{BASE}/catalogs/{offering.catalog_id}/offerings/{offering.id}",
        "crn": offering.crn,
        "name": offering.name,
        "label": offering.label,
        "created": rfc3339(offering.created_at),
        "updated": rfc3339(offering.updated_at),
        "kinds": kinds_response(branch, shown, ctx, digest=digest),
        "plans": [plan_response(plan, ctx) for plan in branch.plans],
        "catalog_id": offering.catalog_id,
        "catalog_name": branch.catalog_label,
        **_flags(branch),
    }
    return response if pending is None else {**response, "deprecate_pending": pending}


_ACCOUNT_TYPES = {"-ent-": 1, "-entgrp-": 2}
"""Numbers of `account_type`: undocumented, so these are our own (U)."""


def _account_type(identifier: str) -> int:
    return next((number for prefix, number in _ACCOUNT_TYPES.items() if identifier.startswith(prefix)), 0)


def _approval_state(state: str) -> str:
    """An empty state means approved (1.2)."""
    return "" if state == "approved" else state


def access_response(entry: Entry, catalog_id: str, id_: str, owner: str, kind: str) -> Doc:
    """An entry of the access list of an offering or an object."""
    return {
        "id": entry.id,
        "account": entry.identifier,
        "account_type": _account_type(entry.identifier),
        "catalog_id": catalog_id,
        "target_id": id_,
        "target_account": owner,
        "target_kind": kind,
        "created": rfc3339(entry.created_at),
        "approval_state": _approval_state(entry.approval),
    }


def entry_response(entry: Entry, offering: Offering) -> Doc:
    return access_response(entry, offering.catalog_id, offering.id, offering.account_id, "offering")


def approval_response(approval: Approval) -> Doc:
    return {
        "id": approval.id,
        "account": approval.identifier,
        "account_type": _account_type(approval.identifier),
        "target_account": approval.source_account_id,
        "target_kind": approval.type,
        "created": rfc3339(approval.created_at),
        "approval_state": _approval_state(approval.state),
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


def reclamation_response(record: Reclamation) -> Doc:
    return {
        "id": record.id,
        "entity_id": record.catalog_id,
        "entity_type_id": parse(record.catalog_crn).service,
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


# `metadata` of a version: what an import may send, and how answers show it (catalog-iam-enterprise.md 1.6).
#
# It is kept flat, as imports send it. Answers nest what describes the image under `vsi_vpc`, and have no key that the
# Terraform provider does not know: it stops at any other.

VSI = "vsi_vpc"
_OF_SYSTEM = ("dedicated_host_only", "vendor", "name", "href", "display_name", "family", "version", "architecture")
_OBJECTS = {"operating_system": _OF_SYSTEM, "file": ("size",)}
_OF_IMAGE = ("id", "name", "region")
_NESTED = (*_OBJECTS, "minimum_provisioned_size", "images")
_BESIDE = (
    "source_url",
    "working_directory",
    "example_name",
    "start_deploy_time",
    "end_deploy_time",
    "est_deploy_time",
    "usage",
    "usage_template",
    "modules",
    "version_name",
    "terraform_version",
    "validated_terraform_version",
)


def flat_metadata(metadata: Doc) -> Doc:
    """What is kept: the keys under `vsi_vpc` stand beside the others, and win over keys of the same name."""
    inner = metadata.get(VSI)
    if not isinstance(inner, dict):
        return metadata
    return {**{name: value for name, value in metadata.items() if name != VSI}, **inner}


def nested_metadata(metadata: Doc) -> Doc:
    """What is kept, with `vsi_vpc`, for patches, which may name the keys in either place."""
    beside = {name: value for name, value in metadata.items() if name not in _NESTED}
    return {**beside, VSI: {name: metadata[name] for name in _NESTED if name in metadata}}


def shown_metadata(metadata: Doc, *, images: bool) -> Doc:
    """What answers show. Without `images`, of the images only their regions: they stay out of reach (R6)."""
    inner: Doc = {}
    for name, known in _OBJECTS.items():
        if isinstance(metadata.get(name), dict):
            inner[name] = _only(metadata[name], known)
    if "minimum_provisioned_size" in metadata:
        inner["minimum_provisioned_size"] = metadata["minimum_provisioned_size"]
    of_image = _OF_IMAGE if images else ("region",)
    inner["images"] = [_only(image, of_image) for image in metadata.get("images", [])]
    return {**_only(metadata, _BESIDE), VSI: inner}


def _only(document: Doc, names: tuple[str, ...]) -> Doc:
    return {name: document[name] for name in names if name in document}


def nested_metadata_operation(operation: Doc, prefix: str) -> Doc:
    """An operation of a JSON Patch on the version at `prefix`, with its pointers and values in the nested form."""
    at = f"{prefix}metadata"
    changed = dict(operation)
    for name in ("path", "from"):
        pointer = operation.get(name)
        if isinstance(pointer, str) and pointer.removeprefix(f"{at}/").split("/")[0] in _NESTED:
            changed[name] = f"{at}/{VSI}/{pointer.removeprefix(f'{at}/')}"
    if operation.get("path") == at and isinstance(operation.get("value"), dict):
        changed["value"] = nested_metadata(flat_metadata(operation["value"]))
    return changed
