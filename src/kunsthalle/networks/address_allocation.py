"""Taking and giving back the addresses of a subnet, for whatever needs one: `target` as in `ReservedIp`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import exists

from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import insert, insert_named, update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of, remove_rows, rows_of
from kunsthalle.db.visibility import ResourceType, unscoped
from kunsthalle.networks import floating_ips
from kunsthalle.networks.ipv4_blocks import parse_address, provider_addresses
from kunsthalle.networks.models import ReservedIp, Subnet
from kunsthalle.networks.queries import locked
from kunsthalle.networks.resources import FLOATING_IP, RESERVED_IP, SECURITY_GROUP_TARGET, SUBNET


def reserve(
    session: Session,
    subnet: Subnet,
    address: str | None,
    *,
    name: str | None = None,
    target: Mapping[str, str] | None,
    field: str = "address",
    auto_delete: bool = True,
) -> ReservedIp:
    """Takes an address for a target, or to keep: the one asked for, or the lowest that is free.

    400 with `field` as target for an address that is not one of the subnet's; 409 `address_is_already_reserved` for
    one that is taken, `insufficient_ipv4_addresses` (U) for a subnet that is full; 400 for a name that is taken.
    """
    subnet = locked(session, SUBNET, subnet.id, "subnet", "field")
    number = _lowest(session, subnet) if address is None else _asked(session, subnet, address, field)
    row = _row(session, subnet, number, name or session.ctx.ids.name(), "user", target, auto_delete)
    return insert_named(session, RESERVED_IP, row)


def bind(session: Session, ip: ReservedIp, target: Mapping[str, str], field: str = "id") -> ReservedIp:
    """Gives an address that is kept to a target. 409 `reserved_ip_in_use` for one that somebody uses already."""
    free = RESERVED_IP.table.c.target_id.is_(None)
    condition = ip.owner == "user"
    if not condition or not update(session, RESERVED_IP, ip.id, free, target_id=target["id"], target=dict(target)):
        raise conflict("reserved_ip_in_use", f"The address {ip.address} is in use.", field)
    return unscoped(session, RESERVED_IP, RESERVED_IP.table.c.id == ip.id)[0]


def unbind(session: Session, ip: ReservedIp) -> None:
    """Takes an address from its target: back into the subnet with `auto_delete`, else kept without a target."""
    if ip.auto_delete:
        remove_rows(session, RESERVED_IP.table, RESERVED_IP.table.c.id == ip.id)
    else:
        update(session, RESERVED_IP, ip.id, target_id=None, target=None)


def reserve_provider(session: Session, subnet: Subnet) -> None:
    """The five addresses that a new subnet never gives out."""
    for name, number in provider_addresses(subnet.network).items():
        insert(session, RESERVED_IP, _row(session, subnet, number, name, "provider", None))


def release(session: Session, target_id: str) -> None:
    """Takes every address that a target has from it, the floating ones too."""
    floating_ips.release(session, target_id)
    for ip in unscoped(session, RESERVED_IP, RESERVED_IP.table.c.target_id == target_id):
        unbind(session, ip)


def rename_target(session: Session, target_id: str, name: str) -> None:
    """To be said by whoever renames a target, so that what is shown of it stays true."""
    kinds: tuple[ResourceType[Any], ...] = (RESERVED_IP, SECURITY_GROUP_TARGET, FLOATING_IP)
    for kind in kinds:
        for row in unscoped(session, kind, kind.table.c.target_id == target_id):
            update(session, kind, row.id, target={**row.target, "name": name})


def _row(
    session: Session,
    subnet: Subnet,
    number: int,
    name: str,
    owner: str,
    target: Mapping[str, str] | None,
    auto_delete: bool = False,
) -> ReservedIp:
    return ReservedIp(
        id=session.ctx.ids.resource(subnet.id[:4]),
        account_id=subnet.account_id,
        subnet_id=subnet.id,
        resource_group_id=subnet.resource_group_id,
        number=number,
        name=name,
        owner=owner,
        auto_delete=auto_delete and target is not None,
        target_id=None if target is None else target["id"],
        target=None if target is None else dict(target),
        created_at=session.ctx.now(),
    )


def _lowest(session: Session, subnet: Subnet) -> int:
    """The address behind the lowest taken one whose successor is free: the provider has the first and the last."""
    here, after = RESERVED_IP.table, RESERVED_IP.table.alias("after")
    follower = exists().where(after.c.subnet_id == here.c.subnet_id, after.c.number == here.c.number + 1)
    edges = rows_of(session, here, here.c.subnet_id == subnet.id, ~follower, order=here.c.number, most=1)
    lowest = int(edges[0].number) + 1
    if lowest > int(subnet.network.broadcast_address):
        raise conflict("insufficient_ipv4_addresses", "The subnet has no free address.", "subnet")
    return lowest


def _asked(session: Session, subnet: Subnet, address: str, field: str) -> int:
    parsed = parse_address(address, field)
    if parsed not in subnet.network:
        raise invalid("validation_invalid_address", f"The address is not in {subnet.ipv4_cidr_block}.", field)
    table = RESERVED_IP.table
    if number_of(session, table, table.c.subnet_id == subnet.id, table.c.number == int(parsed)):
        raise conflict("address_is_already_reserved", f"The address {parsed} is taken.", field)
    return int(parsed)
