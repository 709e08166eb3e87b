"""Images as the VPC API shows them (reference/vpc-api.md B2, B3, D1)."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupRequest, GroupResponse, Name, NamedResponse, ReasonResponse
from kunsthalle.api.references import Identity, NamedIdentity
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.regions import REGIONS
from kunsthalle.core.sizes import GIB
from kunsthalle.db.session import Session
from kunsthalle.images.allowed_use import LONGEST
from kunsthalle.images.models import Image, Reference
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS, OperatingSystem
from kunsthalle.images.states import USABLE

__all__ = ["GroupRequest", "GroupResponse", "Name", "NamedResponse", "ReasonResponse", "group_response"]
"""Shared by all of the VPC API; packages of higher layers import them from here."""

LEAST_GB = 10


class FileRequest(RequestBody):
    """Where the bytes are: `cos://<region>/<bucket>/<object>`."""

    href: Annotated[str, Meta(min_length=1, max_length=2048)]


class EncryptionKeyRequest(RequestBody):
    """A root key of Key Protect, which wraps a data key."""

    crn: Annotated[str, Meta(min_length=9, max_length=512)]


class EncryptionKeyResponse(ResponseBody):
    """The root key that wraps the data key of a resource."""

    crn: str


Expression = Annotated[str, Meta(min_length=1, max_length=LONGEST)]
Date = Annotated[str, Meta(min_length=1, max_length=64)]


class AllowedUseRequest(RequestBody):
    """Expressions that a server made from the image, volume or snapshot must meet."""

    api_version: Date | UnsetType = UNSET
    instance: Expression | UnsetType = UNSET
    bare_metal_server: Expression | UnsetType = UNSET


class CreateImageRequest(RequestBody):
    """Exactly one of `file` (with `operating_system`) and `source_volume`. Dates are RFC 3339.

    `encrypted_data_key` is the passphrase of a file that is encrypted with LUKS, wrapped with `encryption_key`, base64.
    """

    name: Name | UnsetType = UNSET
    file: FileRequest | UnsetType = UNSET
    operating_system: NamedIdentity | UnsetType = UNSET
    source_volume: Identity | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    allowed_use: AllowedUseRequest | UnsetType = UNSET
    deprecation_at: Date | UnsetType = UNSET
    obsolescence_at: Date | UnsetType = UNSET
    encryption_key: EncryptionKeyRequest | UnsetType = UNSET
    encrypted_data_key: str | UnsetType = UNSET


class UpdateImageRequest(RequestBody):
    """What may be changed of an image. A date that is null is removed."""

    name: Name | UnsetType = UNSET
    allowed_use: AllowedUseRequest | UnsetType = UNSET
    deprecation_at: Date | UnsetType | None = UNSET
    obsolescence_at: Date | UnsetType | None = UNSET


class RemoteAccountResponse(ResponseBody):
    """The account of a resource that is not the caller's."""

    id: str
    resource_type: str = "account"


class RemoteResponse(ResponseBody):
    """Present on resources of other accounts only."""

    account: RemoteAccountResponse


class ImageReferenceResponse(ResponseBody):
    """What is left to see of an image on what was made from it. Whether it opens is another question (R6)."""

    crn: str
    href: str
    id: str
    name: str
    resource_type: str = "image"
    remote: RemoteResponse | UnsetType = UNSET


class ChecksumsResponse(ResponseBody):
    """Of the file as it was imported."""

    sha256: str


class FileResponse(ResponseBody):
    """`size` in GB, rounded up; empty until the import is done."""

    size: int | UnsetType = UNSET
    checksums: ChecksumsResponse | UnsetType = UNSET


class VersionReferenceResponse(ResponseBody):
    """A catalog version by CRN."""

    crn: str


class CatalogOfferingResponse(ResponseBody):
    """Whether a catalog manages the image, and by which version."""

    managed: bool
    version: VersionReferenceResponse | UnsetType = UNSET


class OperatingSystemResponse(ResponseBody):
    """An operating system."""

    allow_user_image_creation: bool
    architecture: str
    dedicated_host_only: bool
    display_name: str
    family: str
    href: str
    name: str
    user_data_format: str
    vendor: str
    version: str


class VolumeReferenceResponse(ResponseBody):
    """The volume an image was made from."""

    crn: str
    href: str
    id: str
    name: str
    resource_type: str = "volume"


class AllowedUseResponse(ResponseBody):
    """Expressions that a server made from the image, volume or snapshot must meet."""

    api_version: str
    instance: str
    bare_metal_server: str


