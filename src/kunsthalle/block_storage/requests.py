"""What requests about volumes and snapshots may say (reference/vpc-api.md B1, B2)."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.body_bounds import at_most
from kunsthalle.api.common_schemas import GroupRequest, Name
from kunsthalle.api.references import Identity, NamedIdentity
from kunsthalle.api.serialization import RequestBody, form
from kunsthalle.images.schemas import AllowedUseRequest

TAG_PATTERN = form(r"^[A-Za-z0-9:_ .-]+$", "letters, digits, blanks and the signs : _ . -")
Tags = Annotated[list[Annotated[str, Meta(min_length=1, max_length=128, pattern=TAG_PATTERN)]], at_most(1_000)]
Gigabytes = Annotated[int, Meta(ge=1, le=64_000)]
Iops = Annotated[int, Meta(ge=1, le=1_000_000)]
Bandwidth = Annotated[int, Meta(ge=1, le=1_000_000)]


class EncryptionKeyRequest(RequestBody):
    """A root key of Key Protect, which wraps the data key of a volume."""

    crn: Annotated[str, Meta(min_length=1, max_length=512)]


class CreateVolumeRequest(RequestBody):
    """Exactly one of `capacity` (GB) and `source_snapshot`; with a snapshot `capacity` may ask for more room."""

    profile: NamedIdentity
    zone: NamedIdentity
    name: Name | UnsetType = UNSET
    capacity: Gigabytes | UnsetType = UNSET
    iops: Iops | UnsetType = UNSET
    bandwidth: Bandwidth | UnsetType = UNSET
    source_snapshot: Identity | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    user_tags: Tags | UnsetType = UNSET
    allowed_use: AllowedUseRequest | UnsetType = UNSET
    encryption_key: EncryptionKeyRequest | UnsetType = UNSET


class UpdateVolumeRequest(RequestBody):
    """What may be changed of a volume."""

    name: Name | UnsetType = UNSET
    capacity: Gigabytes | UnsetType = UNSET
    iops: Iops | UnsetType = UNSET
    bandwidth: Bandwidth | UnsetType = UNSET
    profile: NamedIdentity | UnsetType = UNSET
    user_tags: Tags | UnsetType = UNSET
    allowed_use: AllowedUseRequest | UnsetType = UNSET


class BootVolumeRequest(RequestBody):
    """The volume that a server is to boot from: a new one, one from a snapshot, or (by id, crn, href) an old one."""

    id: str | UnsetType = UNSET
    crn: str | UnsetType = UNSET
    href: str | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    capacity: Gigabytes | UnsetType = UNSET
    iops: Iops | UnsetType = UNSET
    bandwidth: Bandwidth | UnsetType = UNSET
    profile: NamedIdentity | UnsetType = UNSET
    source_snapshot: Identity | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    user_tags: Tags | UnsetType = UNSET
    allowed_use: AllowedUseRequest | UnsetType = UNSET
    encryption_key: EncryptionKeyRequest | UnsetType = UNSET

    @property
    def identity(self) -> Identity | None:
        """Which existing volume is meant, if one is."""
        if self.id is UNSET and self.crn is UNSET and self.href is UNSET:
            return None
        return Identity(id=self.id, crn=self.crn, href=self.href)


class BootAttachmentRequest(RequestBody):
    """How the boot volume is attached."""

    volume: BootVolumeRequest | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    delete_volume_on_instance_delete: bool | UnsetType = UNSET


class DataVolumeRequest(BootVolumeRequest):
    """The data volume that is to be attached: a new one (`profile` is required), or (by id, crn, href) an old one."""


class DataAttachmentRequest(RequestBody):
    """How a data volume is attached."""

    volume: DataVolumeRequest
    name: Name | UnsetType = UNSET
    delete_volume_on_instance_delete: bool | UnsetType = UNSET


class AttachmentRequest(RequestBody):
    """What may be changed of an attachment."""

    name: Name | UnsetType = UNSET
    delete_volume_on_instance_delete: bool | UnsetType = UNSET


class CloneRequest(RequestBody):
    """In which zone a snapshot is to have a clone."""

    zone: NamedIdentity


class CreateSnapshotRequest(RequestBody):
    """`source_volume` is required; copies from other regions are not offered."""

    source_volume: Identity | UnsetType = UNSET
    source_snapshot: Identity | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    clones: Annotated[list[CloneRequest], at_most(16)] | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    user_tags: Tags | UnsetType = UNSET
    allowed_use: AllowedUseRequest | UnsetType = UNSET


class UpdateSnapshotRequest(RequestBody):
    """What may be changed of a snapshot."""

    name: Name | UnsetType = UNSET
    user_tags: Tags | UnsetType = UNSET
    allowed_use: AllowedUseRequest | UnsetType = UNSET
