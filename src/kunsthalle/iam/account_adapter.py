"""The iam package's side of founding, joining and leaving an account, for the accounts package, a lower layer."""

from __future__ import annotations

from typing import Any

from kunsthalle.accounts.identity_port import ServiceKey
from kunsthalle.accounts.models import Account
from kunsthalle.authz.permissions import PERMISSIONS, VALIDITY, Attribute, Grant
from kunsthalle.authz.roles import ADMINISTRATOR
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find, require
from kunsthalle.iam import erasure
from kunsthalle.iam.access_groups import MEMBER_CREATE, add_member, move_memberships
from kunsthalle.iam.api_keys import delete_keys_of
from kunsthalle.iam.policies import Wanted, drop_subject, make_owner, make_policy, move_subject
from kunsthalle.iam.policy_limits import refuse_excess
from kunsthalle.iam.queries import grants_of
from kunsthalle.iam.resources import GROUP
from kunsthalle.iam.service_ids import create_owner

_ADMINISTRATION = Grant((ADMINISTRATOR,), (Attribute("serviceType", "platform_service"),))
"""What makes an Administrator of an account: the role on everything that accounts are managed by."""


class IamIdentities:
    """`accounts.ports.Identities` on the iam package's policies and keys."""

    def own(self, session: Session, account: Account) -> None:
        make_owner(session.as_context(session.ctx.as_system(account.id)), account.id, account.owner_iam_id)

    def serve(self, session: Session, account: Account) -> ServiceKey | None:
        made, key, secret = create_owner(session, account.id, f"{account.name}-owner")
        return ServiceKey(made.id, key.id, secret)

    def administers(self, session: Session, account_id: str, iam_id: str) -> bool:
        return grants_of(session, account_id, iam_id).covers_grant(_ADMINISTRATION)

    def admit(self, session: Session, iam_id: str, policies: list[dict[str, Any]], groups: list[str]) -> None:
        for group_id in groups:
            group = find(session, GROUP, group_id, "access_groups", "field")
            require(session, GROUP, group, MEMBER_CREATE)
            add_member(session, group, iam_id, "user")
        subject = [{"key": "iam_id", "operator": "stringEquals", "value": iam_id}]
        for policy in policies:
            roles = [role["role_id"] for role in policy["roles"]]
            for resource in policy["resources"]:
                conditions = [
                    {"key": attribute["name"], "operator": attribute["operator"], "value": attribute["value"]}
                    for attribute in resource["attributes"]
                ]
                make_policy(session, Wanted("access", subject, roles, conditions))

    def arrive(self, session: Session, account_id: str, invitation: str, iam_id: str) -> None:
        if invitation != iam_id:
            move_subject(session, account_id, invitation, iam_id)
            move_memberships(session, account_id, invitation, iam_id)
            refuse_excess(session, account_id, iam_id)
        self.reconsider(session, account_id, iam_id)

    def leave(self, session: Session, account_id: str, iam_id: str) -> None:
        drop_subject(session, account_id, iam_id)
        delete_keys_of(session, account_id, iam_id)

    def reconsider(self, session: Session, account_id: str, iam_id: str) -> None:  # noqa: ARG002  the port's shape
        session.invalidate(PERMISSIONS)
        session.invalidate(VALIDITY)

    def cancel(self, session: Session, account_id: str) -> None:
        session.invalidate(PERMISSIONS)
        session.invalidate(VALIDITY)
        erasure.ACCOUNT.begin(session.as_context(session.ctx.as_system(account_id)), account_id)
