"""Reserving addresses, on both engines, by one and by many at once."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import Any

import pytest

from fixtures.worlds import World
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, resolve, unscoped
from kunsthalle.networks import address_allocation, security_groups, service
from kunsthalle.networks.models import Subnet, Vpc
from kunsthalle.networks.queries import available, ip_of_target
from kunsthalle.networks.resources import RESERVED_IP, SUBNET

from .conftest import acting, at_once, nic


def _code(call: Callable[..., Any], *arguments: Any, **more: Any) -> str:
    with pytest.raises(Problem) as refused:
        call(*arguments, **more)
    return refused.value.code


def _reserve(world: World, ctx: Context, subnet: Subnet, n: int, address: str | None = None) -> str:
    return world.write(ctx, address_allocation.reserve, subnet, address, target=nic(n)).address


def test_the_lowest_free_address_is_given_and_given_again(both: World, ctx: Context, tiny: Subnet) -> None:
    base = int(tiny.network.network_address)
    assert [_reserve(both, ctx, tiny, n) for n in range(3)] == [str(IPv4Address(base + n)) for n in (4, 5, 6)]
    assert both.read(ctx, available, tiny) == 0
    assert _code(_reserve, both, ctx, tiny, 3) == "insufficient_ipv4_addresses"
    both.write(ctx, address_allocation.release, nic(1)["id"])
    assert both.read(ctx, available, tiny) == 1
    assert _reserve(both, ctx, tiny, 4) == str(IPv4Address(base + 5))


def test_an_address_asked_for(both: World, ctx: Context, tiny: Subnet) -> None:
    sixth = str(tiny.network[6])
    assert _reserve(both, ctx, tiny, 0, sixth) == sixth
    assert _reserve(both, ctx, tiny, 1) == str(tiny.network[4])
    assert _code(_reserve, both, ctx, tiny, 2, sixth) == "address_is_already_reserved"
    for provider in (0, 1, 2, 3, 7):
        assert _code(_reserve, both, ctx, tiny, 2, str(tiny.network[provider])) == "address_is_already_reserved"
    assert _code(_reserve, both, ctx, tiny, 2, "10.9.9.9") == "validation_invalid_address"
    assert _code(_reserve, both, ctx, tiny, 2, "here") == "validation_invalid_address"


def test_names_are_unique_in_a_subnet(both: World, ctx: Context, tiny: Subnet) -> None:
    both.write(ctx, address_allocation.reserve, tiny, None, name="one", target=nic(0))
    assert (
        _code(both.write, ctx, address_allocation.reserve, tiny, None, name="one", target=nic(1))
        == "validation_unique_failed"
    )
    taken = "ibm-default-gateway"
    assert (
        _code(both.write, ctx, address_allocation.reserve, tiny, None, name=taken, target=nic(1))
        == "validation_unique_failed"
    )


def test_what_is_kept_of_a_target_follows_its_name(both: World, ctx: Context, vpc: Vpc, tiny: Subnet) -> None:
    def attach(session: Session) -> None:
        address_allocation.reserve(session, tiny, None, target=nic(0))
        security_groups.attach(session, vpc, [service.create_security_group(session, vpc, "web")], nic(0))
        address_allocation.rename_target(session, nic(0)["id"], "renamed")

    both.write(ctx, attach)
    ip = both.read(ctx, ip_of_target, nic(0)["id"])
    assert ip is not None
    assert ip.target == {**nic(0), "name": "renamed"}
    assert [group.name for group in both.read(ctx, security_groups.of_target, nic(0)["id"])] == ["web"]
    both.write(ctx, security_groups.detach, nic(0)["id"])
    assert both.read(ctx, security_groups.of_target, nic(0)["id"]) == []


def test_a_subnet_with_targets_stays(both: World, ctx: Context, tiny: Subnet) -> None:
    _reserve(both, ctx, tiny, 0)
    assert _code(both.write, ctx, _delete, tiny) == "subnet_not_empty"
    both.write(ctx, address_allocation.release, nic(0)["id"])
    both.write(ctx, _delete, tiny)
    assert both.read(ctx, lambda session: unscoped(session, RESERVED_IP)) == []
    assert _code(_reserve, both, ctx, tiny, 1) == "not_found"


def _delete(session: Session, subnet: Subnet) -> None:
    granted: Authorized[Subnet] = resolve(session, SUBNET, subnet.id, "is.subnet.subnet.delete")
    service.delete_subnet(session, granted)


def test_racers_never_get_the_same_address(nodes: list[World], ctx: Context, tiny: Subnet) -> None:
    def racer(node: World, n: int) -> Callable[[], str]:
        return lambda: _reserve(node, acting(node, ctx), tiny, n)

    results = at_once([racer(nodes[n % len(nodes)], n) for n in range(8)])
    assert sorted(results) == sorted([*(str(tiny.network[n]) for n in (4, 5, 6)), *["insufficient_ipv4_addresses"] * 5])


def test_racers_for_one_address_have_one_winner(nodes: list[World], ctx: Context, tiny: Subnet) -> None:
    wanted = str(tiny.network[5])

    def racer(node: World, n: int) -> Callable[[], str]:
        return lambda: _reserve(node, acting(node, ctx), tiny, n, wanted)

    results = at_once([racer(node, n) for n, node in enumerate(nodes)])
    assert sorted(results) == [wanted, *["address_is_already_reserved"] * 3]


def test_racers_never_make_subnets_that_overlap(nodes: list[World], ctx: Context, vpc: Vpc) -> None:
    def racer(node: World) -> Callable[[], Subnet]:
        mine = acting(node, ctx)
        return lambda: node.write(mine, service.create_subnet, vpc, None, "us-south-2", count=4096)

    made: list[Subnet] = at_once([racer(nodes[n % 4]) for n in range(6)])
    cut = sorted(results for results in made if isinstance(results, str))
    blocks = [one.ipv4_cidr_block for one in made if isinstance(one, Subnet)]
    assert sorted(blocks) == ["10.240.112.0/20", "10.240.64.0/20", "10.240.80.0/20", "10.240.96.0/20"]
    assert cut == ["insufficient_space_for_subnet"] * 2


def test_a_subnet_goes_or_is_used_but_not_both(nodes: list[World], ctx: Context, tiny: Subnet) -> None:
    remover, taker = nodes[:2]
    gone, address = at_once(
        [
            lambda: remover.write(acting(remover, ctx), _delete, tiny),
            lambda: _reserve(taker, acting(taker, ctx), tiny, 0),
        ]
    )
    assert (gone, address) in {(None, "not_found"), ("subnet_not_empty", str(tiny.network[4]))}
