"""VPCs and what is in them, and SSH keys. Moments are microseconds since the epoch."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

from kunsthalle.core.crn import Crn
from kunsthalle.core.records import dataclass
from kunsthalle.core.regions import place


class _Named:
    """The CRN of a resource, located where its id says that it lives: region or zone."""

    __slots__ = ()
    id: str
    account_id: str
    CRN_TYPE: str

    @property
    def crn(self) -> str:
        return str(Crn("is", place(self.id), self.account_id, "", self.CRN_TYPE, self.id))


@dataclass(frozen=True, slots=True)
class Vpc(_Named):
    """A virtual private cloud; its defaults are made with it and gone with it. `dns` as `networks.dns` keeps it."""

    CRN_TYPE = "vpc"
    id: str
    account_id: str
    resource_group_id: str
    name: str
    classic_access: bool
    default_security_group_id: str
    default_network_acl_id: str
    default_routing_table_id: str
    dns: dict[str, Any]
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class AddressPrefix:
    """A range that the subnets of one zone of a VPC are cut from; one of each zone is its default."""

    id: str
    account_id: str
    vpc_id: str
    resource_group_id: str
    name: str
    zone: str
    cidr: str
    is_default: bool
    created_at: int
    revision: int = 1

    @property
    def network(self) -> IPv4Network:
        return IPv4Network(self.cidr)


@dataclass(frozen=True, slots=True)
class SecurityGroup(_Named):
    """A set of rules for interfaces. `rules` are kept as `networks.rules` makes them."""

    CRN_TYPE = "security-group"
    id: str
    account_id: str
    vpc_id: str
    resource_group_id: str
    name: str
    rules: list[dict[str, Any]]
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class SecurityGroupTarget:
    """That a target (an interface of a server) is in a group; `target` as in ReservedIp."""

    id: str
    account_id: str
    security_group_id: str
    resource_group_id: str
    target_id: str
    target: dict[str, str]
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class NetworkAcl(_Named):
    """A set of rules for subnets, in the order in which they apply."""

    CRN_TYPE = "network-acl"
    id: str
    account_id: str
    vpc_id: str
    resource_group_id: str
    name: str
    rules: list[dict[str, Any]]
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class RoutingTable(_Named):
    """A routing table; the one that comes with the VPC begins without routes."""

    CRN_TYPE = "vpc-routing-table"
    id: str
    account_id: str
    vpc_id: str
    resource_group_id: str
    name: str
    accept_routes_from: list[dict[str, str]]
    advertise_routes_to: list[str]
    ingress: dict[str, bool]
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class NetworkRoute:
    """A route of a routing table; `next_hop` is 0.0.0.0 unless the action is `deliver`."""

    id: str
    account_id: str
    vpc_id: str
    routing_table_id: str
    resource_group_id: str
    name: str
    zone: str
    destination: str
    action: str
    next_hop: str
    advertise: bool
    priority: int
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Subnet(_Named):
    """A range of addresses in one zone of a VPC."""

    CRN_TYPE = "subnet"
    id: str
    account_id: str
    vpc_id: str
    resource_group_id: str
    name: str
    zone: str
    ipv4_cidr_block: str
    network_acl_id: str
    routing_table_id: str
    public_gateway_id: str | None
    created_at: int
    revision: int = 1

    @property
    def network(self) -> IPv4Network:
        return IPv4Network(self.ipv4_cidr_block)


@dataclass(frozen=True, slots=True)
class ReservedIp:
    """An address of a subnet that is taken: by the provider (`owner` is `provider`), or by the account.

    `target` describes what uses it, if something does: `id`, `name`, `href_path` (behind `/v1`), `resource_type`, and
    `crn` if it has one. With `auto_delete` the address is given back when its target lets go of it.
    """

    id: str
    account_id: str
    subnet_id: str
    resource_group_id: str
    number: int
    name: str
    owner: str
    auto_delete: bool
    target_id: str | None
    target: dict[str, str] | None
    created_at: int
    revision: int = 1

    @property
    def address(self) -> str:
        return str(IPv4Address(self.number))


@dataclass(frozen=True, slots=True)
class FloatingIp:
    """A public address, `target` as in ReservedIp. Its id is the region's and its CRN the zone's."""

    id: str
    account_id: str
    resource_group_id: str
    name: str
    zone: str
    number: int
    target_id: str | None
    target: dict[str, str] | None
    created_at: int
    revision: int = 1

    @property
    def address(self) -> str:
        return str(IPv4Address(self.number))

    @property
    def crn(self) -> str:
        return str(Crn("is", self.zone, self.account_id, "", "floating-ip", self.id))


@dataclass(frozen=True, slots=True)
class PublicGateway:
    """The way out of a zone of a VPC. Its id is the region's and its CRN the zone's. What it made goes with it."""

    id: str
    account_id: str
    vpc_id: str
    resource_group_id: str
    name: str
    zone: str
    floating_ip_id: str
    made_floating_ip: bool
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return str(Crn("is", self.zone, self.account_id, "", "public-gateway", self.id))


@dataclass(frozen=True, slots=True)
class DnsBinding:
    """One side of the bond between a VPC and the hub that resolves names for it."""

    id: str
    account_id: str
    vpc_id: str
    resource_group_id: str
    name: str
    other_vpc_id: str
    peer_id: str
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class VirtualNetworkInterface(_Named):
    """An interface that lives by itself; `target` is the attachment of a server that uses it, as in ReservedIp."""

    CRN_TYPE = "virtual-network-interface"
    id: str
    account_id: str
    vpc_id: str
    resource_group_id: str
    name: str
    subnet_id: str
    primary_ip_id: str
    allow_ip_spoofing: bool
    auto_delete: bool
    enable_infrastructure_nat: bool
    protocol_state_filtering_mode: str
    mac_address: str
    target_id: str | None
    target: dict[str, str] | None
    created_at: int
    revision: int = 1


@dataclass(frozen=True, slots=True)
class Key(_Named):
    """A public SSH key: `length` in bits, `fingerprint` as `SHA256:<base64>`."""

    CRN_TYPE = "key"
    id: str
    account_id: str
    resource_group_id: str
    name: str
    type: str
    public_key: str
    fingerprint: str
    length: int
    created_at: int
    revision: int = 1
