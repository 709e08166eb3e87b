"""Volumes and snapshots. Capacities are in GB of 2**30 bytes, moments in microseconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kunsthalle.core.crn import Crn
from kunsthalle.core.records import dataclass
from kunsthalle.core.regions import place
from kunsthalle.images.image_usage_rules import ANY


@dataclass(frozen=True, slots=True)
class Sealing:
    """How a disk is encrypted: CRN of the root key, and the disk's own data key, wrapped with it.

    `base_key` and `base_data_key` are those of the image that the disk stands on. None for what the provider encrypts.
    """

    encryption_key: str | None = None
    encrypted_data_key: str | None = None
    base_key: str | None = None
    base_data_key: str | None = None

    @property
    def keys(self) -> list[str]:
        """The CRNs of the root keys that it takes to open the disk."""
        return list(dict.fromkeys(key for key in (self.encryption_key, self.base_key) if key is not None))


PROVIDER_MANAGED = Sealing()


class Bootable:
    """Something that may hold an operating system, and may be encrypted."""

    __slots__ = ()
    operating_system: str | None
    allowed_use: dict[str, str] | None
    encryption_key: str | None
    encrypted_data_key: str | None
    base_key: str | None
    base_data_key: str | None

    @property
    def sealing(self) -> Sealing:
        """With which keys its disk is encrypted."""
        return Sealing(self.encryption_key, self.encrypted_data_key, self.base_key, self.base_data_key)

    @property
    def encryption(self) -> str:
        """Whose keys its disk is encrypted with, in the API's word."""
        return "provider_managed" if self.encryption_key is None else "user_managed"

    @property
    def bootable(self) -> bool:
        """Whether a server can start from it, or from a volume made of it."""
        return self.operating_system is not None

    @property
    def uses(self) -> Mapping[str, str]:
        """What it may be used for; of one that was made before this was kept, anything."""
        return self.allowed_use or ANY


@dataclass(frozen=True, slots=True)
class Volume(Bootable):
    """A disk of one account.

    `digest` names the blob that the disk is an overlay on; None for a disk that nothing was ever put on, which has no
    file before a server needs one: `has_disk` says that it was made. `instance_id` and what follows tell what it is
    attached to; `active` whether that server runs. `allowed_use` is of bootable ones.
    """

    id: str
    account_id: str
    name: str
    status: str
    status_reasons: list[dict[str, str]]
    resource_group_id: str
    zone: str
    profile: str
    capacity: int
    iops: int
    bandwidth: int
    user_tags: list[str]
    operating_system: str | None
    source_image: dict[str, str] | None
    catalog_offering: dict[str, str] | None
    source_snapshot: dict[str, str] | None
    source_snapshot_id: str | None
    digest: str | None
    format: str | None
    checked: int
    instance_id: str | None
    instance_name: str | None
    attachment_id: str | None
    attachment_name: str | None
    attachment_type: str | None
    attachment_auto_delete: bool
    attached_at: int | None
    attachment_status: str | None
    active: bool
    allowed_use: dict[str, str] | None
    created_at: int
    revision: int = 1
    encryption_key: str | None = None
    encrypted_data_key: str | None = None
    base_key: str | None = None
    base_data_key: str | None = None
    has_disk: bool = False

    @property
    def keeps_content(self) -> bool:
        """Whether its disk is made, and something is on it or may be: it has to be where the engine keeps it."""
        return self.status in {"available", "updating"} and (self.digest is not None or self.has_disk)

    @property
    def crn(self) -> str:
        return str(Crn("is", self.zone, self.account_id, "", "volume", self.id))

    @property
    def holder(self) -> str:
        """The name under which it keeps its blob."""
        return f"volume:{self.id}"

    @property
    def reference(self) -> dict[str, str]:
        """What is kept of it elsewhere."""
        return {"id": self.id, "crn": self.crn, "name": self.name}


@dataclass(frozen=True, slots=True)
class Snapshot(Bootable):
    """What a volume held at one moment. `digest`, `has_disk` as for volumes. `size`: of its files, rounded up to GB.

    `clones`: {"zone": name, "created_at": moment} each.
    """

    id: str
    account_id: str
    name: str
    lifecycle_state: str
    resource_group_id: str
    source_volume: dict[str, str]
    source_volume_id: str
    source_image: dict[str, str] | None
    source_image_id: str | None
    source_image_crn: str | None
    operating_system: str | None
    minimum_capacity: int
    size: int
    user_tags: list[str]
    digest: str | None
    format: str | None
    checked: int
    captured_at: int | None
    clones: list[dict[str, Any]]
    allowed_use: dict[str, str] | None
    created_at: int
    revision: int = 1
    encryption_key: str | None = None
    encrypted_data_key: str | None = None
    base_key: str | None = None
    base_data_key: str | None = None
    has_disk: bool = False

    @property
    def keeps_content(self) -> bool:
        """Whether its disk is made, and something is on it or may be: it has to be where the engine keeps it."""
        return self.lifecycle_state == "stable" and (self.digest is not None or self.has_disk)

    @property
    def crn(self) -> str:
        return str(Crn("is", place(self.id), self.account_id, "", "snapshot", self.id))

    @property
    def holder(self) -> str:
        """The name under which it keeps its blob."""
        return f"snapshot:{self.id}"

    @property
    def reference(self) -> dict[str, str]:
        """What is kept of it elsewhere."""
        return {"id": self.id, "crn": self.crn, "name": self.name}