class ImageResponse(ResponseBody):
    """An image, as its owner sees it; nobody else does."""

    allowed_use: AllowedUseResponse
    catalog_offering: CatalogOfferingResponse
    created_at: str
    crn: str
    encryption: str
    file: FileResponse
    href: str
    id: str
    name: str
    operating_system: OperatingSystemResponse
    owner_type: str
    resource_group: GroupResponse
    resource_type: str
    status: str
    status_reasons: list[dict[str, str]]
    user_data_format: str
    visibility: str
    zones: list[NamedResponse]
    minimum_provisioned_size: int | UnsetType = UNSET
    source_volume: VolumeReferenceResponse | UnsetType = UNSET
    deprecation_at: str | UnsetType = UNSET
    obsolescence_at: str | UnsetType = UNSET
    encryption_key: EncryptionKeyResponse | UnsetType = UNSET


def operating_system_response(system: OperatingSystem, ctx: Context) -> OperatingSystemResponse:
    return _operating_system(system.name, ctx.origin)


# What many images share costs a third of one, and is made once for each name of this server. Names come from clients,
# so few are kept.
_shared = lru_cache(maxsize=512)


@_shared
def _zones(region: str, origin: str) -> list[NamedResponse]:
    return [
        NamedResponse(href=f"{origin}/v1/regions/{region}/zones/{zone}", name=zone) for zone in REGIONS[region].zones
    ]


@_shared
def _operating_system(name: str, origin: str) -> OperatingSystemResponse:
    system = OPERATING_SYSTEMS[name]
    return OperatingSystemResponse(
        allow_user_image_creation=system.allow_user_image_creation,
        architecture=system.architecture,
        dedicated_host_only=system.dedicated_host_only,
        display_name=system.display_name,
        family=system.family,
        href=f"{origin}/v1/operating_systems/{system.name}",
        name=system.name,
        user_data_format=system.user_data_format,
        vendor=system.vendor,
        version=system.version,
    )


def reference_response(reference: Reference, ctx: Context) -> ImageReferenceResponse:
    """The reference as kept; an image of another account says whose it is."""
    foreign = reference.account_id != ctx.account_id
    return ImageReferenceResponse(
        crn=reference.crn,
        href=href(ctx, f"/images/{reference.id}"),
        id=reference.id,
        name=reference.name,
        remote=RemoteResponse(account=RemoteAccountResponse(id=reference.account_id)) if foreign else UNSET,
    )


def gigabytes(size: int) -> int:
    """GB as this API counts them: 2**30 bytes, rounded up (data-plane.md 2)."""
    return -(-size // GIB)


def _file(image: Image) -> FileResponse:
    if image.digest is None or image.file_size is None:
        return FileResponse()
    return FileResponse(size=gigabytes(image.file_size), checksums=ChecksumsResponse(sha256=image.digest))


def _optional_moment(moment: int | None) -> str | UnsetType:
    return UNSET if moment is None else rfc3339(moment)


def _source_volume(image: Image, ctx: Context) -> VolumeReferenceResponse | UnsetType:
    volume = image.source_volume
    if volume is None:
        return UNSET
    return VolumeReferenceResponse(
        crn=volume["crn"], href=href(ctx, f"/volumes/{volume['id']}"), id=volume["id"], name=volume["name"]
    )


def to_response(image: Image, session: Session) -> ImageResponse:
    ctx = session.ctx
    system = OPERATING_SYSTEMS[image.operating_system]
    version = UNSET if image.hold_crn is None else VersionReferenceResponse(crn=image.hold_crn)
    least = UNSET if image.virtual_size is None else max(LEAST_GB, gigabytes(image.virtual_size))
    return ImageResponse(
        allowed_use=AllowedUseResponse(**image.allowed_use),
        catalog_offering=CatalogOfferingResponse(managed=image.managed, version=version),
        created_at=rfc3339(image.created_at),
        crn=image.crn,
        encryption="user_managed" if image.encrypted else "none",
        file=_file(image),
        href=href(ctx, f"/images/{image.id}"),
        id=image.id,
        name=image.name,
        operating_system=operating_system_response(system, ctx),
        owner_type="user",
        resource_group=group_response(session, image.resource_group_id),
        resource_type="image",
        status=image.status,
        status_reasons=image.status_reasons,
        user_data_format=system.user_data_format,
        visibility="private",
        zones=_zones(ctx.region.name, ctx.origin) if image.status in USABLE else [],
        minimum_provisioned_size=least,
        source_volume=_source_volume(image, ctx),
        deprecation_at=_optional_moment(image.deprecation_at),
        obsolescence_at=_optional_moment(image.obsolescence_at),
        encryption_key=UNSET if image.encryption_key is None else EncryptionKeyResponse(crn=image.encryption_key),
    )
