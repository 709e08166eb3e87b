"""Policies: of a key (rotation, deletion by two users), and of an instance, which keys that are made later follow.

https://cloud.ibm.com/docs/key-protect?topic=key-protect-set-rotation-policy, …-manage-dual-auth,
…-manage-keyCreateImportAccess and …-manage-allowed-ip say what they do.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from kunsthalle.core import addresses
from kunsthalle.core.clock import DAY
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import put_row, remove_rows, rows_of
from kunsthalle.jobs import queue
from kunsthalle.key_protect.key_refusals import bad_request
from kunsthalle.key_protect.models import Key
from kunsthalle.key_protect.tables import instance_policies, key_deletion_authorizations, key_policies

ROTATION, DUAL_AUTH = "rotation", "dualAuthDelete"
NETWORK, ADDRESSES, METRICS, CREATE_IMPORT = "allowedNetwork", "allowedIP", "metrics", "keyCreateImportAccess"
INSTANCE_POLICIES = (DUAL_AUTH, ROTATION, NETWORK, ADDRESSES, METRICS, CREATE_IMPORT)
ROTATE_JOB = "kms.rotate"
MONTH = 30 * DAY
"""https://cloud.ibm.com/docs/key-protect?topic=key-protect-key-rotation: a month has thirty days."""
AUTHORIZED = 7 * DAY
"""So long the first of two users has authorized the other one to delete a key."""
WAYS = {
    "create_root_key": True,
    "create_standard_key": True,
    "import_root_key": True,
    "import_standard_key": True,
    "enforce_token": False,
}
"""What `keyCreateImportAccess` rules, and what holds where it says nothing."""


class KeyPolicy(Struct, frozen=True):
    """A policy of a key. `interval_months` only of rotations."""

    id: str
    key_id: str
    policy_type: str
    enabled: bool
    interval_months: int | None
    created_by: str
    created_at: int
    updated_by: str
    updated_at: int


class InstancePolicy(Struct, frozen=True):
    """A policy of an instance. `attributes` as answers show them."""

    policy_type: str
    enabled: bool
    attributes: Mapping[str, Any]
    created_by: str
    created_at: int
    updated_by: str
    updated_at: int


class NewKeyPolicy(Struct, frozen=True):
    """What a policy of a key is to be; None where a request says nothing of it."""

    policy_type: str
    enabled: bool | None
    interval_months: int | None = None


# Policies of keys.


def of_key(session: Session, key: Key, policy_type: str | None = None) -> list[KeyPolicy]:
    """The policies of a key, all or those of a type."""
    columns = key_policies.c
    where = [columns.key_id == key.id, *([columns.policy_type == policy_type] if policy_type else [])]
    rows = rows_of(session, key_policies, *where, order=columns.policy_type)
    return [KeyPolicy(**row._asdict()) for row in rows]


def dual_auth_keys(session: Session, ids: list[str]) -> set[str]:
    """Which of the keys two users have to delete."""
    columns = key_policies.c
    where = (columns.key_id.in_(ids), columns.policy_type == DUAL_AUTH, columns.enabled.is_(True))
    return {str(row.key_id) for row in rows_of(session, key_policies, *where)}


def set_on_key(session: Session, key: Key, new_key_policy: NewKeyPolicy) -> KeyPolicy:
    """Makes or changes a policy of a key, and what follows from it."""
    before = of_key(session, key, new_key_policy.policy_type)
    before_enabled, before_months = (before[0].enabled, before[0].interval_months) if before else (None, None)
    if new_key_policy.policy_type == ROTATION:
        enabled, months = _rotation(key, new_key_policy, before_months)
    else:
        enabled, months = _dual_auth(new_key_policy, before_enabled), None
    _store_on_key(session, key, new_key_policy.policy_type, months, enabled=enabled)
    schedule_rotation(session, key)
    return of_key(session, key, new_key_policy.policy_type)[0]


