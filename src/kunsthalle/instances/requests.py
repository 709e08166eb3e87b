"""What requests about servers and templates may say (reference/vpc-api.md B1, B2)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.body_bounds import Document, at_most
from kunsthalle.api.common_schemas import GroupRequest, Name
from kunsthalle.api.references import Identity, NamedIdentity
from kunsthalle.api.serialization import RequestBody
from kunsthalle.block_storage.requests import BootAttachmentRequest, DataAttachmentRequest
from kunsthalle.networks.queries import KeyIdentity
from kunsthalle.networks.virtual_network_interfaces import CreateInterfaceRequest, IpRequest

Expression = Annotated[str, Meta(min_length=1, max_length=512)]


class CrnRequest(RequestBody):
    """Something by its CRN."""

    crn: Expression


class CatalogOfferingRequest(RequestBody):
    """Exactly one of `version` and `offering`; a plan only where the offering has one."""

    version: CrnRequest | UnsetType = UNSET
    offering: CrnRequest | UnsetType = UNSET
    plan: CrnRequest | UnsetType = UNSET


class InterfaceRequest(RequestBody):
    """A network interface in a subnet."""

    subnet: Identity
    name: Name | UnsetType = UNSET
    primary_ip: IpRequest | UnsetType = UNSET
    security_groups: Annotated[list[Identity], at_most(10)] | UnsetType = UNSET
    allow_ip_spoofing: bool | UnsetType = UNSET


class UpdateInterfaceRequest(RequestBody):
    """What may be changed of a network interface."""

    name: Name | UnsetType = UNSET
    allow_ip_spoofing: bool | UnsetType = UNSET


class VirtualInterfaceRequest(CreateInterfaceRequest):
    """A virtual network interface that is there already (by id, crn, href), or a new one."""

    id: str | UnsetType = UNSET
    crn: str | UnsetType = UNSET
    href: str | UnsetType = UNSET

    @property
    def identity(self) -> Identity | None:
        """Which existing interface is meant, if one is."""
        if self.id is UNSET and self.crn is UNSET and self.href is UNSET:
            return None
        return Identity(id=self.id, crn=self.crn, href=self.href)


class NetworkAttachmentRequest(RequestBody):
    """The attachment of a virtual network interface."""

    virtual_network_interface: VirtualInterfaceRequest
    name: Name | UnsetType = UNSET


class TrustedProfileRequest(RequestBody):
    """The identity that the server is to have; with `auto_link` the profile gets a link to the server."""

    target: Identity
    auto_link: bool = True


class VcpuRequest(RequestBody):
    """How much of the time of its processors the server gets."""

    percentage: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET


class AvailabilityRequest(RequestBody, rename={"class_": "class"}):
    """Whether the server may be taken away."""

    class_: Literal["standard", "spot"] | UnsetType = UNSET


class AvailabilityPolicyRequest(RequestBody):
    """What happens when the host fails or is needed."""

    host_failure: Literal["restart", "stop"] | UnsetType = UNSET
    preemption: Literal["stop", "delete"] | UnsetType = UNSET


class MetadataServiceRequest(RequestBody):
    """The metadata service of the server."""

    enabled: bool | UnsetType = UNSET
    protocol: Literal["http", "https"] | UnsetType = UNSET
    response_hop_limit: Annotated[int, Meta(ge=1, le=64)] | UnsetType = UNSET


class ReservationAffinityRequest(RequestBody):
    """Which reservations the server may use; there are none here."""

    policy: Literal["automatic", "disabled", "manual"] | UnsetType = UNSET
    pool: Annotated[list[Document], at_most(100)] | UnsetType = UNSET


class OptionsRequest(RequestBody):
    """What is kept and shown again, and nothing here acts on."""

    availability: AvailabilityRequest | UnsetType = UNSET
    availability_policy: AvailabilityPolicyRequest | UnsetType = UNSET
    metadata_service: MetadataServiceRequest | UnsetType = UNSET
    reservation_affinity: ReservationAffinityRequest | UnsetType = UNSET
    enable_secure_boot: bool | UnsetType = UNSET
    confidential_compute_mode: Literal["disabled", "sgx", "tdx"] | UnsetType = UNSET
    threads_per_core: Annotated[int, Meta(ge=1, le=2)] | UnsetType = UNSET
    total_volume_bandwidth: Annotated[int, Meta(ge=500, le=100_000)] | UnsetType = UNSET
    volume_bandwidth_qos_mode: Literal["pooled", "weighted"] | UnsetType = UNSET
    vcpu: VcpuRequest | UnsetType = UNSET


class CreateInstanceRequest(OptionsRequest):
    """A server, or the template of servers: one of `image`, `catalog_offering`, `source_template`, or a boot volume
    that is there already (`volume.id`) or comes from a snapshot (`volume.source_snapshot`).
    """

    name: Name | UnsetType = UNSET
    source_template: Identity | UnsetType = UNSET
    image: Identity | UnsetType = UNSET
    catalog_offering: CatalogOfferingRequest | UnsetType = UNSET
    boot_volume_attachment: BootAttachmentRequest | UnsetType = UNSET
    profile: NamedIdentity | UnsetType = UNSET
    zone: NamedIdentity | UnsetType = UNSET
    vpc: Identity | UnsetType = UNSET
    keys: Annotated[list[KeyIdentity], at_most(10)] | UnsetType = UNSET
    user_data: str | UnsetType = UNSET
    primary_network_interface: InterfaceRequest | UnsetType = UNSET
    network_interfaces: Annotated[list[InterfaceRequest], at_most(100)] | UnsetType = UNSET
    primary_network_attachment: NetworkAttachmentRequest | UnsetType = UNSET
    network_attachments: Annotated[list[NetworkAttachmentRequest], at_most(100)] | UnsetType = UNSET
    volume_attachments: Annotated[list[DataAttachmentRequest], at_most(100)] | UnsetType = UNSET
    cluster_network_attachments: Annotated[list[Document], at_most(100)] | UnsetType = UNSET
    placement_target: Identity | UnsetType = UNSET
    default_trusted_profile: TrustedProfileRequest | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET


class UpdateInstanceRequest(OptionsRequest):
    """What may be changed of a server; most of it while it is stopped."""

    name: Name | UnsetType = UNSET
    profile: NamedIdentity | UnsetType = UNSET
    placement_target: Document | UnsetType = UNSET


class ReinitializeRequest(RequestBody):
    """What a stopped server is to be anew: from an image, or from a boot volume that is there or comes from a snapshot.

    Keys, user data and trusted profile are those given here; what is not given, the server has no more.
    """

    image: Identity | UnsetType = UNSET
    boot_volume_attachment: BootAttachmentRequest | UnsetType = UNSET
    keys: Annotated[list[KeyIdentity], at_most(10)] | UnsetType = UNSET
    user_data: str | UnsetType = UNSET
    default_trusted_profile: TrustedProfileRequest | UnsetType = UNSET


class UpdateTemplateRequest(RequestBody):
    """What may be changed of a template."""

    name: Name | UnsetType = UNSET


class ActionRequest(RequestBody):
    """What to do with the server; `force` does not wait for the guest."""

    type: Literal["start", "stop", "reboot"]
    force: bool = False
