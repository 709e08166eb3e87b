"""What a server boots from, and whether it may: the checks of reference/vpc-api.md D3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.api.references import refer
from kunsthalle.block_storage.boot_volumes import Content, of_image, of_snapshot, uses_of
from kunsthalle.block_storage.models import Volume
from kunsthalle.block_storage.requests import BootVolumeRequest
from kunsthalle.block_storage.resources import USE as USE_VOLUME
from kunsthalle.block_storage.resources import VOLUME as VOLUME_KIND
from kunsthalle.block_storage.service import stable_snapshot
from kunsthalle.catalogs.versions.boot_resolution import bootable
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.images.allowed_use import permits
from kunsthalle.images.models import Image
from kunsthalle.images.operating_systems import OPERATING_SYSTEMS, OperatingSystem
from kunsthalle.images.resources import IMAGE as IMAGE_KIND
from kunsthalle.images.resources import USE
from kunsthalle.images.states import USABLE
from kunsthalle.instances.instance_profiles import InstanceProfile
from kunsthalle.instances.profile_matching import variables
from kunsthalle.instances.requests import CatalogOfferingRequest, CreateInstanceRequest
from kunsthalle.instances.templates.template_merge import CATALOG, IMAGE, SNAPSHOT, VOLUME, boot_volume
from kunsthalle.networks.models import Key


@dataclass(frozen=True, slots=True)
class Boot:
    """Either the content of a new boot volume, or a volume that is there; and what the server keeps of its origin.

    `uses` are what the server must meet: of what it boots from, and of the volume that is made of it.
    """

    content: Content | None
    volume: Volume | None
    operating_system: OperatingSystem
    image: dict[str, str] | None
    catalog_offering: dict[str, str] | None
    uses: tuple[Mapping[str, str], ...]


def choose(session: Session, body: CreateInstanceRequest, source: str) -> Boot:
    """The source that `source` names, as it is now: seen, usable, whole."""
    wish = boot_volume(body)
    if source == IMAGE:
        return _from(session, of_image(_own_image(session, body), None), wish)
    if source == CATALOG:
        assert not isinstance(body.catalog_offering, UnsetType)  # noqa: S101  said by `source`; for the type checker
        return _from(session, _catalog(session, body.catalog_offering), wish)
    if source == SNAPSHOT:
        assert not isinstance(wish.source_snapshot, UnsetType)  # noqa: S101  as above
        return _from(session, of_snapshot(stable_snapshot(session, wish.source_snapshot, SNAPSHOT)), wish)
    assert wish.identity is not None  # noqa: S101  as above
    volume = refer(session, VOLUME_KIND, wish.identity, VOLUME, USE_VOLUME).resource
    if volume.operating_system is None:
        raise invalid("bad_field", "The volume holds no operating system.", VOLUME)
    system = OPERATING_SYSTEMS[volume.operating_system]
    return Boot(None, volume, system, volume.source_image, volume.catalog_offering, (volume.uses,))


def _from(session: Session, content: Content, wish: BootVolumeRequest) -> Boot:
    """A new volume of that content. Who may use it for less may not use it for more than its source allows."""
    system, uses = OPERATING_SYSTEMS[content.operating_system], uses_of(session, content, wish)
    return Boot(content, None, system, content.image, content.catalog_offering, (content.allowed_use, uses))


def _own_image(session: Session, body: CreateInstanceRequest) -> Image:
    assert not isinstance(body.image, UnsetType)  # noqa: S101  as above
    image = refer(session, IMAGE_KIND, body.image, IMAGE, USE).resource
    if image.status not in USABLE:
        raise conflict("invalid_state", f"An image that is {image.status} cannot be used.", IMAGE)
    return image


def _catalog(session: Session, body: CatalogOfferingRequest) -> Content:
    """By a catalog's word: no role on the image is needed, and what it is called there is kept to the byte."""
    if (body.version is UNSET) == (body.offering is UNSET):
        raise invalid("validation_only_one", "Exactly one of version and offering must be given.", CATALOG)
    version = None if isinstance(body.version, UnsetType) else body.version.crn
    offering = None if isinstance(body.offering, UnsetType) else body.offering.crn
    plan = None if isinstance(body.plan, UnsetType) else body.plan.crn
    source = bootable(session, version_crn=version, offering_crn=offering, plan_crn=plan)
    source_fields = {"version": source.version_crn}
    if plan is not None:
        source_fields["plan"] = plan
    return of_image(source.image, source_fields)


def check_allowed(uses: Sequence[Mapping[str, str]], profile: InstanceProfile, options: dict[str, Any]) -> None:
    """400 unless the expressions of what a server boots from allow the server that would result (vpc-api.md D3)."""
    service = options.get("metadata_service", {})
    known = variables(
        profile,
        secure_boot=options.get("enable_secure_boot", False),
        metadata=service.get("enabled", False),
        protocol=service.get("protocol", "http"),
    )
    for expression in (use["instance"] for use in uses):
        if not permits(expression, known):
            raise invalid("bad_field", f"The image allows servers only where {expression}", "allowed_use")


def check_fit(boot: Boot, profile: InstanceProfile, keys: list[Key]) -> None:
    """400 where system, profile and keys do not go together."""
    system = boot.operating_system
    if system.user_data_format != "cloud_init":
        raise invalid("bad_field", f"The image's user data format is {system.user_data_format}.", IMAGE)
    if system.architecture != profile.architecture:
        message = f"Image OS {system.name} is not supported by the instance profile {profile.name}"
        raise invalid("bad_field", message, "profile")
    if system.dedicated_host_only:
        raise invalid("bad_field", f"{system.name} needs a dedicated host.", "placement_target")
    if system.family.startswith("Windows") and all(key.type != "rsa" for key in keys):
        raise invalid("bad_field", "A Windows server needs at least one key of the type rsa.", "keys")
