"""Plans, catalog objects, offering instances, account settings, approvals. Moments are microseconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kunsthalle.catalogs.models import crn, rev

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
