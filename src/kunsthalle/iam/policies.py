"""Access and authorization policies: one store, two versions of its shape. One public function a use case."""

from __future__ import annotations

import hashlib
from dataclasses import field, replace
from typing import Any

import msgspec
from sqlalchemy import literal

from kunsthalle.authz.context import Context
from kunsthalle.authz.permissions import PERMISSIONS, RESOURCE_GROUPS
from kunsthalle.authz.roles import ADMINISTRATOR, MANAGER, ROLES
from kunsthalle.core.clock import SECOND
from kunsthalle.core.errors import Problem, Reason, forbidden, invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import IntegrityError, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition, transition_all
from kunsthalle.db.unscoped import number_of, remove_rows
from kunsthalle.db.visibility import Authorized, find, unscoped
from kunsthalle.iam.models import Conditions, Policy, as_grant, attribute, entity_tag, sent_tag
from kunsthalle.iam.policy_limits import refuse_excess_policy
from kunsthalle.iam.queries import active_policies_of, authorizations, custom_actions, policies_of
from kunsthalle.iam.resources import ANY_POLICY, GROUP, POLICY
from kunsthalle.iam.tables import access_group_members, dynamic_members, policies
from kunsthalle.iam.time_conditions import check, holds_now

OPERATORS = ("stringEquals", "stringMatch", "stringExists")
_AUTHORIZED = frozenset(
    {"serviceName", "serviceInstance", "region", "resourceType", "resource", "accountId", "resourceGroupId"}
)
_NARROWED = frozenset({"serviceType", "serviceName", "resourceGroupId", "service_group_id"})
MAX_ATTRIBUTES = 50
_MOST_VALUE = 1_000
MAX_ROLES = 20
MAX_POLICIES = 4_020
"""Active policies of one account: each is looked at when its subject calls. Both bounds are the service's own."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A policy as it is asked for, whichever version of the API it came by."""

    type: str
    subject: Conditions
    roles: list[str]
    resource: Conditions
    tags: Conditions = field(default_factory=list)
    description: str | None = None
    rule: dict[str, Any] | None = None
    pattern: str | None = None


def value_of(conditions: Conditions, key: str) -> str | None:
    """The value that a list of conditions gives for a key."""
    return next((condition["value"] for condition in conditions if condition["key"] == key), None)


def create_policy(
    session: Session,
    type_: str,
    subject: Conditions,
    roles: list[str],
    resource: Conditions,
    description: str | None = None,
) -> Policy:
    """A new policy of the account, as `make_policy` makes it."""
    return make_policy(session, Wanted(type_, subject, roles, resource, description=description))


def make_policy(session: Session, prototype: Wanted) -> Policy:
    """A new policy of the account. 409 when the same is there, 403 when it grants more than its maker holds."""
    ctx, now = session.ctx, session.ctx.now()
    subject_id = _checked(session, prototype)
    _room_for_one(session, prototype.type, subject_id)
    policy = Policy(
        id=ctx.ids.uuid(),
        account_id=ctx.account_id,
        type=prototype.type,
        subject_id=subject_id,
        subject=prototype.subject,
        roles=prototype.roles,
        resource=prototype.resource,
        tags=prototype.tags,
        rule=prototype.rule,
        pattern=prototype.pattern,
        description=prototype.description,
        state="active",
        fingerprint=_fingerprint(prototype),
        created_by=ctx.actor.iam_id,
        modified_at=now,
        modified_by=ctx.actor.iam_id,
        created_at=now,
    )
    session.invalidate(PERMISSIONS)
    try:
        return insert(session, POLICY, policy)
    except IntegrityError as error:
        raise _conflict() from error


def _room_for_one(session: Session, type_: str, subject_id: str) -> None:
    table = POLICY.table
    if (
        number_of(session, table, table.c.account_id == session.ctx.account_id, table.c.state == "active")
        >= MAX_POLICIES
    ):
        text = f"The account has {MAX_POLICIES} policies, which is the limit. Delete one, or use access groups."
        raise Problem(Reason.CONFLICT, "policy_conflict_error", text)
    if type_ == "access":
        refuse_excess_policy(session, session.ctx.account_id, subject_id)


