"""Which targets are in which security groups. `target` as in `ReservedIp`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kunsthalle.core.errors import invalid
from kunsthalle.networks.kinds import SECURITY_GROUP, SECURITY_GROUP_TARGET
from kunsthalle.networks.model import SecurityGroup, SecurityGroupTarget, Vpc
from kunsthalle.networks.queries import locked
from kunsthalle.store.rows import insert
from kunsthalle.store.scope import unguarded
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
        row = SecurityGroupTarget(
            id=f"{group.id}:{target['id']}",
            account_id=group.account_id,
            security_group_id=group.id,
            resource_group_id=group.resource_group_id,
            target_id=target["id"],
            target=dict(target),
            created_at=unit.ctx.now(),
        )
        insert(unit, SECURITY_GROUP_TARGET, row)


def detach(unit: Unit, target_id: str) -> None:
    """Takes a target out of every group."""
    remove_rows(unit, SECURITY_GROUP_TARGET.table, SECURITY_GROUP_TARGET.table.c.target_id == target_id)


def of_target(unit: Unit, target_id: str) -> list[SecurityGroup]:
    """The groups a target is in, by name."""
    table = SECURITY_GROUP_TARGET.table
    ids = [row.security_group_id for row in unguarded(unit, SECURITY_GROUP_TARGET, table.c.target_id == target_id)]
    found = unguarded(unit, SECURITY_GROUP, SECURITY_GROUP.table.c.id.in_(ids)) if ids else []
    return sorted(found, key=lambda group: group.name)
