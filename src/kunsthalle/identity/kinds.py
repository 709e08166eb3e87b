"""How API keys and policies are looked up."""

from __future__ import annotations

from sqlalchemy import and_

from kunsthalle.identity.model import ApiKey, Policy
from kunsthalle.store.schema.identity import api_keys, policies
from kunsthalle.store.scope import Kind

# An identity always sees its own keys; the keys of others in the account are a matter of policy.
API_KEY = Kind(
    "apikey",
    api_keys,
    ApiKey,
    "iam-identity.apikey.manage",
    others=lambda unit: and_(api_keys.c.account_id == unit.ctx.account_id, api_keys.c.iam_id == unit.ctx.actor.iam_id),
)
POLICY = Kind("policy", policies, Policy, "iam-access-management.policy.read")
