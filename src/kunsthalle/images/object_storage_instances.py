"""Instances of object storage, which buckets of the account may belong to, and who lets images in and out there.

A bucket that belongs to no instance is open to all imports and exports of its account. One that does is reached by the
VPC services only under an authorization from `is` to `cloud-object-storage`: Reader to import, Writer to export
(catalog-iam-enterprise.md 3.3; which buckets an instance has is said by its parameter `buckets`, U).
"""

from __future__ import annotations

import re
from typing import Any

from kunsthalle.accounts.models import ResourceGroup
from kunsthalle.core.errors import Problem, Reason, Target, conflict, invalid
from kunsthalle.db.rows import IntegrityError, delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.unscoped import add_row, any_row, remove_rows, rows_of
from kunsthalle.db.visibility import Authorized, find, may_create
from kunsthalle.iam.authentication import is_authorized
from kunsthalle.images.import_sources import ANY_CAUSE, not_authorized
from kunsthalle.images.models import ServiceInstance
from kunsthalle.images.resources import SERVICE_INSTANCE
from kunsthalle.images.tables import instance_buckets

SERVICE = "cloud-object-storage"
SERVICE_ID = "dff97f5c-bc5e-4455-b470-411c3edbe49c"
PLANS = {
    "744bfc56-d12c-4866-88d5-dac9139e0e5d": "standard",
    "2fdf0c08-2d32-4f46-84b5-32e0c92fffd8": "lite",
    "1e4e33e4-cfa6-4f12-9016-be594a6d5f87": "cos-one-rate-plan",
}
"""The plans of object storage by the ids that public clients send."""
CREATE, UPDATE, DELETE = (f"{SERVICE}.instance.{verb}" for verb in ("create", "update", "delete"))
READING, WRITING = f"{SERVICE}.object.get", f"{SERVICE}.object.put"
_SOURCE = "is"
_NAME = re.compile(r"[\w .:-]{1,180}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MOST_BUCKETS = 100


def create(
    session: Session, name: str, group: ResourceGroup, plan_id: str, parameters: dict[str, Any], *, locked: bool
) -> ServiceInstance:
    """A new instance, and the buckets that belong to it from now on. 409 for a bucket of another one."""
    ctx, now = session.ctx, session.ctx.now()
    may_create(ctx, CREATE, {"resourceGroupId": group.id})
    made = ServiceInstance(
        id=ctx.ids.uuid(),
        account_id=ctx.account_id,
        name=_named(name),
        plan_id=_planned(plan_id),
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
    insert(session, SERVICE_INSTANCE, made)
    _give(session, made.id, _buckets(parameters))
    return made


def change(session: Session, granted: Authorized[ServiceInstance], given: dict[str, Any]) -> ServiceInstance:
    """Sets what is given of name, plan_id and parameters; `buckets` among these are all that it has afterwards."""
    it = _unlocked(granted.resource)
    if "name" in given:
        _named(given["name"])
    if "plan_id" in given:
        _planned(given["plan_id"])
    if "parameters" in given:
        remove_rows(session, instance_buckets, instance_buckets.c.instance_id == it.id)
        _give(session, it.id, _buckets(given["parameters"]))
    update(session, SERVICE_INSTANCE, it.id, last_operation="update", **_signed(session), **given)
    return find(session, SERVICE_INSTANCE, it.id)


def set_locked(session: Session, granted: Authorized[ServiceInstance], value: bool) -> ServiceInstance:
    """A locked instance is neither changed nor deleted."""
    _active(granted.resource)
    update(session, SERVICE_INSTANCE, granted.resource.id, locked=value, last_operation="update", **_signed(session))
    return find(session, SERVICE_INSTANCE, granted.resource.id)


def retire(session: Session, granted: Authorized[ServiceInstance]) -> ServiceInstance:
    """The instance waits for its reclamation: its buckets are closed, and still belong to it."""
    it = _unlocked(granted.resource)
    moved = transition(
        session, SERVICE_INSTANCE, it.id, "pending_reclamation", last_operation="delete", **_signed(session)
    )
    must(moved, "The instance is deleted already, and waits for its reclamation.", "conflict")
    return it


def restore(session: Session, instance_id: str) -> None:
    """A retired instance is as it was."""
    moved = transition(session, SERVICE_INSTANCE, instance_id, "active", last_operation="restore", **_signed(session))
    must(moved, "The instance cannot be restored.", "conflict")


def erase(session: Session, instance_id: str, account_id: str) -> None:
    """A retired instance goes; its buckets stay where they are, and belong to none."""
    remove_rows(session, instance_buckets, instance_buckets.c.instance_id == instance_id)
    delete(session, SERVICE_INSTANCE, instance_id, account_id)


def _signed(session: Session) -> dict[str, Any]:
    return {"updated_at": session.ctx.now(), "updated_by": session.ctx.actor.iam_id}


def _active(it: ServiceInstance) -> None:
    if it.state != "active":
        raise conflict("conflict", "The instance is deleted, and waits for its reclamation: restore it first.")


def _unlocked(it: ServiceInstance) -> ServiceInstance:
    _active(it)
    if it.locked:
        raise conflict("conflict", "The instance is locked: unlock it first.")
    return it


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise invalid("bad_request", "A name has 1 to 180 letters, digits, spaces, and any of - . _ :", "name")
    return name


def _planned(plan_id: str) -> str:
    if plan_id not in PLANS:
        text = f"Only instances of {SERVICE} are offered here; its plans are {', '.join(PLANS)}."
        raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", text, Target("resource_plan_id"))
    return plan_id


def _buckets(parameters: dict[str, Any]) -> list[str]:
    given = parameters.get("buckets", [])
    if not isinstance(given, list) or len(given) > _MOST_BUCKETS:
        raise invalid("bad_request", f"buckets is a list of at most {_MOST_BUCKETS} names.", "parameters.buckets")
    for name in given:
        if not isinstance(name, str) or not _BUCKET.fullmatch(name):
            text = "A bucket name has 3 to 63 lower-case letters, digits, dots and hyphens."
            raise invalid("bad_request", text, "parameters.buckets")
    return list(dict.fromkeys(given))


def _give(session: Session, instance_id: str, buckets: list[str]) -> None:
    try:
        for name in buckets:
            add_row(session, instance_buckets, account_id=session.ctx.account_id, bucket=name, instance_id=instance_id)
    except IntegrityError as error:
        raise conflict("conflict", f"The bucket {name} belongs to another instance.", "parameters.buckets") from error


def is_open(session: Session, bucket: str, action: str = READING) -> bool:
    """Whether images of the context's account may be read from (or, `WRITING`, written to) a bucket of its own now."""
    columns, instances = instance_buckets.c, SERVICE_INSTANCE.table.c
    for row in rows_of(
        session, instance_buckets, columns.account_id == session.ctx.account_id, columns.bucket == bucket
    ):
        if not any_row(session, SERVICE_INSTANCE.table, instances.id == row.instance_id, instances.state == "active"):
            return False
        target = {
            "serviceName": SERVICE,
            "serviceInstance": row.instance_id,
            "resourceType": "bucket",
            "resource": bucket,
        }
        return is_authorized(session, _SOURCE, target, action, kind="image")
    return True


def refuse_closed(session: Session, bucket: str, field: str, action: str = READING) -> None:
    """403 `cos_not_authorized` unless the bucket is open to the VPC services."""
    if not is_open(session, bucket, action):
        raise not_authorized(field, cause_of(session, bucket))


def cause_of(session: Session, bucket: str) -> str:
    """Why a bucket is refused, for who may read every instance of object storage of the account; any cause for others.

    Buckets of other accounts are never asked: to this account they are absent.
    """
    if not bucket or not session.ctx.grants.scope(SERVICE_INSTANCE.read).everything:
        return ANY_CAUSE
    columns = instance_buckets.c
    where = (columns.account_id == session.ctx.account_id, columns.bucket == bucket)
    for row in rows_of(session, instance_buckets, *where):
        return (
            f"The bucket '{bucket}' belongs to the instance {row.instance_id} of cloud-object-storage, which is deleted"
            " or to which the service is has no authorization: as Reader to import, as Writer to export."
        )
    return f"This account has no bucket '{bucket}'."
