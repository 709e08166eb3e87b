"""Making and removing VPCs and what is in them, and keys. Each runs in the transaction of its request.

Whoever changes what is in a VPC or a subnet takes its row first, so that two at once agree on what is there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from sqlalchemy import Text, type_coerce

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.core.errors import Problem, conflict, invalid
from kunsthalle.db.rows import IntegrityError, delete, insert, insert_named, name_taken
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of, remove_rows
from kunsthalle.db.visibility import Authorized, may_create, unscoped
from kunsthalle.networks import address_allocation, ssh_keys
from kunsthalle.networks.acl_rules import default_acl_rules
from kunsthalle.networks.dns import USUAL
from kunsthalle.networks.ipv4_blocks import default_prefixes, free_block, subnet_block, subnet_size
from kunsthalle.networks.models import (
    AddressPrefix,
    Key,
    NetworkAcl,
    PublicGateway,
    RoutingTable,
    SecurityGroup,
    Subnet,
    Vpc,
)
from kunsthalle.networks.queries import in_vpc, locked, named, refuse_full
from kunsthalle.networks.resources import (
    ADDRESS_PREFIX,
    DNS_BINDING,
    KEY,
    NETWORK_ACL,
    PUBLIC_GATEWAY,
    RESERVED_IP,
    ROUTE,
    ROUTING_TABLE,
    SECURITY_GROUP,
    SECURITY_GROUP_TARGET,
    SUBNET,
    VPC,
)
from kunsthalle.networks.routing_tables import NOTHING
from kunsthalle.networks.security_group_rules import RuleRequest, default_group_rules, make_rules

USUAL_SIZE = 256
"""Addresses of a subnet whose maker does not say how many."""


def create_vpc(
    session: Session,
    name: str | None = None,
    *,
    group_id: str | None = None,
    prefixes: bool = True,
    classic_access: bool = False,
    dns: Mapping[str, Any] = USUAL,
) -> Vpc:
    """A new VPC with its default security group, network ACL and routing table, and a prefix for each zone."""
    ids, now, account = session.ctx.ids, session.ctx.now(), session.ctx.account_id
    region = session.ctx.region
    group = _group(session, "is.vpc.vpc.create", group_id)
    vpc = Vpc(
        id=ids.resource(region.prefix),
        account_id=account,
        resource_group_id=group,
        name=name or ids.name(),
        classic_access=classic_access,
        default_security_group_id=ids.resource(region.prefix),
        default_network_acl_id=ids.resource(region.prefix),
        default_routing_table_id=ids.resource(region.prefix),
        dns=dict(dns),
        created_at=now,
    )
    insert_named(session, VPC, vpc)
    below = (account, vpc.id, group)
    rules = default_group_rules(session, vpc.default_security_group_id)
    insert(session, SECURITY_GROUP, SecurityGroup(vpc.default_security_group_id, *below, ids.name(), rules, now))
    insert(
        session,
        NETWORK_ACL,
        NetworkAcl(vpc.default_network_acl_id, *below, ids.name(), default_acl_rules(session), now),
    )
    insert(session, ROUTING_TABLE, RoutingTable(vpc.default_routing_table_id, *below, ids.name(), [], [], NOTHING, now))
    for zone, cidr in default_prefixes(region).items() if prefixes else ():
        prefix = AddressPrefix(ids.resource(region.prefix), *below, ids.name(), zone, cidr, True, now)
        insert(session, ADDRESS_PREFIX, prefix)
    return vpc


def delete_vpc(session: Session, vpc: Authorized[Vpc]) -> None:
    """Removes a VPC and all that it is made of; 409 `vpc_not_empty` while there are subnets or public gateways, or
    VPCs that have it resolve their names.
    """
    here = locked(session, VPC, vpc.resource.id)
    if any(number_of(session, table, table.c.vpc_id == here.id) for table in (SUBNET.table, PUBLIC_GATEWAY.table)):
        raise conflict("vpc_not_empty", "The VPC still has subnets or public gateways.")
    bindings = in_vpc(session, DNS_BINDING, here.id)
    if bindings and here.dns["enable_hub"]:
        raise conflict("vpc_not_empty", "The VPC still has DNS resolution bindings.")
    for binding in bindings:
        delete(session, DNS_BINDING, binding.peer_id, binding.account_id)
    for kind in (SECURITY_GROUP, NETWORK_ACL, ROUTE, ROUTING_TABLE, ADDRESS_PREFIX, DNS_BINDING):
        remove_rows(session, kind.table, kind.table.c.vpc_id == vpc.resource.id)
    delete(session, VPC, vpc.resource.id, vpc.resource.account_id)


def create_subnet(
    session: Session,
    vpc: Vpc,
    name: str | None = None,
    zone: str | None = None,
    *,
    cidr: str | None = None,
    count: int | None = None,
    group_id: str | None = None,
    acl: NetworkAcl | None = None,
    table: RoutingTable | None = None,
    gateway: PublicGateway | None = None,
) -> Subnet:
    """A new subnet: the block `cidr`, or the lowest free one of `count` addresses (256 unless said) in a zone."""
    ids = session.ctx.ids
    group = _group(session, "is.subnet.subnet.create", group_id)
    locked(session, VPC, vpc.id, "vpc", "field")
    zone, block = _place(session, vpc, zone, cidr, USUAL_SIZE if count is None else count)
    for field, part in (("network_acl", acl), ("routing_table", table), ("public_gateway", gateway)):
        if part is not None:
            fits(part, vpc.id, zone, field)
    subnet = Subnet(
        id=ids.resource(session.ctx.region.zones[zone]),
        account_id=vpc.account_id,
        vpc_id=vpc.id,
        resource_group_id=group,
        name=name or ids.name(),
        zone=zone,
        ipv4_cidr_block=str(block),
        network_acl_id=acl.id if acl else vpc.default_network_acl_id,
        routing_table_id=table.id if table else vpc.default_routing_table_id,
        public_gateway_id=gateway.id if gateway else None,
        created_at=session.ctx.now(),
    )
    insert_named(session, SUBNET, subnet)
    address_allocation.reserve_provider(session, subnet)
    return subnet


def fits(network_acl: NetworkAcl | RoutingTable | PublicGateway, vpc_id: str, zone: str, field: str) -> None:
    """400 unless a subnet in this VPC and zone can be attached to it."""
    if network_acl.vpc_id != vpc_id:
        raise invalid("vpc_resource_separation", "The subnet is in another VPC.", field)
    if isinstance(network_acl, PublicGateway) and network_acl.zone != zone:
        raise invalid("zone_inconsistency", f"The public gateway is in {network_acl.zone}.", field)
    if isinstance(network_acl, RoutingTable) and any(network_acl.ingress.values()):
        raise invalid("bad_field", "The routing table is selected for incoming traffic.", field)


def delete_subnet(session: Session, subnet: Authorized[Subnet]) -> None:
    """Removes a subnet; 409 `subnet_not_empty` while targets have addresses in it."""
    locked(session, VPC, subnet.resource.vpc_id)
    locked(session, SUBNET, subnet.resource.id)
    table = RESERVED_IP.table
    condition = table.c.subnet_id == subnet.resource.id
    if number_of(session, table, condition, table.c.target_id.is_not(None)):
        raise conflict("subnet_not_empty", "Addresses of the subnet are in use.")
    remove_rows(session, table, condition)
    delete(session, SUBNET, subnet.resource.id, subnet.resource.account_id)


def create_security_group(
    session: Session,
    vpc: Vpc,
    name: str | None = None,
    rules: Sequence[RuleRequest] = (),
    *,
    group_id: str | None = None,
) -> SecurityGroup:
    """A new security group; without rules it lets nothing through."""
    ids = session.ctx.ids
    owner = _group(session, "is.security-group.security-group.create", group_id)
    locked(session, VPC, vpc.id, "vpc", "field")
    refuse_full(session, SECURITY_GROUP, vpc.id, "security groups")
    made = SecurityGroup(
        id=ids.resource(session.ctx.region.prefix),
        account_id=vpc.account_id,
        vpc_id=vpc.id,
        resource_group_id=owner,
        name=name or ids.name(),
        rules=make_rules(session, vpc.id, list(rules)),
        created_at=session.ctx.now(),
    )
    return insert_named(session, SECURITY_GROUP, made)


def delete_security_group(session: Session, group: Authorized[SecurityGroup]) -> None:
    """Removes a group; 409 while it is its VPC's default, has targets, or is named by a rule of another."""
    here = locked(session, SECURITY_GROUP, group.resource.id)
    if named(session, VPC, here.vpc_id).default_security_group_id == here.id:
        raise conflict("security_group_vpc_default", "The security group is the default of its VPC.")
    targets = SECURITY_GROUP_TARGET.table
    if number_of(session, targets, targets.c.security_group_id == here.id):
        raise conflict("security_group_interfaces_attached", "Interfaces are still in the security group.")
    groups = SECURITY_GROUP.table.c
    naming = (groups.vpc_id == here.vpc_id, groups.id != here.id, type_coerce(groups.rules, Text).contains(here.id))
    others = unscoped(session, SECURITY_GROUP, *naming)
    if any(rule["remote"].get("group_id") == here.id for other in others for rule in other.rules):
        raise conflict("security_group_remoting_rules", "A rule of another security group names this one.")
    delete(session, SECURITY_GROUP, here.id, here.account_id)


