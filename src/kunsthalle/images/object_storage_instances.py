"""Instances of object storage, which buckets of the account may belong to, and who lets images in and out there.

A bucket that belongs to no instance is open to all imports and exports of its account. One that does is reached by the
VPC services only under an authorization from `is` to `cloud-object-storage`: Reader to import, Writer to export
(catalog-iam-enterprise.md 3.3; which buckets an instance has is said by its parameter `buckets`, U).
"""

from __future__ import annotations

import re
from typing import Any

from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import IntegrityError
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import add_row, any_row, remove_rows, rows_of
from kunsthalle.iam.authentication import is_authorized
from kunsthalle.images.import_sources import ANY_CAUSE, not_authorized
from kunsthalle.images.tables import instance_buckets
from kunsthalle.service_instances.resources import OBJECT_STORAGE, STORAGE_INSTANCE
from kunsthalle.service_instances.service import OfferedService

SERVICE = OBJECT_STORAGE
SERVICE_ID = "dff97f5c-bc5e-4455-b470-411c3edbe49c"
PLANS = {
    "744bfc56-d12c-4866-88d5-dac9139e0e5d": "standard",
    "2fdf0c08-2d32-4f46-84b5-32e0c92fffd8": "lite",
    "1e4e33e4-cfa6-4f12-9016-be594a6d5f87": "cos-one-rate-plan",
}
"""The plans of object storage by the ids that public clients send."""
READING, WRITING = f"{SERVICE}.object.get", f"{SERVICE}.object.put"
_SOURCE = "is"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_MOST_BUCKETS = 100


def _buckets(parameters: dict[str, Any]) -> list[str]:
    buckets = parameters.get("buckets", [])
    if not isinstance(buckets, list) or len(buckets) > _MOST_BUCKETS:
        raise invalid("bad_request", f"buckets is a list of at most {_MOST_BUCKETS} names.", "parameters.buckets")
    for name in buckets:
        if not isinstance(name, str) or not _BUCKET.fullmatch(name):
            text = "A bucket name has 3 to 63 lower-case letters, digits, dots and hyphens."
            raise invalid("bad_request", text, "parameters.buckets")
    return list(dict.fromkeys(buckets))


def _configure(session: Session, instance_id: str, parameters: dict[str, Any]) -> None:
    """`buckets` are all that belong to the instance from now on. 409 for a bucket of another one."""
    _erase(session, instance_id, session.ctx.account_id)
    try:
        for name in _buckets(parameters):
            add_row(session, instance_buckets, account_id=session.ctx.account_id, bucket=name, instance_id=instance_id)
    except IntegrityError as error:
        raise conflict("conflict", f"The bucket {name} belongs to another instance.", "parameters.buckets") from error


def _erase(session: Session, instance_id: str, _account_id: str) -> None:
    """The buckets stay where they are, and belong to none."""
    remove_rows(session, instance_buckets, instance_buckets.c.instance_id == instance_id)


OBJECT_STORAGE_SERVICE = OfferedService(SERVICE, SERVICE_ID, PLANS, STORAGE_INSTANCE, _configure, _erase)


def is_open(session: Session, bucket: str, action: str = READING) -> bool:
    """Whether images of the context's account may be read from (or, `WRITING`, written to) a bucket of its own now."""
    columns, instances = instance_buckets.c, STORAGE_INSTANCE.table.c
    for row in rows_of(
        session, instance_buckets, columns.account_id == session.ctx.account_id, columns.bucket == bucket
    ):
        if not any_row(session, STORAGE_INSTANCE.table, instances.id == row.instance_id, instances.state == "active"):
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
    if not bucket or not session.ctx.grants.scope(STORAGE_INSTANCE.read).everything:
        return ANY_CAUSE
    columns = instance_buckets.c
    where = (columns.account_id == session.ctx.account_id, columns.bucket == bucket)
    for row in rows_of(session, instance_buckets, *where):
        return (
            f"The bucket '{bucket}' belongs to the instance {row.instance_id} of cloud-object-storage, which is deleted"
            " or to which the service is has no authorization: as Reader to import, as Writer to export."
        )
    return f"This account has no bucket '{bucket}'."