def _rotation(key: Key, new_key_policy: NewKeyPolicy, before: int | None) -> tuple[bool, int]:
    months = before if new_key_policy.interval_months is None else new_key_policy.interval_months
    if key.extractable:
        raise bad_request("KEY_ROOT_REQ_ERR", "Only root keys have a rotation policy; this is a standard key.")
    if key.imported:
        text = "An imported key has no rotation policy: whoever imported it rotates it, with new key material."
        raise bad_request("KEY_IMPORT_STATUS_ERR", text, "rotation")
    if months is None:
        raise bad_request("BAD_BODY_ERR", "A rotation policy needs interval_month: 1 to 12.", "interval_month")
    return new_key_policy.enabled is not False, checked_months(months)


def checked_months(months: int) -> int:
    if not 1 <= months <= 12:
        raise bad_request("BAD_BODY_ERR", f"interval_month is 1 to 12; given was {months}.", "interval_month")
    return months


def _dual_auth(new_key_policy: NewKeyPolicy, before: bool | None) -> bool:
    if new_key_policy.enabled is None:
        raise bad_request("BAD_BODY_ERR", "dualAuthDelete needs enabled: true or false.", "enabled")
    if before and not new_key_policy.enabled:
        text = "Once two users have to delete a key, that cannot be reverted."
        raise Problem(Reason.CONFLICT, "DUAL_AUTH_REVERT_ERR", text)
    return new_key_policy.enabled


def _store_on_key(session: Session, key: Key, policy_type: str, months: int | None, *, enabled: bool) -> None:
    who, now = session.ctx.actor.iam_id, session.ctx.now()
    values = {
        "id": session.ctx.ids.uuid(),
        "key_id": key.id,
        "policy_type": policy_type,
        "enabled": enabled,
        "interval_months": months,
        "created_by": who,
        "created_at": now,
        "updated_by": who,
        "updated_at": now,
    }
    replacing = ("enabled", "interval_months", "updated_by", "updated_at")
    put_row(session, key_policies, ("key_id", "policy_type"), replacing=replacing, **values)


def schedule_rotation(session: Session, key: Key) -> None:
    """Has the clock rotate a key when its policy says so, counted from its last rotation or its creation."""
    queue.cancel(session, ROTATE_JOB, key.id)
    key_policies = of_key(session, key, ROTATION)
    if not key_policies or not key_policies[0].enabled or key.state == "destroyed":
        return
    due = (key.rotated_at or key.created_at) + (key_policies[0].interval_months or 1) * MONTH
    queue.enqueue(session, ROTATE_JOB, key.id, due_at=due)


# Deletion by two users.


def authorize_deletion(session: Session, key: Key) -> None:
    """The first user says that another one may delete the key within seven days."""
    _refuse_unless_dual(session, key)
    if authorization(session, key) is None:
        until = session.ctx.now() + AUTHORIZED
        values = {"key_id": key.id, "authorized_by": session.ctx.actor.iam_id, "expires_at": until}
        changed = ("authorized_by", "expires_at")
        put_row(session, key_deletion_authorizations, ("key_id",), replacing=changed, **values)


def withdraw_authorization(session: Session, key: Key) -> None:
    _refuse_unless_dual(session, key)
    withdraw_all(session, key.id)


def withdraw_all(session: Session, key_id: str) -> None:
    """Nobody has authorized the deletion of a key, as of one that was restored."""
    remove_rows(session, key_deletion_authorizations, key_deletion_authorizations.c.key_id == key_id)


def authorization(session: Session, key: Key) -> tuple[str, int] | None:
    """Who has authorized the deletion of a key, and until when; None where nobody has, or it has run out."""
    return authorizations(session, [key.id]).get(key.id)


def authorizations(session: Session, ids: list[str]) -> dict[str, tuple[str, int]]:
    """As `authorization`, of those of the keys that have one."""
    columns = key_deletion_authorizations.c
    where = (columns.key_id.in_(ids), columns.expires_at > session.ctx.now())
    rows = rows_of(session, key_deletion_authorizations, *where)
    return {str(row.key_id): (str(row.authorized_by), int(row.expires_at)) for row in rows}