def create_key(
    session: Session, name: str | None, public_key: str, *, type_: str | None = None, group_id: str | None = None
) -> Key:
    """A new SSH key; 400 when the text is no key (`sshkeys.parse`), of another type than said, or known already."""
    group = _group(session, "is.key.key.create", group_id)
    read = ssh_keys.parse(public_key)
    if type_ not in (None, read.type):
        raise invalid("key_invalid_type", f"The key is of type {read.type}.", "type")
    ids = session.ctx.ids
    key = Key(
        id=ids.resource(session.ctx.region.prefix),
        account_id=session.ctx.account_id,
        resource_group_id=group,
        name=name or ids.name(),
        type=read.type,
        public_key=read.line,
        fingerprint=read.fingerprint,
        length=read.length,
        created_at=session.ctx.now(),
    )
    try:
        return insert(session, KEY, key)
    except IntegrityError as error:
        raise _not_unique(error, key) from error


def delete_key(session: Session, key: Authorized[Key]) -> None:
    """Removes a key; servers that were made with it keep it."""
    delete(session, KEY, key.resource.id, key.resource.account_id)


def _not_unique(error: IntegrityError, key: Key) -> Problem:
    # SQLite names the columns, PostgreSQL the constraint; no name of a key can have a dot or an underscore in it.
    text = str(error.orig)
    if "keys.fingerprint" in text or "uq_keys_account_id_fingerprint" in text:
        return invalid("key_content_exists", "The account has this key already.", ssh_keys.FIELD)
    return name_taken(key.name)


