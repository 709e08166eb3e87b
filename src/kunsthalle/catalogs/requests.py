"""What Catalog Management is sent. Unknown fields are ignored; what has no rule of its own is kept as it came."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.body_bounds import Document, Documents, Translations, Words, at_most
from kunsthalle.api.json_patch import MAX_OPERATIONS
from kunsthalle.api.serialization import RequestBody
from kunsthalle.catalogs.offerings.service import Fields, PlanSeed
from kunsthalle.catalogs.schemas import flat_metadata
from kunsthalle.catalogs.sharing.access_list import MOST
from kunsthalle.catalogs.versions.editing import Import, choices_of
from kunsthalle.core.errors import invalid

Text = Annotated[str, Meta(max_length=4_096)]
Label = Annotated[str, Meta(min_length=1, max_length=256)]
Identifiers = Annotated[list[str], at_most(MOST)]
"""Of accounts, account groups and enterprises."""
Operations = Annotated[list[Document], at_most(MAX_OPERATIONS)]
"""A JSON Patch."""
Doc = dict[str, Any]


class CatalogFields(RequestBody):
    """What may be set of a catalog besides its label."""

    rev: str | None = msgspec.field(name="_rev", default=None)
    short_description: Text | UnsetType = UNSET
    label_i18n: Translations | UnsetType = UNSET
    short_description_i18n: Translations | UnsetType = UNSET
    catalog_icon_url: Text | UnsetType = UNSET
    catalog_banner_url: Text | UnsetType = UNSET
    tags: Words | UnsetType = UNSET
    features: Documents | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    resource_group_id: str | None = None
    owning_account: str | None = None
    catalog_filters: Document | UnsetType = UNSET
    syndication_settings: Document | UnsetType = UNSET
    kind: Literal["offering", "vpe"] | None = None
    metadata: Document | UnsetType = UNSET
    target_account_contexts: Documents | UnsetType = UNSET


class CatalogRequest(CatalogFields, kw_only=True):
    """A catalog to create."""

    label: Label


class CatalogReplacementRequest(CatalogFields, kw_only=True):
    """The whole of a catalog to replace; without a label it keeps the one it has."""

    label: Label | None = None


class PlanRequest(RequestBody):
    """A plan of an offering: a new one, or one known by its name to be changed."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    label: Label | None = None
    label_i18n: Translations | UnsetType = UNSET
    short_description: Text | UnsetType = UNSET
    short_description_i18n: Translations | UnsetType = UNSET
    pricing_tags: Words | UnsetType = UNSET
    version_range: Document | UnsetType = UNSET
    features: Documents | UnsetType = UNSET
    metadata: Document | UnsetType = UNSET


class OfferingRequest(RequestBody):
    """The whole of an offering to replace. Kinds and versions are not changed here."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    label: Label | None = None
    rev: str | None = msgspec.field(name="_rev", default=None)
    label_i18n: Translations | UnsetType = UNSET
    offering_icon_url: Text | UnsetType = UNSET
    offering_docs_url: Text | UnsetType = UNSET
    offering_support_url: Text | UnsetType = UNSET
    tags: Words | UnsetType = UNSET
    keywords: Words | UnsetType = UNSET
    short_description: Text | UnsetType = UNSET
    short_description_i18n: Translations | UnsetType = UNSET
    long_description: Annotated[str, Meta(max_length=200_000)] | UnsetType = UNSET
    long_description_i18n: Translations | UnsetType = UNSET
    features: Documents | UnsetType = UNSET
    media: Documents | UnsetType = UNSET
    metadata: Document | UnsetType | None = UNSET
    disclaimer: Text | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET
    provider: Text | UnsetType = UNSET
    provider_info: Document | UnsetType = UNSET
    repo_info: Document | UnsetType = UNSET
    support: Document | UnsetType = UNSET
    product_kind: Text | UnsetType = UNSET
    badges: Documents | UnsetType = UNSET
    plans: Annotated[list[PlanRequest], at_most(100)] | UnsetType = UNSET


class NewOfferingRequest(OfferingRequest):
    """An offering to create. `share_enabled` puts its access list into effect, as the call `share` does."""

    share_enabled: bool = False


_APART = frozenset({"name", "label", "_rev", "resource_group_id", "owning_account", "hidden", "plans", "share_enabled"})


def document(body: RequestBody) -> Doc:
    """What is kept of a body besides the columns of its own, and a catalog's `kind` to tell that it was sent."""
    fields = {name: value for name, value in msgspec.to_builtins(body).items() if name not in _APART}
    return {name: value for name, value in fields.items() if name != "kind" or value is not None}