def refuse_unless_authorized(session: Session, key: Key) -> None:
    """409 where two users have to delete a key, and no other one has authorized it."""
    if not dual_auth_keys(session, [key.id]):
        return
    value = authorization(session, key)
    if value is None or value[0] == session.ctx.actor.iam_id:
        text = "Number of authorizations required to delete is not met: another user has to set the key for deletion."
        raise Problem(Reason.CONFLICT, "AUTHORIZATIONS_NOT_MET", text)


def _refuse_unless_dual(session: Session, key: Key) -> None:
    if not dual_auth_keys(session, [key.id]):
        text = "The key is not dual auth enabled and cannot be set for deletion."
        raise Problem(Reason.CONFLICT, "NOT_DUAL_AUTH_ERR", text)


# Policies of instances.


def of_instance(session: Session, instance_id: str, policy_type: str | None = None) -> list[InstancePolicy]:
    """The policies of an instance, all or those of a type."""
    columns = instance_policies.c
    where = [columns.instance_id == instance_id, *([columns.policy_type == policy_type] if policy_type else [])]
    entries = []
    for row in rows_of(session, instance_policies, *where, order=columns.policy_type):
        values = {**row._asdict(), "attributes": json.loads(row.attributes)}
        values.pop("instance_id")
        entries.append(InstancePolicy(**values))
    return entries


def set_on_instance(
    session: Session, instance_id: str, policy_type: str, value: dict[str, Any], *, enabled: bool
) -> None:
    """Makes or changes a policy of an instance. 400 for attributes that it does not have, or lacks."""
    attributes = _CHECKS[policy_type](enabled, value)
    who, now = session.ctx.actor.iam_id, session.ctx.now()
    values = {
        "instance_id": instance_id,
        "policy_type": policy_type,
        "enabled": enabled,
        "attributes": json.dumps(attributes),
        "created_by": who,
        "created_at": now,
        "updated_by": who,
        "updated_at": now,
    }
    replacing = ("enabled", "attributes", "updated_by", "updated_at")
    put_row(session, instance_policies, ("instance_id", "policy_type"), replacing=replacing, **values)


def _only(policy_type: str, value: Mapping[str, Any], *names: str) -> None:
    for name in value:
        if name not in names:
            has = f"has {', '.join(names)}" if names else "has none"
            raise bad_request("BAD_BODY_ERR", f"{name} is no attribute of {policy_type}, which {has}.", name)


def _no_attributes(policy_type: str) -> Any:
    def check(_enabled: bool, value: dict[str, Any]) -> dict[str, Any]:
        _only(policy_type, value)
        return {}

    return check


def _rotation_attributes(enabled: bool, value: dict[str, Any]) -> dict[str, Any]:
    _only(ROTATION, value, *(["interval_month"] if enabled else []))
    if enabled and "interval_month" not in value:
        raise bad_request("BAD_BODY_ERR", "A rotation policy needs interval_month: 1 to 12.", "interval_month")
    return {name: checked_months(months) for name, months in value.items()}


def _network_attributes(enabled: bool, value: dict[str, Any]) -> dict[str, Any]:
    """Clients name the network of a disabled policy too."""
    _only(NETWORK, value, "allowed_network")
    if enabled and "allowed_network" not in value:
        text = "allowedNetwork needs allowed_network: public-and-private or private-only."
        raise bad_request("BAD_BODY_ERR", text, "allowed_network")
    return value


def _address_attributes(enabled: bool, value: dict[str, Any]) -> dict[str, Any]:
    _only(ADDRESSES, value, "allowed_ip")
    subnets = value.get("allowed_ip", [])
    if enabled != bool(subnets):
        text = "allowed_ip has at least one subnet where the policy is enabled, and none where it is disabled."
        raise bad_request("BAD_BODY_ERR", text, "allowed_ip")
    for address in subnets:
        try:
            ipaddress.ip_network(address, strict=False)
        except ValueError as error:
            text = f"{address[:60]!r} is no subnet of the form 192.0.2.0/24 or 2001:db8::/32."
            raise bad_request("BAD_BODY_ERR", text, "allowed_ip") from error
    return {"allowed_ip": subnets} if enabled else {}


