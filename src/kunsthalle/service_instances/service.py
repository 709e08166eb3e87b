"""Creating, changing and deleting instances of services; what a service keeps in them is asked of the service."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from kunsthalle.accounts.models import ResourceGroup
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem, Reason, Target, conflict, invalid
from kunsthalle.db.rows import delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.visibility import Authorized, ResourceType, find, may_create
from kunsthalle.service_instances.models import ServiceInstance

GLOBAL = "global"
_NAME = re.compile(r"[\w .:-]{1,180}")


class OfferedService(Struct, frozen=True, eq=False):
    """A service that instances can be made of.

    `id` and `plans` (names by id) are those that public clients send. `regional`: whether an instance is in the region
    of the server, or at no place. `configure` takes an instance's id and the parameters that it has from now on, and
    refuses what it does not know; `follow` is told the id of an instance that was deleted, restored, or is about to be
    erased; `erase` takes away what an instance holds, with the id and the account.
    """

    name: str
    id: str
    plans: Mapping[str, str]
    kind: ResourceType[ServiceInstance]
    configure: Callable[[Session, str, dict[str, Any]], None]
    erase: Callable[[Session, str, str], None]
    follow: Callable[[Session, str], None] = lambda _session, _instance_id: None
    regional: bool = False

    def location(self, ctx: Context) -> str:
        """Where a new instance is."""
        return ctx.region.name if self.regional else GLOBAL

    def action(self, verb: str) -> str:
        return f"{self.name}.instance.{verb}"


def create(
    session: Session,
    service: OfferedService,
    name: str,
    group: ResourceGroup,
    plan_id: str,
    parameters: dict[str, Any],
    *,
    locked: bool,
) -> ServiceInstance:
    """A new instance."""
    ctx, now = session.ctx, session.ctx.now()
    may_create(ctx, service.action("create"), {"resourceGroupId": group.id})
    made = ServiceInstance(
        id=ctx.ids.uuid(),
        account_id=ctx.account_id,
        service=service.name,
        location=service.location(ctx),
        name=_named(name),
        plan_id=_planned(service, plan_id),
        resource_group_id=group.id,
        parameters=parameters,
        locked=locked,
        created_by=ctx.actor.iam_id,
        updated_at=now,
        updated_by=ctx.actor.iam_id,
        state="active",
        last_operation="create",
        created_at=now,
    )
    insert(session, service.kind, made)
    service.configure(session, made.id, parameters)
    return made


def change(
    session: Session, service: OfferedService, granted: Authorized[ServiceInstance], changes: dict[str, Any]
) -> ServiceInstance:
    """Sets what is given of name, plan_id and parameters."""
    instance = _unlocked(granted.resource)
    if "name" in changes:
        _named(changes["name"])
    if "plan_id" in changes:
        _planned(service, changes["plan_id"])
    if "parameters" in changes:
        service.configure(session, instance.id, changes["parameters"])
    update(session, service.kind, instance.id, last_operation="update", **_signed(session), **changes)
    return find(session, service.kind, instance.id)


def set_locked(
    session: Session, service: OfferedService, granted: Authorized[ServiceInstance], value: bool
) -> ServiceInstance:
    """A locked instance is neither changed nor deleted."""
    refuse_deleted(granted.resource)
    update(session, service.kind, granted.resource.id, locked=value, last_operation="update", **_signed(session))
    return find(session, service.kind, granted.resource.id)


def retire(session: Session, service: OfferedService, granted: Authorized[ServiceInstance]) -> ServiceInstance:
    """The instance waits for its reclamation: what it holds is out of reach, and still there."""
    instance = _unlocked(granted.resource)
    moved = transition(
        session, service.kind, instance.id, "pending_reclamation", last_operation="delete", **_signed(session)
    )
    must(moved, "The instance is deleted already, and waits for its reclamation.", "conflict")
    service.follow(session, instance.id)
    return instance


def restore(session: Session, service: OfferedService, instance_id: str) -> None:
    """A retired instance is as it was."""
    moved = transition(session, service.kind, instance_id, "active", last_operation="restore", **_signed(session))
    must(moved, "The instance cannot be restored.", "conflict")
    service.follow(session, instance_id)


def erase(session: Session, service: OfferedService, instance_id: str, account_id: str) -> None:
    """A retired instance goes, with what the service keeps for it."""
    service.follow(session, instance_id)
    service.erase(session, instance_id, account_id)
    delete(session, service.kind, instance_id, account_id)


def refuse_deleted(instance: ServiceInstance) -> None:
    """409 unless the instance is active."""
    if instance.state != "active":
        raise conflict("conflict", "The instance is deleted, and waits for its reclamation: restore it first.")


def _signed(session: Session) -> dict[str, Any]:
    return {"updated_at": session.ctx.now(), "updated_by": session.ctx.actor.iam_id}


def _unlocked(instance: ServiceInstance) -> ServiceInstance:
    refuse_deleted(instance)
    if instance.locked:
        raise conflict("conflict", "The instance is locked: unlock it first.")
    return instance


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        text = f"A name has 1 to 180 letters, digits, spaces, and any of - . _ :, not {name[:64]!r}."
        raise invalid("bad_request", text, "name")
    return name


def _planned(service: OfferedService, plan_id: str) -> str:
    if plan_id not in service.plans:
        text = f"{plan_id[:64]} is no plan of {service.name}, which has {', '.join(service.plans)}."
        raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", text, Target("resource_plan_id"))
    return plan_id
