"""Roles: those that come with the product, and those an account makes of actions. One public function a use case."""

from __future__ import annotations

import re
from typing import Any

from kunsthalle.authz.permissions import PERMISSIONS, Attribute, Grant
from kunsthalle.authz.roles import PLATFORM_ROLES, ROLES, SERVICE_GROUPS, SERVICE_ROLES, actions_of, specific_to
from kunsthalle.core.closed_tables import UnknownMember
from kunsthalle.core.errors import Problem, Reason, forbidden, invalid
from kunsthalle.db.rows import IntegrityError, delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, find, unscoped
from kunsthalle.iam.models import CustomRole, entity_tag, sent_tag
from kunsthalle.iam.queries import custom_actions
from kunsthalle.iam.resources import CUSTOM_ROLE, POLICY

_NAME = re.compile(r"[A-Z][A-Za-z0-9]{0,29}")
_ACTION = re.compile(r"[a-z0-9\-]{1,64}(\.[A-Za-z0-9\-]{1,64}){2,3}")
_MOST = 100
AUTHORIZING = {
    ("is", "globalcatalog-collection"): PLATFORM_ROLES[:1],
    ("is", "cloud-object-storage"): SERVICE_ROLES[:2],
    ("is", "kms"): SERVICE_ROLES[:1],
    ("server-protect", "kms"): SERVICE_ROLES[:1],
}
"""Between which services an authorization makes sense, and with which roles (terraform.md 2.7)."""


def offered(
    service: str | None, source: str | None, policy_type: str, group: str | None = None
) -> tuple[list[str], list[str]]:
    """Return the system roles and the service roles that can be granted on a service, or on a group of services."""
    known: tuple[str, ...]
    match policy_type:
        case _ if group is not None:
            known = (*PLATFORM_ROLES, *(role for member in SERVICE_GROUPS[group] for role in specific_to(member)))
        case "authorization":
            known = AUTHORIZING.get((source or "", service or ""), (*PLATFORM_ROLES, *SERVICE_ROLES))
        case "access":
            known = (*PLATFORM_ROLES, *SERVICE_ROLES, *(specific_to(service) if service else ()))
        case _:
            raise UnknownMember("type of a policy", policy_type)
    return [role_name for role_name in known if role_name in PLATFORM_ROLES], [
        role_name for role_name in known if role_name not in PLATFORM_ROLES
    ]


def known_actions(session: Session) -> dict[str, list[str]]:
    """The actions that roles name one by one, by CRN; platform roles carry actions by their kind instead."""
    custom = custom_actions(session, session.ctx.account_id)
    return {role: list(actions_of(role)) for role in ROLES} | {role: sorted(some) for role, some in custom.items()}


def _checked(session: Session, service: str, actions: list[str], display_name: str) -> None:
    if not 1 <= len(display_name) <= 50:
        raise invalid("invalid_body", "A display name has 1 to 50 characters.", "display_name")
    if not 1 <= len(actions) <= _MOST or len(set(actions)) != len(actions):
        raise invalid("invalid_body", f"A role has 1 to {_MOST} different actions.", "actions")
    if any(not _ACTION.fullmatch(action) or not action.startswith(f"{service}.") for action in actions):
        raise invalid(
            "invalid_body", "An action has the form <service>.<type>.<verb>, of the role's service.", "actions"
        )
    grant = Grant((), (Attribute("serviceName", service),), frozenset(actions))
    if not session.ctx.grants.covers_grant(grant):
        raise forbidden("You cannot grant more than you hold.")


def create_role(
    session: Session, name: str, service: str, display_name: str, actions: list[str], about: str | None
) -> CustomRole:
    """A new role of the account. 409 for a name that is taken, 403 for actions its maker does not hold."""
    ctx, now = session.ctx, session.ctx.now()
    if not _NAME.fullmatch(name):
        raise invalid("invalid_body", "A name is at most 30 letters and digits and begins with a capital.", "name")
    if not re.fullmatch(r"[a-z0-9\-]{1,64}", service):
        raise invalid("invalid_body", "service_name must name a service.", "service_name")
    _checked(session, service, actions, display_name)
    by = ctx.actor.iam_id
    role = CustomRole(ctx.ids.uuid(), ctx.account_id, name, display_name, about, service, actions, by, now, by, now)
    session.invalidate(PERMISSIONS)
    try:
        return insert(session, CUSTOM_ROLE, role)
    except IntegrityError as error:
        raise Problem(Reason.CONFLICT, "role_conflict_error", "A role of this name exists already.") from error


def role_tag(role: CustomRole) -> str:
    return entity_tag(role.id, role.revision)


def same_version(role: CustomRole, revision: str | None) -> None:
    """400 without `If-Match`, 412 for another version."""
    if not revision:
        raise invalid("missing_required_header", "If-Match is required.", "If-Match", type_="header")
    if sent_tag(revision) != role_tag(role):
        raise Problem(Reason.PRECONDITION, "request_not_processed", "If-Match is not the role's present ETag.")


def replace_role(
    session: Session, granted: Authorized[CustomRole], display_name: str, actions: list[str], about: str | None
) -> CustomRole:
    """The role as given anew; who holds it holds its new actions from the next request on."""
    old = granted.resource
    _checked(session, old.service_name, actions, display_name)
    values: dict[str, Any] = {"display_name": display_name, "actions": actions, "description": about}
    by = {"modified_at": session.ctx.now(), "modified_by": session.ctx.actor.iam_id}
    session.invalidate(PERMISSIONS)
    if not update(session, CUSTOM_ROLE, old.id, CUSTOM_ROLE.table.c.revision == old.revision, **values, **by):
        raise Problem(Reason.PRECONDITION, "request_not_processed", "The role was changed meanwhile.")
    return find(session, CUSTOM_ROLE, old.id)


def delete_role(session: Session, granted: Authorized[CustomRole]) -> None:
    """The role is gone. 409 while a policy grants it."""
    role = granted.resource
    table = POLICY.table
    active = unscoped(session, POLICY, table.c.account_id == role.account_id, table.c.state == "active")
    if any(role.crn in policy.roles for policy in active):
        raise Problem(Reason.CONFLICT, "role_conflict_error", "A policy grants this role.")
    session.invalidate(PERMISSIONS)
    delete(session, CUSTOM_ROLE, role.id, role.account_id)