def _group(session: Session, action: str, group_id: str | None) -> str:
    """The resource group of a new resource, if the caller may do this there."""
    group = chosen_group(session, group_id)
    may_create(session.ctx, action, {"resourceGroupId": group.id})
    return group.id


def _place(session: Session, vpc: Vpc, zone: str | None, cidr: str | None, count: int) -> tuple[str, IPv4Network]:
    """Where a new subnet goes: its zone and its block."""
    if zone is not None and zone not in session.ctx.region.zones:
        raise invalid("invalid_zone", "The region has no such zone.", "zone")
    prefixes = in_vpc(session, ADDRESS_PREFIX, vpc.id)
    taken = [subnet.network for subnet in in_vpc(session, SUBNET, vpc.id)]
    if cidr is None:
        return _cut(prefixes, taken, zone, count)
    block = subnet_block(cidr, "ipv4_cidr_block")
    if any(block.overlaps(other) for other in taken):
        raise invalid("subnet_conflict", f"{block} overlaps another subnet of the VPC.", "ipv4_cidr_block")
    return _zone_of(prefixes, block, zone), block


def _zone_of(prefixes: list[AddressPrefix], block: IPv4Network, zone: str | None) -> str:
    """The zone of the prefix a block lies in. A zone without any prefix takes every block (vpc-api.md G3)."""
    zone_of_prefix = next((prefix.zone for prefix in prefixes if block.subnet_of(prefix.network)), None)
    if zone_of_prefix is None and zone is not None and zone not in {prefix.zone for prefix in prefixes}:
        return zone
    if zone_of_prefix is None:
        raise invalid("not_in_address_prefix", "The block is not in an address prefix of the VPC.", "ipv4_cidr_block")
    if zone not in (None, zone_of_prefix):
        raise invalid("zone_inconsistency", f"The block is in an address prefix of the zone {zone_of_prefix}.", "zone")
    return zone_of_prefix


def _cut(
    prefixes: list[AddressPrefix], taken: list[IPv4Network], zone: str | None, count: int
) -> tuple[str, IPv4Network]:
    """The lowest free block in the default prefix of a zone."""
    if zone is None:
        raise invalid("validation_required_field", "Missing a required field.", "zone")
    size = subnet_size(count, "total_ipv4_address_count")
    default = next((prefix for prefix in prefixes if prefix.zone == zone and prefix.is_default), None)
    if default is None:
        raise invalid("no_default_address_prefix", "The zone has no default address prefix in the VPC.", "zone")
    block = free_block(default.network, taken, size)
    if block is None:
        text = f"{default.cidr} has no free block of {size} addresses."
        raise invalid("insufficient_space_for_subnet", text, "total_ipv4_address_count")
    return zone, block
