"""The identity room's side of founding, joining and leaving an account, for the accounts room on its left."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.model import Account
from kunsthalle.accounts.ports import ServiceKey
from kunsthalle.core.errors import invalid
from kunsthalle.identity.kinds import API_KEY, POLICY
from kunsthalle.identity.queries import GRANTS, grants_of
from kunsthalle.identity.service import create_policy, make_owner
from kunsthalle.store.rows import delete
from kunsthalle.store.scope import unguarded
from kunsthalle.store.unit import Unit

_ADMINISTRATION = "iam-access-management.policy.create"


class IamIdentities:
    """`accounts.ports.Identities` on the identity room's policies and keys."""

    def own(self, unit: Unit, account: Account) -> None:
        make_owner(unit.acting(unit.ctx.as_system(account.id)), account.id, account.owner_iam_id)

    def serve(self, unit: Unit, account: Account) -> ServiceKey | None:  # noqa: ARG002  the port's shape
        return None

    def administers(self, unit: Unit, account_id: str, iam_id: str) -> bool:
        return grants_of(unit, account_id, iam_id).reach(_ADMINISTRATION).everything

    def admit(self, unit: Unit, iam_id: str, policies: list[dict[str, Any]], groups: list[str]) -> None:
        if groups:
            raise invalid("bad_request", "The access group does not exist.", "access_groups")
        subject = [{"key": "iam_id", "operator": "stringEquals", "value": iam_id}]
        for one in policies:
            roles = [role["role_id"] for role in one["roles"]]
            for resource in one["resources"]:
                conditions = [
                    {"key": given["name"], "operator": given["operator"], "value": given["value"]}
                    for given in resource["attributes"]
                ]
                create_policy(unit, "access", subject, roles, conditions)

    def leave(self, unit: Unit, account_id: str, iam_id: str) -> None:
        policies, keys = POLICY.table.c, API_KEY.table.c
        for policy in unguarded(unit, POLICY, policies.account_id == account_id, policies.subject_id == iam_id):
            delete(unit, POLICY, policy.id, account_id)
        for key in unguarded(unit, API_KEY, keys.account_id == account_id, keys.iam_id == iam_id):
            delete(unit, API_KEY, key.id, account_id)
        self.suspend(unit, account_id, iam_id)

    def suspend(self, unit: Unit, account_id: str, iam_id: str) -> None:  # noqa: ARG002  the port's shape
        unit.changed(GRANTS)

    def cancel(self, unit: Unit, account_id: str) -> None:
        for policy in unguarded(unit, POLICY, POLICY.table.c.account_id == account_id):
            delete(unit, POLICY, policy.id, account_id)
        for key in unguarded(unit, API_KEY, API_KEY.table.c.account_id == account_id):
            delete(unit, API_KEY, key.id, account_id)
        unit.changed(GRANTS)
