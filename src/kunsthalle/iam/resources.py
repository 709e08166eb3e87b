"""How keys, identities, policies, roles and groups are looked up."""

from __future__ import annotations

from sqlalchemy import and_

from kunsthalle.core.state_tables import StateTable
from kunsthalle.db.visibility import ResourceType
from kunsthalle.iam import tables
from kunsthalle.iam.models import (
    AccessGroup,
    AccessGroupRule,
    ApiKey,
    CustomRole,
    Policy,
    Profile,
    ProfileLink,
    ProfileRule,
    ServiceId,
)

# An identity always sees its own keys; the keys of others in the account are a matter of policy.
API_KEY = ResourceType(
    "apikey",
    tables.api_keys,
    ApiKey,
    "iam-identity.apikey.manage",
    others=lambda session: and_(
        tables.api_keys.c.account_id == session.ctx.account_id, tables.api_keys.c.iam_id == session.ctx.actor.iam_id
    ),
)
SERVICE_ID = ResourceType(
    "serviceid",
    tables.service_ids,
    ServiceId,
    "iam-identity.serviceid.read",
    attributes={"resource": tables.service_ids.c.id},
)
PROFILE = ResourceType(
    "profile",
    tables.profiles,
    Profile,
    "iam-identity.profile.read",
    attributes={"resource": tables.profiles.c.id},
)
PROFILE_RULE = ResourceType(
    "profile-rule",
    tables.profile_rules,
    ProfileRule,
    PROFILE.read,
    attributes={"resource": tables.profile_rules.c.profile_id},
)
PROFILE_LINK = ResourceType(
    "profile-link",
    tables.profile_links,
    ProfileLink,
    PROFILE.read,
    attributes={"resource": tables.profile_links.c.profile_id},
)

POLICY_STATES = StateTable("policy", ("active",), {"active": ("deleted",), "deleted": ("active",)})
_POLICY_READ = "iam-access-management.policy.read"
POLICY = ResourceType(
    "policy",
    tables.policies,
    Policy,
    _POLICY_READ,
    states=POLICY_STATES,
    state_column=tables.policies.c.state,
    live=tables.policies.c.state == "active",
)
# Deleted ones are kept, so that they can be restored; only who asks for them by their state sees them.
ANY_POLICY = ResourceType(
    "policy", tables.policies, Policy, _POLICY_READ, states=POLICY_STATES, state_column=tables.policies.c.state
)
CUSTOM_ROLE = ResourceType("custom-role", tables.custom_roles, CustomRole, "iam-access-management.customRole.read")
GROUP = ResourceType(
    "access-group",
    tables.access_groups,
    AccessGroup,
    "iam-groups.group.read",
    attributes={"resource": tables.access_groups.c.id},
)
GROUP_RULE = ResourceType(
    "access-group-rule",
    tables.access_group_rules,
    AccessGroupRule,
    GROUP.read,
    attributes={"resource": tables.access_group_rules.c.group_id},
)
