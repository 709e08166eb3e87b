"""Which targets are in which security groups. `target` as in `ReservedIp`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.networks.kinds import SECURITY_GROUP, SECURITY_GROUP_TARGET
from kunsthalle.networks.model import SecurityGroup, SecurityGroupTarget, Vpc
from kunsthalle.networks.queries import locked
from kunsthalle.networks.targets import find_target
from kunsthalle.store.rows import insert
from kunsthalle.store.scope import some, unguarded
from kunsthalle.store.tables import remove_rows
from kunsthalle.store.unit import Unit


def attach(
    unit: Unit, vpc: Vpc, groups: Iterable[SecurityGroup], target: Mapping[str, str], field: str = "security_groups"
) -> None:
    """Puts a target into groups, each once. 400 `vpc_resource_separation` for a group of another VPC."""
    for group in {group.id: group for group in groups}.values():
        if group.vpc_id != vpc.id:
            raise invalid("vpc_resource_separation", "The security group is in another VPC.", field)
        locked(unit, SECURITY_GROUP, group.id, field, "field")
        _join(unit, group, target)


def _join(unit: Unit, group: SecurityGroup, target: Mapping[str, str]) -> SecurityGroupTarget:
    row = SecurityGroupTarget(
        id=f"{group.id}:{target['id']}",
        account_id=group.account_id,
        security_group_id=group.id,
        resource_group_id=group.resource_group_id,
        target_id=target["id"],
        target=dict(target),
        created_at=unit.ctx.now(),
    )
    return insert(unit, SECURITY_GROUP_TARGET, row)


def member(unit: Unit, group: SecurityGroup, id_: str) -> SecurityGroupTarget:
    """A target of a group, by any id that `find_target` knows it by; else 404."""
    table = SECURITY_GROUP_TARGET.table
    mine = table.c.security_group_id == group.id
    found = some(unit, SECURITY_GROUP_TARGET, mine, table.c.target_id == id_, limit=1)
    if not found:
        known = find_target(unit, id_).target["id"]
        found = some(unit, SECURITY_GROUP_TARGET, mine, table.c.target_id == known, limit=1)
    if not found:
        raise not_found()
    return found[0]


def add(unit: Unit, group: SecurityGroup, id_: str) -> SecurityGroupTarget:
    """Puts one more target into a group; one that is in it stays. 400 `vpc_resource_separation` across VPCs."""
    group = locked(unit, SECURITY_GROUP, group.id, "security_group_id")
    bindable = find_target(unit, id_)
    if bindable.subnet.vpc_id != group.vpc_id:
        text = "The target is in another VPC."
        raise invalid("vpc_resource_separation", text, "id", type_="parameter")
    table = SECURITY_GROUP_TARGET.table
    present = unguarded(unit, SECURITY_GROUP_TARGET, table.c.id == f"{group.id}:{bindable.target['id']}")
    return present[0] if present else _join(unit, group, bindable.target)


def remove(unit: Unit, group: SecurityGroup, id_: str) -> None:
    """Takes a target out of a group; 409 when it is in no other (vpc-api.md B1), with a code of our own (U)."""
    locked(unit, SECURITY_GROUP, group.id, "security_group_id")
    row = member(unit, group, id_)
    table = SECURITY_GROUP_TARGET.table
    if len(unguarded(unit, SECURITY_GROUP_TARGET, table.c.target_id == row.target_id, lock=True)) < 2:
        raise conflict("security_group_last_of_target", "A target is always in at least one security group.")
    remove_rows(unit, table, table.c.id == row.id)


def detach(unit: Unit, target_id: str) -> None:
    """Takes a target out of every group."""
    remove_rows(unit, SECURITY_GROUP_TARGET.table, SECURITY_GROUP_TARGET.table.c.target_id == target_id)


def of_target(unit: Unit, target_id: str) -> list[SecurityGroup]:
    """The groups a target is in, by name."""
    table = SECURITY_GROUP_TARGET.table
    ids = [row.security_group_id for row in unguarded(unit, SECURITY_GROUP_TARGET, table.c.target_id == target_id)]
    found = unguarded(unit, SECURITY_GROUP, SECURITY_GROUP.table.c.id.in_(ids)) if ids else []
    return sorted(found, key=lambda group: group.name)
