"""Catalogs, offerings, versions, plans, objects, instances, settings, approvals. Times are microseconds since 1970."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from kunsthalle.core.records import dataclass

SERVICE = "globalcatalog-collection"
DEFAULT_KIND = "offering"
"""Of a catalog."""
_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")


def crn(account_id: str, catalog_id: str, type_: str, resource: str) -> str:
    """The CRN of something of a catalog; its account is the catalog's owner, never the caller."""
    return f"crn:v1:bluemix:public:{SERVICE}:global:a/{account_id}:{catalog_id}:{type_}:{resource}"


def rev(id_: str, revision: int) -> str:
    """The opaque `_rev` of a document: a counter and 32 hexadecimal digits (U)."""
    return f"{revision}-{hashlib.sha256(f'{id_}/{revision}'.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class Catalog:
    """A private catalog. `state` is `live`, or `deleted` while it waits for its reclamation."""

    id: str
    account_id: str
    label: str
    state: str
    resource_group_id: str
    kind: str
    document: dict[str, Any]
    updated_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return crn(self.account_id, self.id, "", "")

    @property
    def rev(self) -> str:
        return rev(self.id, self.revision)


@dataclass(frozen=True, slots=True)
class Offering:
    """A product of a catalog. Every change of one of its versions counts its revision up."""

    id: str
    account_id: str
    catalog_id: str
    name: str
    label: str
    kind_id: str
    hidden: bool
    share_enabled: bool
    share_with_all: bool
    share_with_ibm: bool
    document: dict[str, Any]
    updated_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return crn(self.account_id, self.catalog_id, "offering", self.id)

    @property
    def rev(self) -> str:
        return rev(self.id, self.revision)


@dataclass(frozen=True, slots=True)
class Version:
    """A version of an offering, made of one image a region. `metadata` is what the import sent.

    A working copy names in `copy_of` the version it is a draft of. `deprecate_pending` holds `deprecate_date`,
    `deprecate_state` and `description` while the version is on its way out.
    """

    id: str
    account_id: str
    catalog_id: str
    offering_id: str
    version: str
    state: str
    previous: str | None
    entered_at: int
    validation: dict[str, Any]
    deprecate_pending: dict[str, Any] | None
    metadata: dict[str, Any]
    document: dict[str, Any]
    copy_of: str
    updated_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return crn(self.account_id, self.catalog_id, "version", f"{self.offering_id}/{self.id}")

    @property
    def locator(self) -> str:
        return f"{self.catalog_id}.{self.id}"

    @property
    def rev(self) -> str:
        return rev(self.id, self.revision)

    @property
    def usable(self) -> bool:
        """Whether its validation has found it usable: `is_consumable` on the wire."""
        return self.validation.get("state") == "valid"

    @property
    def precedence(self) -> tuple[Any, ...]:
        """Orders versions as Semantic Versioning does, ties by time of creation; later is greater."""
        return (*precedence(self.version), self.created_at)


def precedence(text: str) -> tuple[Any, ...]:
    """The precedence of a version string; what is no semantic version comes before all that are."""
    match = _SEMVER.fullmatch(text)
    if match is None:
        return (-1, 0, 0, False, ())
    parts = (match[4] or "").split(".") if match[4] else []
    order = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
    return (int(match[1]), int(match[2]), int(match[3]), not parts, order)


@dataclass(frozen=True, slots=True)
class Reclamation:
    """A deleted catalog, or instance of object storage, on its way out; until `target_at` it can be restored (R4).

    `catalog_id` and `catalog_crn` are those of either.
    """

    id: str
    account_id: str
    catalog_id: str
    catalog_crn: str
    resource_group_id: str
    state: str
    target_at: int
    created_by: str
    updated_at: int
    updated_by: str
    created_at: int
    revision: int = 1


Doc = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PublishApproval:
    """What the operator was asked about an offering: `requested`, `granted` or `revoked`."""

    id: str
    account_id: str
    offering_id: str
    catalog_id: str
    state: str
    asked_by: str
    updated_at: int
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan of an offering; seeded through the offering's own document, for no call of the API makes one."""

    id: str
    account_id: str
    catalog_id: str
    offering_id: str
    name: str
    label: str
    state: str
    previous: str | None
    entered_at: int
    deprecate_pending: Doc | None
    document: Doc
    updated_at: int
    created_at: int
    revision: int = 1

    @property
    def locator(self) -> str:
        return f"sw.{self.catalog_id}.{self.id}"

    @property
    def crn(self) -> str:
        return crn(self.account_id, self.catalog_id, "plan", self.locator)

    @property
    def rev(self) -> str:
        return rev(self.id, self.revision)


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """The catalog settings of an account; its id is the account's."""

    id: str
    account_id: str
    hide_public: bool
    account_filters: Doc
    region_filter: str
    updated_at: int
    created_at: int
    revision: int = 1

    @property
    def rev(self) -> str:
        return rev(self.id, self.revision)


@dataclass(frozen=True, slots=True)
class CatalogObject:
    """An object of a catalog that is no offering: an endpoint, a preset, a proxied source."""

    id: str
    account_id: str
    catalog_id: str
    name: str
    label: str
    kind: str
    parent_id: str
    state: str
    previous: str | None
    entered_at: int
    share_enabled: bool
    document: Doc
    updated_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return crn(self.account_id, self.catalog_id, self.kind, self.id)

    @property
    def rev(self) -> str:
        return rev(self.id, self.revision)


@dataclass(frozen=True, slots=True)
class OfferingInstance:
    """What an account notes of its use of a version; it may outlive the version."""

    id: str
    account_id: str
    catalog_id: str
    offering_id: str
    version_id: str
    version: str
    label: str
    resource_group_id: str
    document: Doc
    last_operation: Doc
    updated_at: int
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return f"crn:v1:bluemix:public:globalcatalog-instance:global:a/{self.account_id}:{self.id}::"

    @property
    def rev(self) -> str:
        return rev(self.id, self.revision)
