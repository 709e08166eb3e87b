"""Making and removing VPCs, subnets, groups and keys, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fixtures.worlds import Attribute, World, holding
from kunsthalle.authz.context import Context
from kunsthalle.authz.roles import EDITOR
from kunsthalle.core.errors import Problem
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType, resolve, some, unscoped
from kunsthalle.networks import security_groups, service
from kunsthalle.networks.models import Subnet, Vpc
from kunsthalle.networks.queries import KeyIdentity, available, default_security_group, refer_key
from kunsthalle.networks.resources import (
    ADDRESS_PREFIX,
    KEY,
    NETWORK_ACL,
    RESERVED_IP,
    ROUTING_TABLE,
    SECURITY_GROUP,
    SUBNET,
    VPC,
)
from kunsthalle.networks.security_group_rules import RemoteRequest, RuleRequest

from .conftest import nic


def refused(world: World, ctx: Context, call: Callable[..., Any], *arguments: Any, **more: Any) -> str:
    with pytest.raises(Problem) as problem:
        world.write(ctx, call, *arguments, **more)
    return problem.value.code


def removing(call: Callable[..., None], kind: ResourceType[Any], it: Any) -> Callable[[Session], None]:
    action = kind.read.replace(".read", ".delete")
    return lambda session: call(session, resolve(session, kind, it.id, action))


def names_of(world: World, ctx: Context, kind: ResourceType[Any]) -> list[str]:
    return sorted(one.name for one in world.read(ctx, some, kind))


def test_a_vpc_comes_with_its_defaults(both: World, ctx: Context, vpc: Vpc) -> None:
    prefixes = both.read(ctx, some, ADDRESS_PREFIX)
    assert sorted((one.zone, one.cidr, one.is_default) for one in prefixes) == [
        ("us-south-1", "10.240.0.0/18", True),
        ("us-south-2", "10.240.64.0/18", True),
        ("us-south-3", "10.240.128.0/18", True),
    ]
    group = both.read(ctx, default_security_group, vpc)
    assert [(rule["direction"], rule["remote"]) for rule in group.rules] == [
        ("inbound", {"group_id": group.id}),
        ("outbound", {"cidr_block": "0.0.0.0/0"}),
    ]
    assert [acl.id for acl in both.read(ctx, some, NETWORK_ACL)] == [vpc.default_network_acl_id]
    assert [table.id for table in both.read(ctx, some, ROUTING_TABLE)] == [vpc.default_routing_table_id]
    assert vpc.crn == f"crn:v1:bluemix:public:is:us-south:a/{ctx.account_id}::vpc:{vpc.id}"


def test_a_vpc_with_manual_prefixes_has_none(both: World, ctx: Context) -> None:
    vpc = both.write(ctx, service.create_vpc, "manual", prefixes=False)
    assert both.read(ctx, some, ADDRESS_PREFIX) == []
    assert refused(both, ctx, service.create_subnet, vpc, None, "us-south-1", count=8) == "no_default_address_prefix"
    assert refused(both, ctx, service.create_subnet, vpc, cidr="10.0.0.0/24") == "not_in_address_prefix"
    made = both.write(ctx, service.create_subnet, vpc, None, "us-south-1", cidr="10.0.0.0/24")
    assert (made.zone, made.ipv4_cidr_block) == ("us-south-1", "10.0.0.0/24")


def test_a_vpc_with_subnets_stays_and_an_empty_one_leaves_nothing(
    both: World, ctx: Context, vpc: Vpc, tiny: Subnet
) -> None:
    assert refused(both, ctx, removing(service.delete_vpc, VPC, vpc)) == "vpc_not_empty"
    both.write(ctx, removing(service.delete_subnet, SUBNET, tiny))
    both.write(ctx, removing(service.delete_vpc, VPC, vpc))
    for kind in (VPC, SUBNET, ADDRESS_PREFIX, SECURITY_GROUP, NETWORK_ACL, ROUTING_TABLE, RESERVED_IP):
        assert both.read(ctx, unscoped, kind) == []


def test_subnets_are_cut_from_the_zone_and_their_addresses_add_up(both: World, ctx: Context, vpc: Vpc) -> None:
    made = [both.write(ctx, service.create_subnet, vpc, None, "us-south-3") for _ in range(2)]
    assert [one.ipv4_cidr_block for one in made] == ["10.240.128.0/24", "10.240.129.0/24"]
    assert all(one.id.startswith("0737-") and ":us-south-3:" in one.crn for one in made)
    assert both.read(ctx, available, made[0]) == 251
    kept = [one.address for one in both.read(ctx, some, RESERVED_IP, RESERVED_IP.table.c.subnet_id == made[0].id)]
    assert sorted(kept) == [f"10.240.128.{last}" for last in (0, 1, 2, 255, 3)]


def test_where_a_subnet_cannot_be(both: World, ctx: Context, vpc: Vpc) -> None:
    def code(**more: Any) -> str:
        return refused(both, ctx, service.create_subnet, vpc, **more)

    both.write(ctx, service.create_subnet, vpc, cidr="10.240.0.0/24")
    assert code(cidr="10.240.0.128/25") == "subnet_conflict"
    assert code(cidr="10.240.0.0/20") == "subnet_conflict"
    assert code(cidr="10.1.0.0/24") == "not_in_address_prefix"
    assert code(cidr="10.1.0.0/24", zone="us-south-1") == "not_in_address_prefix"
    assert code(cidr="10.240.0.0/17") == "subnet_conflict"
    assert code(cidr="10.240.128.0/17") == "not_in_address_prefix"
    assert code(cidr="10.240.64.0/24", zone="us-south-1") == "zone_inconsistency"
    assert code(cidr="10.240.1.0/24", zone="eu-de-1") == "invalid_zone"
    assert code(count=2**14, zone="us-south-1") == "insufficient_space_for_subnet"
    assert code(count=256) == "validation_required_field"


def test_names_are_unique_per_vpc_and_per_account(both: World, ctx: Context, vpc: Vpc, tiny: Subnet) -> None:
    assert refused(both, ctx, service.create_vpc, "here") == "validation_unique_failed"
    assert refused(both, ctx, service.create_subnet, vpc, "tiny", "us-south-2") == "validation_unique_failed"
    other = both.write(ctx, service.create_vpc, "there")
    both.write(ctx, service.create_subnet, other, "tiny", "us-south-1")
    both.write(both.account("other"), service.create_vpc, "here")
    assert names_of(both, ctx, VPC) == ["here", "there"]
    assert names_of(both, ctx, SUBNET) == ["tiny", "tiny"]


def test_when_a_security_group_stays(both: World, ctx: Context, vpc: Vpc) -> None:
    web = both.write(ctx, service.create_security_group, vpc, "web")
    rule = RuleRequest(direction="inbound", protocol="any", remote=RemoteRequest(id=web.id))
    app = both.write(ctx, service.create_security_group, vpc, "app", [rule])
    default = both.read(ctx, default_security_group, vpc)

    def remove(group: Any) -> Callable[[Session], None]:
        return removing(service.delete_security_group, SECURITY_GROUP, group)

    assert refused(both, ctx, remove(default)) == "security_group_vpc_default"
    assert refused(both, ctx, remove(web)) == "security_group_remoting_rules"
    both.write(ctx, security_groups.attach, vpc, [app, app], nic(0))
    assert refused(both, ctx, remove(app)) == "security_group_interfaces_attached"
    both.write(ctx, security_groups.detach, nic(0)["id"])
    both.write(ctx, remove(app))
    both.write(ctx, remove(web))
    assert names_of(both, ctx, SECURITY_GROUP) == [default.name]


def test_groups_of_another_vpc_are_refused(both: World, ctx: Context, vpc: Vpc) -> None:
    other = both.write(ctx, service.create_vpc, "there")
    foreign = both.read(ctx, default_security_group, other)
    assert refused(both, ctx, security_groups.attach, vpc, [foreign], nic(0)) == "vpc_resource_separation"
    rule = RuleRequest(direction="inbound", remote=RemoteRequest(id=foreign.id))
    assert refused(both, ctx, service.create_security_group, vpc, None, [rule]) == "vpc_resource_separation"


def test_a_key_is_known_by_name_and_content_once_in_an_account(both: World, ctx: Context, rsa_line: str) -> None:
    key = both.write(ctx, service.create_key, "laptop", rsa_line + " me@here")
    assert (key.type, key.length, key.public_key) == ("rsa", 2048, rsa_line)
    assert refused(both, ctx, service.create_key, "fingerprint", rsa_line) == "key_content_exists"
    both.write(both.account("other"), service.create_key, "laptop", rsa_line)
    found = both.read(ctx, refer_key, KeyIdentity(fingerprint=key.fingerprint), "keys")
    assert found.resource == key


def test_a_key_of_another_name_or_type(both: World, ctx: Context, rsa_line: str, ed25519_line: str) -> None:
    both.write(ctx, service.create_key, "fingerprint", rsa_line)
    assert refused(both, ctx, service.create_key, "fingerprint", ed25519_line) == "validation_unique_failed"
    assert refused(both, ctx, service.create_key, "k", ed25519_line, type_="rsa") == "key_invalid_type"
    assert refused(both, ctx, service.create_key, "k", ed25519_line, type_="dsa") == "key_invalid_type"


def test_a_key_of_another_account_is_not_referred_to(both: World, ctx: Context, rsa_line: str) -> None:
    key = both.write(ctx, service.create_key, "laptop", rsa_line)
    other = both.account("other")
    for identity in (KeyIdentity(fingerprint=key.fingerprint), KeyIdentity(id=key.id), KeyIdentity(crn=key.crn)):
        assert refused(both, other, refer_key, identity, "keys") == "not_found"


def test_roles_end_at_their_resource_group(both: World, ctx: Context, vpc: Vpc, tiny: Subnet) -> None:
    elsewhere = holding(ctx, EDITOR, [Attribute("resourceGroupId", "another")])
    assert refused(both, elsewhere, service.create_vpc, "mine") == "not_authorized"
    assert names_of(both, elsewhere, SUBNET) == names_of(both, elsewhere, RESERVED_IP) == []
    here = holding(ctx, EDITOR, [Attribute("resourceGroupId", vpc.resource_group_id)])
    assert names_of(both, here, SUBNET) == ["tiny"]
    assert len(names_of(both, here, RESERVED_IP)) == 5
    only = holding(ctx, EDITOR, [Attribute("subnetId", tiny.id)])
    assert names_of(both, only, SUBNET) == ["tiny"]
    assert names_of(both, only, VPC) == names_of(both, only, KEY) == []
