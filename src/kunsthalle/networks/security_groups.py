"""Which targets are in which security groups. `target` as in `ReservedIp`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.db.rows import insert
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.db.visibility import some, unscoped
from kunsthalle.networks.models import SecurityGroup, SecurityGroupTarget, Vpc
from kunsthalle.networks.queries import locked
from kunsthalle.networks.resources import SECURITY_GROUP, SECURITY_GROUP_TARGET
from kunsthalle.networks.security_group_targets import find_target


def attach(
    session: Session,
    vpc: Vpc,
    groups: Iterable[SecurityGroup],
    target: Mapping[str, str],
    field: str = "security_groups",
) -> None:
    """Puts a target into groups, each once. 400 `vpc_resource_separation` for a group of another VPC."""
    for group in {group.id: group for group in groups}.values():
        if group.vpc_id != vpc.id:
            raise invalid("vpc_resource_separation", "The security group is in another VPC.", field)
        locked(session, SECURITY_GROUP, group.id, field, "field")
        _join(session, group, target)


def _join(session: Session, group: SecurityGroup, target: Mapping[str, str]) -> SecurityGroupTarget:
    row = SecurityGroupTarget(
        id=f"{group.id}:{target['id']}",
        account_id=group.account_id,
        security_group_id=group.id,
        resource_group_id=group.resource_group_id,
        target_id=target["id"],
        target=dict(target),
        created_at=session.ctx.now(),
    )
    return insert(session, SECURITY_GROUP_TARGET, row)


def member(session: Session, group: SecurityGroup, id_: str) -> SecurityGroupTarget:
    """A target of a group, by any id that `find_target` knows it by; else 404."""
    table = SECURITY_GROUP_TARGET.table
    condition = table.c.security_group_id == group.id
    security_group_targets = some(session, SECURITY_GROUP_TARGET, condition, table.c.target_id == id_, limit=1)
    if not security_group_targets:
        known = find_target(session, id_).target["id"]
        security_group_targets = some(session, SECURITY_GROUP_TARGET, condition, table.c.target_id == known, limit=1)
    if not security_group_targets:
        raise not_found()
    return security_group_targets[0]


def add(session: Session, group: SecurityGroup, id_: str) -> tuple[SecurityGroupTarget, bool]:
    """Put one more target into a group; one that is in it stays. 400 `vpc_resource_separation` across VPCs.

    Return the target, and whether it is new.
    """
    group = locked(session, SECURITY_GROUP, group.id, "security_group_id")
    bindable = find_target(session, id_)
    if bindable.subnet.vpc_id != group.vpc_id:
        text = "The target is in another VPC."
        raise invalid("vpc_resource_separation", text, "id", type_="parameter")
    table = SECURITY_GROUP_TARGET.table
    present = unscoped(session, SECURITY_GROUP_TARGET, table.c.id == f"{group.id}:{bindable.target['id']}")
    return (present[0], False) if present else (_join(session, group, bindable.target), True)


def remove(session: Session, group: SecurityGroup, id_: str) -> None:
    """Takes a target out of a group; 409 when it is in no other (vpc-api.md B1), with a code of our own (U)."""
    locked(session, SECURITY_GROUP, group.id, "security_group_id")
    row = member(session, group, id_)
    table = SECURITY_GROUP_TARGET.table
    if len(unscoped(session, SECURITY_GROUP_TARGET, table.c.target_id == row.target_id, lock=True)) < 2:
        raise conflict("security_group_last_of_target", "A target is always in at least one security group.")
    remove_rows(session, table, table.c.id == row.id)


def detach(session: Session, target_id: str) -> None:
    """Takes a target out of every group."""
    remove_rows(session, SECURITY_GROUP_TARGET.table, SECURITY_GROUP_TARGET.table.c.target_id == target_id)


def of_target(session: Session, target_id: str) -> list[SecurityGroup]:
    """The groups a target is in, by name."""
    table = SECURITY_GROUP_TARGET.table
    ids = [row.security_group_id for row in unscoped(session, SECURITY_GROUP_TARGET, table.c.target_id == target_id)]
    security_groups = unscoped(session, SECURITY_GROUP, SECURITY_GROUP.table.c.id.in_(ids)) if ids else []
    return sorted(security_groups, key=lambda group: group.name)
