"""Bare metal servers and their interfaces. Moments are in microseconds since the epoch."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from kunsthalle.core.crn import Crn
from kunsthalle.core.records import dataclass


@dataclass(frozen=True, slots=True)
class BareMetalServer:
    """A bare metal server of one account.

    `image` is the copied reference to what it was last initialized with, `allowed_use` that image's word on bare
    metal; `keys` are copied, `user_data` is secret. `disks` are {"id", "name"} each, the boot disk first. `options`
    are what requests set and nothing acts on.
    """

    id: str
    account_id: str
    name: str
    status: str
    status_reasons: list[dict[str, str]]
    resource_group_id: str
    zone: str
    profile: str
    vpc_id: str
    vpc_crn: str
    vpc_name: str
    image: dict[str, str]
    allowed_use: dict[str, str]
    keys: list[dict[str, str]]
    user_data: str | None = field(repr=False)
    disks: list[dict[str, str]]
    options: dict[str, Any]
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return str(Crn("is", self.zone, self.account_id, "", "bare-metal-server", self.id))


@dataclass(frozen=True, slots=True)
class MetalInterface:
    """A network interface, or a network attachment where it has a virtual network interface. `position` 0 is primary.

    `allowed_vlans` are of `pci`, `vlan` and `floats` of `vlan` interfaces.
    """

    id: str
    account_id: str
    bare_metal_server_id: str
    resource_group_id: str
    position: int
    name: str
    interface_type: str
    subnet: dict[str, str]
    primary_ip: dict[str, str]
    allow_ip_spoofing: bool
    enable_infrastructure_nat: bool
    mac: str
    allowed_vlans: list[int]
    vlan: int | None
    floats: bool
    virtual_network_interface_id: str | None
    created_at: int
    revision: int = 1

    @property
    def type(self) -> str:
        return "secondary" if self.position else "primary"

    @property
    def bound(self) -> str:
        """What addresses and security groups know it by."""
        return self.virtual_network_interface_id or self.id
