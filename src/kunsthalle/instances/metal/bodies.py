"""What requests about bare metal servers may say (reference/vpc-api.md B1; the SDK where it is silent)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from kunsthalle.api.references import Identity, NamedIdentity
from kunsthalle.api.regular import NameBody
from kunsthalle.api.shapes import GroupBody
from kunsthalle.api.wire import Body
from kunsthalle.instances.bodies import InterfaceBody, MetadataServiceBody, ReservationAffinityBody
from kunsthalle.networks.interfaces import CreateInterfaceBody
from kunsthalle.networks.queries import KeyIdentity

Vlan = Annotated[int, Meta(ge=1, le=4_094)]
Vlans = Annotated[list[Vlan], Meta(max_length=128)]
InterfaceType = Literal["pci", "vlan"]


class InitializationBody(Body):
    """What the server is made from."""

    image: Identity
    keys: Annotated[list[KeyIdentity], Meta(max_length=10)]
    user_data: str | UnsetType = UNSET
    default_trusted_profile: dict[str, Any] | UnsetType = UNSET


class MetalInterfaceBody(InterfaceBody, kw_only=True):
    """A network interface; a primary one is always `pci`, and so is one that does not say."""

    interface_type: InterfaceType = "pci"
    enable_infrastructure_nat: bool = True
    allowed_vlans: Vlans | UnsetType = UNSET
    vlan: Vlan | UnsetType = UNSET
    allow_interface_to_float: bool = False


class VirtualInterfaceBody(CreateInterfaceBody, kw_only=True):
    """A virtual network interface by its identity, or what a new one shall be."""

    id: str | UnsetType = UNSET
    crn: str | UnsetType = UNSET
    href: str | UnsetType = UNSET

    @property
    def identity(self) -> Identity | None:
        named = (self.id, self.crn, self.href)
        return Identity(*named) if any(one is not UNSET for one in named) else None


class MetalAttachmentBody(NameBody, kw_only=True):
    """A network attachment; the types as for an interface."""

    virtual_network_interface: VirtualInterfaceBody
    interface_type: InterfaceType = "pci"
    allowed_vlans: Vlans | UnsetType = UNSET
    vlan: Vlan | UnsetType = UNSET
    allow_to_float: bool = False


class TrustedPlatformModuleBody(Body):
    """The mode of the module."""

    mode: Literal["disabled", "tpm_2"] | UnsetType = UNSET


class MetalOptionsBody(NameBody, kw_only=True):
    """What is kept and shown again, and nothing here acts on."""

    bandwidth: int | UnsetType = UNSET
    enable_secure_boot: bool | UnsetType = UNSET
    metadata_service: MetadataServiceBody | UnsetType = UNSET
    reservation_affinity: ReservationAffinityBody | UnsetType = UNSET
    trusted_platform_module: TrustedPlatformModuleBody | UnsetType = UNSET


class CreateBareMetalBody(MetalOptionsBody, kw_only=True):
    """A bare metal server; with one of the two families of primary networks."""

    initialization: InitializationBody
    profile: NamedIdentity
    zone: NamedIdentity
    vpc: Identity | UnsetType = UNSET
    resource_group: GroupBody | UnsetType = UNSET
    primary_network_interface: MetalInterfaceBody | UnsetType = UNSET
    network_interfaces: list[MetalInterfaceBody] | UnsetType = UNSET
    primary_network_attachment: MetalAttachmentBody | UnsetType = UNSET
    network_attachments: list[MetalAttachmentBody] | UnsetType = UNSET


class UpdateMetalInterfaceBody(NameBody, kw_only=True):
    """What may be changed of an interface."""

    allow_ip_spoofing: bool | UnsetType = UNSET
    enable_infrastructure_nat: bool | UnsetType = UNSET
    allowed_vlans: Vlans | UnsetType = UNSET


class UpdateMetalAttachmentBody(NameBody, kw_only=True):
    """What may be changed of an attachment."""

    allowed_vlans: Vlans | UnsetType = UNSET


class StopBody(Body):
    """`soft` asks the system, `hard` does not; here both come to the same."""

    type: Literal["soft", "hard"]