def _conflict() -> Problem:
    return Problem(Reason.CONFLICT, "policy_conflict_error", "The same policy exists already.")


def _fingerprint(prototype: Wanted) -> str:
    """The same for policies that say the same, in whatever order they say it."""

    def sorted_(conditions: Conditions) -> list[dict[str, str]]:
        return sorted(conditions, key=lambda condition: (condition["key"], condition["operator"], condition["value"]))

    content: list[Any] = [
        prototype.type,
        sorted_(prototype.subject),
        sorted(set(prototype.roles)),
        sorted_(prototype.resource),
    ]
    if prototype.tags or prototype.rule:
        content += [sorted_(prototype.tags), prototype.rule]
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


def _checked(session: Session, prototype: Wanted) -> str:
    """Who the policy is about. 400 for what makes no policy, 403 for more than the caller holds."""
    ctx = session.ctx
    custom = custom_actions(session, ctx.account_id)
    unknown = [role for role in prototype.roles if role not in ROLES and role not in custom]
    if unknown or not prototype.roles:
        raise invalid("invalid_body", f"Unknown role: {', '.join(unknown)[:200] or '(none given)'}.", "roles")
    if len(prototype.roles) > MAX_ROLES:
        text = f"A policy has at most {MAX_ROLES} roles; {len(prototype.roles)} are given."
        raise invalid("invalid_body", text, "roles")
    for name, conditions in (
        ("subject", prototype.subject),
        ("resource", prototype.resource),
        ("tags", prototype.tags),
    ):
        _conditions(name, conditions)
    check(prototype.rule, prototype.pattern)
    if prototype.type == "authorization":
        return _authorizing(ctx, prototype)
    if value_of(prototype.resource, "accountId") not in {None, ctx.account_id}:
        raise invalid("invalid_body", "A policy covers resources of its own account only.", "resources")
    if not any(entry["key"] in _NARROWED or attribute(entry) == RESOURCE_GROUPS for entry in prototype.resource):
        text = "A policy names serviceType, serviceName, resourceGroupId, service_group_id or resource groups."
        raise invalid("invalid_body", text, "resources")
    subject_id = _subject(session, prototype.subject)
    if not ctx.grants.covers_grant(as_grant(prototype.roles, prototype.resource, prototype.tags, custom)):
        raise forbidden("You cannot grant more than you hold.")
    return subject_id


def _conditions(name: str, conditions: Conditions) -> None:
    if len(conditions) > MAX_ATTRIBUTES:
        raise invalid("invalid_body", f"At most {MAX_ATTRIBUTES} attributes are allowed.", name)
    if len({condition["key"] for condition in conditions}) != len(conditions):
        raise invalid("invalid_body", "An attribute may be named once.", name)
    for condition in conditions:
        if condition["operator"] not in OPERATORS:
            raise invalid("invalid_body", f"operator must be one of {', '.join(OPERATORS)}.", f"{name}.operator")
        if not 1 <= len(condition["value"]) <= _MOST_VALUE:
            raise invalid(
                "invalid_body", f"A value has 1 to {_MOST_VALUE} characters.", f"{name}.{condition['key'][:64]}"
            )
        if condition["operator"] == "stringExists" and condition["value"] != "true":
            raise invalid("invalid_body", "stringExists takes true only.", f"{name}.{condition['key'][:64]}")


def _subject(session: Session, subject: Conditions) -> str:
    """The identity or the group that an access policy is about."""
    named = [entry["value"] for entry in subject if entry["key"] in {"iam_id", "access_group_id"}]
    if len(named) != 1 or len(subject) != 1 or subject[0]["operator"] != "stringEquals" or len(named[0]) > 128:
        raise invalid("invalid_body", "The subject is one iam_id or one access_group_id.", "subjects")
    if subject[0]["key"] == "access_group_id":
        conditions = (GROUP.table.c.id == named[0], GROUP.table.c.account_id == session.ctx.account_id)
        if not unscoped(session, GROUP, *conditions):
            raise invalid("invalid_body", "The access group does not exist.", "subjects")
    return named[0]


