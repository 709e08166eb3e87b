"""What requests about servers and templates may say (reference/vpc-api.md B1, B2)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.references import Identity, NamedIdentity
from kunsthalle.api.shapes import GroupBody, Name
from kunsthalle.api.wire import Body
from kunsthalle.networks.interfaces import CreateInterfaceBody, IpBody
from kunsthalle.networks.queries import KeyIdentity
from kunsthalle.storage.bodies import BootAttachmentBody, DataAttachmentBody

Expression = Annotated[str, Meta(min_length=1, max_length=512)]


class CrnBody(Body):
    """Something by its CRN."""

    crn: Expression


class CatalogOfferingBody(Body):
    """Exactly one of `version` and `offering`; a plan only where the offering has one."""

    version: CrnBody | UnsetType = UNSET
    offering: CrnBody | UnsetType = UNSET
    plan: CrnBody | UnsetType = UNSET


class InterfaceBody(Body):
    """A network interface in a subnet."""

    subnet: Identity
    name: Name | UnsetType = UNSET
    primary_ip: IpBody | UnsetType = UNSET
    security_groups: Annotated[list[Identity], Meta(max_length=10)] | UnsetType = UNSET
    allow_ip_spoofing: bool | UnsetType = UNSET


class UpdateInterfaceBody(Body):
    """What may be changed of a network interface."""

    name: Name | UnsetType = UNSET
    allow_ip_spoofing: bool | UnsetType = UNSET


class VirtualInterfaceBody(CreateInterfaceBody):
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


class NetworkAttachmentBody(Body):
    """The attachment of a virtual network interface."""

    virtual_network_interface: VirtualInterfaceBody
    name: Name | UnsetType = UNSET


class TrustedProfileBody(Body):
    """The identity that the server is to have; with `auto_link` the profile gets a link to the server."""

    target: Identity
    auto_link: bool = True


class VcpuBody(Body):
    """How much of the time of its processors the server gets."""

    percentage: Annotated[int, Meta(ge=1, le=100)] | UnsetType = UNSET


class AvailabilityBody(Body, rename={"class_": "class"}):
    """Whether the server may be taken away."""

    class_: Literal["standard", "spot"] | UnsetType = UNSET


class AvailabilityPolicyBody(Body):
    """What happens when the host fails or is needed."""

    host_failure: Literal["restart", "stop"] | UnsetType = UNSET
    preemption: Literal["stop", "delete"] | UnsetType = UNSET


class MetadataServiceBody(Body):
    """The metadata service of the server."""

    enabled: bool | UnsetType = UNSET
    protocol: Literal["http", "https"] | UnsetType = UNSET
    response_hop_limit: Annotated[int, Meta(ge=1, le=64)] | UnsetType = UNSET


class ReservationAffinityBody(Body):
    """Which reservations the server may use; there are none here."""

    policy: Literal["automatic", "disabled", "manual"] | UnsetType = UNSET
    pool: list[dict[str, Any]] | UnsetType = UNSET


class OptionsBody(Body):
    """What is kept and shown again, and nothing here acts on."""

    availability: AvailabilityBody | UnsetType = UNSET
    availability_policy: AvailabilityPolicyBody | UnsetType = UNSET
    metadata_service: MetadataServiceBody | UnsetType = UNSET
    reservation_affinity: ReservationAffinityBody | UnsetType = UNSET
    enable_secure_boot: bool | UnsetType = UNSET
    confidential_compute_mode: Literal["disabled", "sgx", "tdx"] | UnsetType = UNSET
    threads_per_core: Annotated[int, Meta(ge=1, le=2)] | UnsetType = UNSET
    total_volume_bandwidth: Annotated[int, Meta(ge=500, le=100_000)] | UnsetType = UNSET
    volume_bandwidth_qos_mode: Literal["pooled", "weighted"] | UnsetType = UNSET
    vcpu: VcpuBody | UnsetType = UNSET


class CreateInstanceBody(OptionsBody):
    """A server, or the template of servers: one of `image`, `catalog_offering`, `source_template`, or a boot volume
    that is there already (`volume.id`) or comes from a snapshot (`volume.source_snapshot`).
    """

    name: Name | UnsetType = UNSET
    source_template: Identity | UnsetType = UNSET
    image: Identity | UnsetType = UNSET
    catalog_offering: CatalogOfferingBody | UnsetType = UNSET
    boot_volume_attachment: BootAttachmentBody | UnsetType = UNSET
    profile: NamedIdentity | UnsetType = UNSET
    zone: NamedIdentity | UnsetType = UNSET
    vpc: Identity | UnsetType = UNSET
    keys: Annotated[list[KeyIdentity], Meta(max_length=10)] | UnsetType = UNSET
    user_data: str | UnsetType = UNSET
    primary_network_interface: InterfaceBody | UnsetType = UNSET
    network_interfaces: list[InterfaceBody] | UnsetType = UNSET
    primary_network_attachment: NetworkAttachmentBody | UnsetType = UNSET
    network_attachments: list[NetworkAttachmentBody] | UnsetType = UNSET
    volume_attachments: list[DataAttachmentBody] | UnsetType = UNSET
    cluster_network_attachments: list[dict[str, Any]] | UnsetType = UNSET
    placement_target: dict[str, Any] | UnsetType = UNSET
    default_trusted_profile: TrustedProfileBody | UnsetType = UNSET
    resource_group: GroupBody | UnsetType = UNSET


class UpdateInstanceBody(OptionsBody):
    """What may be changed of a server; most of it while it is stopped."""

    name: Name | UnsetType = UNSET
    profile: NamedIdentity | UnsetType = UNSET
    placement_target: dict[str, Any] | UnsetType = UNSET


class ReinitializeBody(Body):
    """What a stopped server is to be anew: from an image, or from a boot volume that is there or comes from a snapshot.

    Keys, user data and trusted profile are those given here; what is not given, the server has no more.
    """

    image: Identity | UnsetType = UNSET
    boot_volume_attachment: BootAttachmentBody | UnsetType = UNSET
    keys: Annotated[list[KeyIdentity], Meta(max_length=10)] | UnsetType = UNSET
    user_data: str | UnsetType = UNSET
    default_trusted_profile: TrustedProfileBody | UnsetType = UNSET


class UpdateTemplateBody(Body):
    """What may be changed of a template."""

    name: Name | UnsetType = UNSET


class ActionBody(Body):
    """What to do with the server; `force` does not wait for the guest."""

    type: Literal["start", "stop", "reboot"]
    force: bool = False