def fields(body: OfferingRequest) -> Fields:
    """What an offering is made of, besides its versions and its sharing."""
    plans = () if body.plans is UNSET else tuple(body.plans)
    seeds = tuple(PlanSeed(plan.name, plan.label or plan.name, document(plan)) for plan in plans)
    return Fields(body.name, body.label or body.name, body.hidden is True, document(body), seeds)


class VersionRequest(RequestBody):
    """What may be changed of a version."""

    tags: Words | UnsetType = UNSET
    sha: Text | UnsetType = UNSET
    flavor: Document | UnsetType = UNSET
    repo_url: Text | UnsetType = UNSET
    source_url: Text | UnsetType = UNSET
    tgz_url: Text | UnsetType = UNSET
    configuration: Documents | UnsetType = UNSET
    outputs: Documents | UnsetType = UNSET
    iam_permissions: Documents | UnsetType = UNSET
    metadata: Document | UnsetType = UNSET
    required_resources: Documents | UnsetType = UNSET
    install: Document | UnsetType = UNSET
    pre_install: Documents | UnsetType = UNSET
    scripts: Document | UnsetType = UNSET
    entitlement: Document | UnsetType = UNSET
    licenses: Documents | UnsetType = UNSET
    image_manifest_url: Text | UnsetType = UNSET
    package_version: Text | UnsetType = UNSET
    long_description: Annotated[str, Meta(max_length=200_000)] | UnsetType = UNSET
    long_description_i18n: Translations | UnsetType = UNSET
    whitelisted_accounts: Words | UnsetType = UNSET
    image_pull_key_name: Text | UnsetType = UNSET
    solution_info: Document | UnsetType = UNSET
    compliance_v3: Document | UnsetType = UNSET
    change_notices: Document | UnsetType = UNSET
    plan_ids: Words | UnsetType = UNSET
    stack: Document | UnsetType = UNSET
    minimum_compatible_version: Text | UnsetType = UNSET
    usage: Document | UnsetType = UNSET
    keywords: Words | UnsetType = UNSET
    product_kind: Text | UnsetType = UNSET


class ReloadRequest(RequestBody):
    """What a reload, or a copy, changes besides."""

    tags: Words | None = None
    target_kinds: Annotated[list[str], at_most(10)] | None = None
    format_kind: str | None = None


class ImportRequest(RequestBody):
    """A version to import; `metadata.images` names its images (catalog-iam-enterprise.md 1.6)."""

    metadata: msgspec.Raw = msgspec.Raw(b"null")
    name: str | None = None
    label: str | None = None
    version: str | None = None
    install_kind: str | None = None
    target_kinds: Annotated[list[str], at_most(10)] | None = None
    format_kind: str | None = None
    sha: str | None = None
    tags: Words | None = None
    keywords: Words | None = None
    product_kind: str | None = None


def wanted(body: ImportRequest, target_version: str | None) -> Import:
    """The import that is asked for; 400 for kinds other than a virtual-server image on x86."""
    if body.target_kinds != ["vpc-x86"]:
        raise invalid("bad_request", "target_kinds must be [vpc-x86].", "target_kinds")
    if body.format_kind not in {None, "vsi-image"}:
        raise invalid("bad_request", "format_kind must be vsi-image.", "format_kind")
    if body.install_kind not in {None, "instance"}:
        raise invalid("bad_request", "install_kind must be instance.", "install_kind")
    version = target_version or body.version
    if not version:
        raise invalid("bad_request", "version, or the query parameter targetVersion, is required.", "version")
    sent_metadata = msgspec.json.decode(body.metadata)
    if not isinstance(sent_metadata, dict):
        raise invalid("bad_request", "metadata with images is required.", "metadata")
    noted = {name: getattr(body, name) for name in ("sha", "tags", "keywords", "product_kind")}
    sent_metadata = flat_metadata(sent_metadata)
    return Import(
        version,
        choices_of(sent_metadata),
        sent_metadata,
        {name: value for name, value in noted.items() if value is not None},
    )


class ValidateRequest(RequestBody):
    """Where the test deployment would go."""

    override_values: Document | UnsetType = UNSET


class ShareRequest(RequestBody):
    """With whom an offering is shared; `enabled` puts its access list into effect."""

    ibm: bool = False
    public: bool = False
    enabled: bool = False


class DeprecateRequest(RequestBody):
    """When a deprecation ends, in days from now (90 unless said), and what users are told."""

    description: Text | None = None
    days_until_deprecate: int | None = None


class ReclamationActionRequest(RequestBody):
    """Who asks for the action, and why."""

    request_by: Text | None = None
    comment: Text | None = None