def _authorizing(ctx: Context, prototype: Wanted) -> str:
    """The service that an authorization lets in (catalog-iam-enterprise.md 3.3 and 3.5)."""
    source, target = value_of(prototype.subject, "serviceName"), value_of(prototype.resource, "serviceName")
    strange = [entry["key"] for entry in prototype.subject if entry["key"] not in _AUTHORIZED]
    if not source or len(source) > 128 or strange:
        raise invalid("invalid_body", "The subject of an authorization names a service by serviceName.", "subject")
    if not target:
        raise invalid("invalid_body", "The resource of an authorization names a service by serviceName.", "resource")
    if value_of(prototype.resource, "accountId") not in {None, ctx.account_id}:
        raise invalid("invalid_body", "An authorization is made in the account of what it opens.", "resource")
    if not ctx.grants.covers_grant(as_grant(prototype.roles, prototype.resource, prototype.tags, {})):
        raise forbidden("You cannot grant more than you hold.")
    return source


def tag_of(policy: Policy) -> str:
    """The version of a policy as `ETag` says it. Deleting is no new version: what is restored is what was deleted."""
    return entity_tag(policy.id, policy.revision - (policy.state == "deleted"))


def same_version(policy: Policy, tag: str | None) -> None:
    """400 without `If-Match`, 412 for another version. `*` is not accepted (3.3, U)."""
    if not tag:
        raise invalid("missing_required_header", "If-Match is required.", "If-Match", type_="header")
    if sent_tag(tag) != tag_of(policy):
        raise Problem(Reason.PRECONDITION, "request_not_processed", "If-Match is not the policy's present ETag.")


def replace_policy(session: Session, granted: Authorized[Policy], prototype: Wanted) -> Policy:
    """The policy as given anew. Its maker must hold what it grants, as for a new one."""
    old = granted.resource
    if prototype.type != old.type:
        raise invalid("invalid_body", "The type of a policy cannot be changed.", "type")
    subject_id = _checked(session, prototype)
    if old.type == "access" and subject_id != old.subject_id:
        refuse_excess_policy(session, old.account_id, subject_id)
    values = {
        "subject_id": subject_id,
        "subject": prototype.subject,
        "roles": prototype.roles,
        "resource": prototype.resource,
        "tags": prototype.tags,
        "rule": prototype.rule,
        "pattern": prototype.pattern,
        "description": prototype.description,
        "fingerprint": _fingerprint(prototype),
    }
    session.invalidate(PERMISSIONS)
    try:
        done = update(session, POLICY, old.id, POLICY.table.c.revision == old.revision, **_by(session), **values)
    except IntegrityError as error:
        raise _conflict() from error
    if not done:
        raise Problem(Reason.PRECONDITION, "request_not_processed", "The policy was changed meanwhile.")
    return find(session, POLICY, old.id)


def _by(session: Session) -> dict[str, Any]:
    return {"modified_at": session.ctx.now(), "modified_by": session.ctx.actor.iam_id}


def delete_policy(session: Session, granted: Authorized[Policy]) -> None:
    """The policy grants nothing from the next request on. It is kept, for whoever would restore it."""
    _delete(session, granted.resource)


def _delete(session: Session, policy: Policy) -> None:
    session.invalidate(PERMISSIONS)
    transition(session, ANY_POLICY, policy.id, "deleted", fingerprint=f"deleted {policy.id}", **_by(session))


def restore_policy(session: Session, granted: Authorized[Policy]) -> Policy:
    """A deleted policy is active again, if its restorer may make it."""
    policy = granted.resource
    if policy.state == "active":
        return policy
    prototype = _said_by(policy)
    _room_for_one(session, prototype.type, _checked(session, prototype))
    session.invalidate(PERMISSIONS)
    try:
        transition(session, ANY_POLICY, policy.id, "active", fingerprint=_fingerprint(prototype), **_by(session))
    except IntegrityError as error:
        raise _conflict() from error
    return find(session, POLICY, policy.id)