def _way_attributes(enabled: bool, value: dict[str, Any]) -> dict[str, Any]:
    """The provider of Terraform reads all attributes, of disabled policies too."""
    _only(CREATE_IMPORT, value, *(WAYS if enabled else ()))
    return {**WAYS, **value}


_CHECKS = ClosedTable(
    "instance policy",
    INSTANCE_POLICIES,
    {
        DUAL_AUTH: _no_attributes(DUAL_AUTH),
        ROTATION: _rotation_attributes,
        NETWORK: _network_attributes,
        ADDRESSES: _address_attributes,
        METRICS: _no_attributes(METRICS),
        CREATE_IMPORT: _way_attributes,
    },
)


def _in_force(session: Session, instance_id: str, policy_type: str) -> InstancePolicy | None:
    return next((policy for policy in of_instance(session, instance_id, policy_type) if policy.enabled), None)


def refuse_other_addresses(session: Session, instance_id: str) -> None:
    """403 where the instance is for some subnets, and the caller's address is in none of them.

    What calls within the process has no address, and is none of the callers that the policy is about.
    """
    policy = _in_force(session, instance_id, ADDRESSES)
    if policy is None or not session.ctx.client:
        return
    address = addresses.parse(session.ctx.client)  # where both kinds of addresses are listened to, a mapped one
    subnets = [ipaddress.ip_network(subnet, strict=False) for subnet in policy.attributes["allowed_ip"]]
    if address is None or not addresses.is_in(address, subnets):
        text = "The policy allowedIP of the instance does not allow calls from your address."
        raise Problem(Reason.FORBIDDEN, "CONFIG_RULE_CONFLICT_ERR", text)


def in_force_for_addresses(session: Session, instance_id: str) -> bool:
    return _in_force(session, instance_id, ADDRESSES) is not None


def refuse_way(session: Session, instance_id: str, *, extractable: bool, imported: bool, by_token: bool) -> None:
    """409 where `keyCreateImportAccess` does not allow a key to be made or imported in this way."""
    policy = _in_force(session, instance_id, CREATE_IMPORT)
    if policy is None:
        return
    way = f"{'import' if imported else 'create'}_{'standard' if extractable else 'root'}_key"
    token = imported and not by_token and policy.attributes["enforce_token"]
    if not policy.attributes[way] or token:
        name = "enforce_token" if policy.attributes[way] else way
        text = f"KeyCreateImportAccess instance policy does not allow this action: see {name}."
        raise Problem(Reason.CONFLICT, "KEY_CREATE_IMPORT_ACCESS_ERR", text)


def inherit(session: Session, key: Key, overrides: list[NewKeyPolicy]) -> None:
    """Gives a new key the policies that its instance has for new keys, unless others are asked for."""
    policies = {policy.policy_type: policy for policy in overrides}
    if _in_force(session, key.instance_id, DUAL_AUTH) is not None:
        policies.setdefault(DUAL_AUTH, NewKeyPolicy(DUAL_AUTH, enabled=True))
    rotation = _in_force(session, key.instance_id, ROTATION)
    if rotation is not None and not key.extractable and not key.imported:
        months = rotation.attributes["interval_month"]
        policies.setdefault(ROTATION, NewKeyPolicy(ROTATION, enabled=True, interval_months=months))
    for policy in policies.values():
        set_on_key(session, key, policy)


# What goes with a key and with an instance.


def forget_key(session: Session, key_id: str) -> None:
    queue.cancel(session, ROTATE_JOB, key_id)
    for table in (key_policies, key_deletion_authorizations):
        remove_rows(session, table, table.c.key_id == key_id)


def forget_instance(session: Session, instance_id: str) -> None:
    remove_rows(session, instance_policies, instance_policies.c.instance_id == instance_id)
