"""What requests about bare metal servers may say (reference/vpc-api.md B1; the SDK where it is silent)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.body_bounds import Document, at_most
from kunsthalle.api.common_schemas import GroupRequest
from kunsthalle.api.crud import NameRequest
from kunsthalle.api.references import Identity, NamedIdentity
from kunsthalle.api.serialization import RequestBody
from kunsthalle.instances.requests import InterfaceRequest, MetadataServiceRequest, ReservationAffinityRequest
from kunsthalle.networks.queries import KeyIdentity
from kunsthalle.networks.virtual_network_interfaces import CreateInterfaceRequest

Vlan = Annotated[int, Meta(ge=1, le=4_094)]
Vlans = Annotated[list[Vlan], at_most(128)]
InterfaceType = Literal["pci", "vlan"]


class InitializationRequest(RequestBody):
    """What the server is made from."""

    image: Identity
    keys: Annotated[list[KeyIdentity], at_most(10)]
    user_data: str | UnsetType = UNSET
    default_trusted_profile: Document | UnsetType = UNSET


class MetalInterfaceRequest(InterfaceRequest, kw_only=True):
    """A network interface; a primary one is always `pci`, and so is one that does not say."""

    interface_type: InterfaceType = "pci"
    enable_infrastructure_nat: bool = True
    allowed_vlans: Vlans | UnsetType = UNSET
    vlan: Vlan | UnsetType = UNSET
    allow_interface_to_float: bool = False


class VirtualInterfaceRequest(CreateInterfaceRequest, kw_only=True):
    """A virtual network interface by its identity, or what a new one shall be."""

    id: str | UnsetType = UNSET
    crn: str | UnsetType = UNSET
    href: str | UnsetType = UNSET

    @property
    def identity(self) -> Identity | None:
        named = (self.id, self.crn, self.href)
        return Identity(*named) if any(part is not UNSET for part in named) else None


class MetalAttachmentRequest(NameRequest, kw_only=True):
    """A network attachment; the types as for an interface."""

    virtual_network_interface: VirtualInterfaceRequest
    interface_type: InterfaceType = "pci"
    allowed_vlans: Vlans | UnsetType = UNSET
    vlan: Vlan | UnsetType = UNSET
    allow_to_float: bool = False


class TrustedPlatformModuleRequest(RequestBody):
    """The mode of the module."""

    mode: Literal["disabled", "tpm_2"] | UnsetType = UNSET


class MetalOptionsRequest(NameRequest, kw_only=True):
    """What is kept and shown again, and nothing here acts on."""

    bandwidth: int | UnsetType = UNSET
    enable_secure_boot: bool | UnsetType = UNSET
    metadata_service: MetadataServiceRequest | UnsetType = UNSET
    reservation_affinity: ReservationAffinityRequest | UnsetType = UNSET
    trusted_platform_module: TrustedPlatformModuleRequest | UnsetType = UNSET


class CreateBareMetalRequest(MetalOptionsRequest, kw_only=True):
    """A bare metal server; with one of the two families of primary networks."""

    initialization: InitializationRequest
    profile: NamedIdentity
    zone: NamedIdentity
    vpc: Identity | UnsetType = UNSET
    resource_group: GroupRequest | UnsetType = UNSET
    primary_network_interface: MetalInterfaceRequest | UnsetType = UNSET
    network_interfaces: Annotated[list[MetalInterfaceRequest], at_most(128)] | UnsetType = UNSET
    primary_network_attachment: MetalAttachmentRequest | UnsetType = UNSET
    network_attachments: Annotated[list[MetalAttachmentRequest], at_most(128)] | UnsetType = UNSET


class UpdateMetalInterfaceRequest(NameRequest, kw_only=True):
    """What may be changed of an interface."""

    allow_ip_spoofing: bool | UnsetType = UNSET
    enable_infrastructure_nat: bool | UnsetType = UNSET
    allowed_vlans: Vlans | UnsetType = UNSET


class UpdateMetalAttachmentRequest(NameRequest, kw_only=True):
    """What may be changed of an attachment."""

    allowed_vlans: Vlans | UnsetType = UNSET


class StopRequest(RequestBody):
    """`soft` asks the system, `hard` does not; here both come to the same."""

    type: Literal["soft", "hard"]