def _said_by(policy: Policy) -> Wanted:
    return Wanted(
        policy.type,
        policy.subject,
        policy.roles,
        policy.resource,
        policy.tags,
        policy.description,
        policy.rule,
        policy.pattern,
    )


def move_subject(session: Session, account_id: str, subject: str, to: str) -> None:
    """What was given to one identity is given to another in its place; what that one has already is not doubled."""
    session.invalidate(PERMISSIONS)
    known = {policy.fingerprint for policy in active_policies_of(session, account_id, to)}
    whom = [{"key": "iam_id", "operator": "stringEquals", "value": to}]
    for policy in policies_of(session, account_id, subject):
        alive = policy.state == "active"
        fingerprint = _fingerprint(replace(_said_by(policy), subject=whom)) if alive else policy.fingerprint
        if fingerprint in known:
            _delete(session, policy)
        else:
            update(session, ANY_POLICY, policy.id, subject_id=to, subject=whom, fingerprint=fingerprint)


def drop_subject(session: Session, account_id: str, subject: str) -> None:
    """What an identity or a group held, and where it was a member, when it goes: nobody inherits it."""
    session.invalidate(PERMISSIONS)
    conditions = (policies.c.account_id == account_id, policies.c.subject_id == subject)
    deleted = {"fingerprint": literal("deleted ") + policies.c.id, **_by(session)}
    transition_all(session, ANY_POLICY, "deleted", *conditions, **deleted)  # those that are deleted stay so
    for members in (access_group_members, dynamic_members):
        remove_rows(session, members, members.c.account_id == account_id, members.c.iam_id == subject)


def make_owner(session: Session, account_id: str, iam_id: str) -> None:
    """What the owner of an account holds: everything in it, and nothing anywhere else."""
    for service_type in ("service", "platform_service"):
        resource = [
            {"key": "accountId", "operator": "stringEquals", "value": account_id},
            {"key": "serviceType", "operator": "stringEquals", "value": service_type},
        ]
        subject = [{"key": "iam_id", "operator": "stringEquals", "value": iam_id}]
        create_policy(session, "access", subject, [ADMINISTRATOR, MANAGER], resource)


_ALIKE = ("serviceInstance", "resource", "catalogId")
"""Names under which a policy may mean a catalog (3.5, U): accepted alike."""


def is_authorized(
    session: Session,
    source: str,
    target: dict[str, str],
    action: str,
    *,
    owner: str | None = None,
    kind: str | None = None,
    by_owner: bool = False,
) -> bool:
    """Whether a service may do an action on a target service's resource for the caller's account (R9).

    `target` has the attributes of the resource: `serviceName`, and `serviceInstance` for one instance. `owner` is the
    account of the target when it is another's: a policy there counts if its subject names the caller's account.
    `kind` is the kind of resource the source acts for (`instance-group`). `by_owner`: only policies of the target's
    own account count, because what the target holds is that account's to share.
    """
    here = session.ctx.account_id
    asking = {"serviceName": source, "accountId": here, "resourceType": kind}
    for account_id in dict.fromkeys((owner or here,) if by_owner else (here, owner or here)):
        known = {**target, "accountId": account_id}
        for policy in authorizations(session, account_id, source):
            foreign = account_id != here and value_of(policy.subject, "accountId") != here
            if not foreign and _lets_in(session, policy, asking, known, action):
                return True
    return False


def _lets_in(
    session: Session, policy: Policy, asking: dict[str, str | None], target: dict[str, str], action: str
) -> bool:
    instance = target.get("serviceInstance")
    known = {**dict.fromkeys(_ALIKE, instance), **target}
    return (
        not policy.tags  # what is let in has no access tags to be known by
        and holds_now(policy.rule, session.ctx.now() // SECOND)
        and all(attribute(entry).matches(asking.get(entry["key"])) for entry in policy.subject)
        and all(attribute(entry).matches(known.get(entry["key"])) for entry in policy.resource)
        and policy.grant(custom_actions(session, policy.account_id)).permits(action)
    )
