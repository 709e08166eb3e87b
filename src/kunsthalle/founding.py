"""The identity room's side of founding, joining and leaving an account, for the accounts room on its left."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.model import Account
from kunsthalle.accounts.ports import ServiceKey
from kunsthalle.core.access import GRANTS, STANDING, Attribute, Grant
from kunsthalle.core.errors import forbidden
from kunsthalle.core.roles import ADMINISTRATOR
from kunsthalle.identity.groups import MEMBER_CREATE, add_member, move_memberships
from kunsthalle.identity.keys import delete_keys_of
from kunsthalle.identity.kinds import ANY_POLICY, API_KEY, GROUP
from kunsthalle.identity.policies import Wanted, drop_subject, make_owner, make_policy, move_subject
from kunsthalle.identity.queries import grants_of
from kunsthalle.identity.service_ids import create_owner
from kunsthalle.store.rows import delete
from kunsthalle.store.scope import find, may, unguarded
from kunsthalle.store.unit import Unit

_ADMINISTRATION = Grant((ADMINISTRATOR,), (Attribute("serviceType", "platform_service"),))
"""What makes an Administrator of an account: the role on everything that accounts are managed by."""


class IamIdentities:
    """`accounts.ports.Identities` on the identity room's policies and keys."""

    def own(self, unit: Unit, account: Account) -> None:
        make_owner(unit.acting(unit.ctx.as_system(account.id)), account.id, account.owner_iam_id)

    def serve(self, unit: Unit, account: Account) -> ServiceKey | None:
        made, key, secret = create_owner(unit, account.id, f"{account.name}-owner")
        return ServiceKey(made.id, key.id, secret)

    def administers(self, unit: Unit, account_id: str, iam_id: str) -> bool:
        return grants_of(unit, account_id, iam_id).holds(_ADMINISTRATION)

    def admit(self, unit: Unit, iam_id: str, policies: list[dict[str, Any]], groups: list[str]) -> None:
        for group_id in groups:
            group = find(unit, GROUP, group_id, "access_groups", "field")
            if not may(unit, GROUP, group, MEMBER_CREATE):
                raise forbidden()
            add_member(unit, group, iam_id, "user")
        subject = [{"key": "iam_id", "operator": "stringEquals", "value": iam_id}]
        for one in policies:
            roles = [role["role_id"] for role in one["roles"]]
            for resource in one["resources"]:
                conditions = [
                    {"key": given["name"], "operator": given["operator"], "value": given["value"]}
                    for given in resource["attributes"]
                ]
                make_policy(unit, Wanted("access", subject, roles, conditions))

    def arrive(self, unit: Unit, account_id: str, invitation: str, iam_id: str) -> None:
        if invitation != iam_id:
            move_subject(unit, account_id, invitation, iam_id)
            move_memberships(unit, account_id, invitation, iam_id)
        self.reconsider(unit, account_id, iam_id)

    def leave(self, unit: Unit, account_id: str, iam_id: str) -> None:
        drop_subject(unit, account_id, iam_id)
        delete_keys_of(unit, account_id, iam_id)

    def reconsider(self, unit: Unit, account_id: str, iam_id: str) -> None:  # noqa: ARG002  the port's shape
        unit.changed(GRANTS)
        unit.changed(STANDING)

    def cancel(self, unit: Unit, account_id: str) -> None:
        for policy in unguarded(unit, ANY_POLICY, ANY_POLICY.table.c.account_id == account_id):
            delete(unit, ANY_POLICY, policy.id, account_id)
        for key in unguarded(unit, API_KEY, API_KEY.table.c.account_id == account_id):
            delete(unit, API_KEY, key.id, account_id)
        unit.changed(GRANTS)
        unit.changed(STANDING)
