"""Bare metal servers as the VPC API shows them (reference/vpc-api.md B3)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.schemas_resource_groups import group_response
from kunsthalle.api.common_schemas import GroupResponse, NamedResponse
from kunsthalle.api.serialization import ResponseBody
from kunsthalle.api.surfaces.vpc import href
from kunsthalle.authz.context import Context
from kunsthalle.block_storage.schemas import image_response
from kunsthalle.core.clock import rfc3339
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.core.errors import not_found
from kunsthalle.db.session import Session
from kunsthalle.images.schemas import ImageReferenceResponse
from kunsthalle.instances.bare_metal.bare_metal_interfaces import of_server
from kunsthalle.instances.bare_metal.bare_metal_profiles import (
    ARCHITECTURE,
    BARE_METAL_PROFILES,
    THREADS,
    TPM_MODES,
    profile_path,
)
from kunsthalle.instances.bare_metal.models import BareMetalServer
from kunsthalle.instances.bare_metal.schemas_networks import attachment_reference, interface_reference, server_path
from kunsthalle.instances.bare_metal.states import BARE_METAL_STATES
from kunsthalle.instances.initialization import kept_key_response
from kunsthalle.instances.network_attachments import AttachmentReferenceResponse
from kunsthalle.instances.network_interfaces import InterfaceReferenceResponse
from kunsthalle.instances.schemas import TypedNameResponse
from kunsthalle.networks.network_references import KeyReferenceResponse, TypedReferenceResponse, zone_ref


class BootTargetResponse(ResponseBody):
    """The disk that a server starts from."""

    href: str
    id: str
    name: str
    resource_type: str


class CpuResponse(ResponseBody):
    """Processors."""

    architecture: str
    core_count: int
    socket_count: int
    threads_per_core: int


class DiskUseResponse(ResponseBody):
    """What the image on the disk allows."""

    api_version: str
    bare_metal_server: str


class MetalDiskResponse(ResponseBody):
    """A disk; `size` in GB."""

    created_at: str
    href: str
    id: str
    interface_type: str
    name: str
    resource_type: str
    size: int
    allowed_use: DiskUseResponse | UnsetType = UNSET


class MetalDisks(ResponseBody):
    """All at once: this list has no pages."""

    disks: list[MetalDiskResponse]


class TrustedPlatformModuleResponse(ResponseBody):
    """The module and its modes."""

    enabled: bool
    mode: str
    supported_modes: list[str]


class BareMetalServerResponse(ResponseBody):
    """A bare metal server, simulated; `memory` in GiB, bandwidth in Mb/s."""

    bandwidth: int
    boot_target: BootTargetResponse
    cpu: CpuResponse
    created_at: str
    crn: str
    disks: list[MetalDiskResponse]
    enable_secure_boot: bool
    firmware: dict[str, str]
    health_reasons: list[dict[str, str]]
    health_state: str
    href: str
    id: str
    lifecycle_reasons: list[dict[str, str]]
    lifecycle_state: str
    memory: int
    metadata_service: dict[str, Any]
    name: str
    network_interfaces: list[InterfaceReferenceResponse]
    primary_network_interface: InterfaceReferenceResponse
    profile: TypedNameResponse
    reservation_affinity: dict[str, Any]
    resource_group: GroupResponse
    resource_type: str
    status: str
    status_reasons: list[dict[str, str]]
    trusted_platform_module: TrustedPlatformModuleResponse
    vpc: TypedReferenceResponse
    zone: NamedResponse
    network_attachments: list[AttachmentReferenceResponse] | UnsetType = UNSET
    primary_network_attachment: AttachmentReferenceResponse | UnsetType = UNSET


class MetalInitializationResponse(ResponseBody):
    """What a server was last initialized with. No password is made: there is no system that would know it."""

    image: ImageReferenceResponse
    keys: list[KeyReferenceResponse]
    user_accounts: list[dict[str, str]]


def _disk_path(server: BareMetalServer, disk: dict[str, str]) -> str:
    return f"{server_path(server.id)}/disks/{disk['id']}"


def disk_response(server: BareMetalServer, disk: dict[str, str], ctx: Context) -> MetalDiskResponse:
    place = next(at for at, entry in enumerate(server.disks) if entry["id"] == disk["id"])
    kind = BARE_METAL_PROFILES[server.profile].each_disk[place]
    return MetalDiskResponse(
        created_at=rfc3339(server.created_at),
        href=href(ctx, _disk_path(server, disk)),
        id=disk["id"],
        interface_type=kind.interface,
        name=disk["name"],
        resource_type="bare_metal_server_disk",
        size=kind.size,
        allowed_use=DiskUseResponse(**server.allowed_use) if place == 0 else UNSET,
    )


def disks_response(server: BareMetalServer, ctx: Context) -> MetalDisks:
    return MetalDisks(disks=[disk_response(server, disk, ctx) for disk in server.disks])


_LIFECYCLES = ClosedTable(
    "state of a bare metal server",
    BARE_METAL_STATES.states,
    {
        "pending": "pending",
        "starting": "stable",
        "running": "stable",
        "restarting": "stable",
        "stopping": "stable",
        "stopped": "stable",
        "reinitializing": "updating",
        "failed": "failed",
        "deleting": "deleting",
    },
)
_HEALTH = ClosedTable(
    "state of a bare metal server",
    BARE_METAL_STATES.states,
    {
        "pending": "inapplicable",
        "starting": "ok",
        "running": "ok",
        "restarting": "ok",
        "stopping": "ok",
        "stopped": "ok",
        "reinitializing": "ok",
        "failed": "inapplicable",
        "deleting": "inapplicable",
    },
)


def _module(server: BareMetalServer) -> TrustedPlatformModuleResponse:
    mode = server.options.get("trusted_platform_module", {}).get("mode", TPM_MODES[0])
    return TrustedPlatformModuleResponse(enabled=mode != TPM_MODES[0], mode=mode, supported_modes=list(TPM_MODES))


def server_response(server: BareMetalServer, session: Session) -> BareMetalServerResponse:
    ctx, profile, boot = session.ctx, BARE_METAL_PROFILES[server.profile], server.disks[0]
    interfaces, options = of_server(session, server.id), server.options
    if not interfaces:
        raise not_found()  # it has gone since it was looked up
    shown = [interface_reference(interface, ctx) for interface in interfaces]
    wire = BareMetalServerResponse(
        bandwidth=profile.bandwidth,
        boot_target=BootTargetResponse(
            href=href(ctx, _disk_path(server, boot)),
            id=boot["id"],
            name=boot["name"],
            resource_type="bare_metal_server_disk",
        ),
        cpu=CpuResponse(
            architecture=ARCHITECTURE, core_count=profile.cores, socket_count=profile.sockets, threads_per_core=THREADS
        ),
        created_at=rfc3339(server.created_at),
        crn=server.crn,
        disks=disks_response(server, ctx).disks,
        enable_secure_boot=options.get("enable_secure_boot", False),
        firmware={"update": "none"},
        health_reasons=[],
        health_state=_HEALTH[server.status],
        href=href(ctx, server_path(server.id)),
        id=server.id,
        lifecycle_reasons=[],
        lifecycle_state=_LIFECYCLES[server.status],
        memory=profile.memory,
        metadata_service={"enabled": False, "protocol": "http", **options.get("metadata_service", {})},
        name=server.name,
        network_interfaces=shown,
        primary_network_interface=shown[0],
        profile=TypedNameResponse(
            href=href(ctx, profile_path(profile.name)), name=profile.name, resource_type="bare_metal_server_profile"
        ),
        reservation_affinity={"policy": "automatic", "pool": [], **options.get("reservation_affinity", {})},
        resource_group=group_response(session, server.resource_group_id),
        resource_type="bare_metal_server",
        status=server.status,
        status_reasons=server.status_reasons,
        trusted_platform_module=_module(server),
        vpc=TypedReferenceResponse(
            crn=server.vpc_crn,
            href=href(ctx, f"/vpcs/{server.vpc_id}"),
            id=server.vpc_id,
            name=server.vpc_name,
            resource_type="vpc",
        ),
        zone=zone_ref(ctx, server.zone),
    )
    if interfaces[0].virtual_network_interface_id is not None:
        wire.network_attachments = [attachment_reference(interface, session) for interface in interfaces]
        wire.primary_network_attachment = wire.network_attachments[0]
    return wire


def initialization_response(server: BareMetalServer, ctx: Context) -> MetalInitializationResponse:
    """The kept references; nothing is asked of the image itself (R6)."""
    image = image_response(server.image, ctx)
    assert not isinstance(image, UnsetType)  # noqa: S101  every server is made from one; for the type checker
    keys = [kept_key_response(key, ctx) for key in server.keys]
    return MetalInitializationResponse(image=image, keys=keys, user_accounts=[])
