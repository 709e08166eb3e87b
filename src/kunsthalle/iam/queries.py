"""Questions about keys, identities and policies, in the system context."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from kunsthalle.accounts.queries import account, member, user
from kunsthalle.accounts.resources import USER
from kunsthalle.authz.permissions import PERMISSIONS, VALIDITY, Attribute, Grant, Grants
from kunsthalle.authz.roles import ADMINISTRATOR, MANAGER
from kunsthalle.core.clock import SECOND
from kunsthalle.core.records import dataclass
from kunsthalle.db import kv
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import rows_of
from kunsthalle.db.visibility import unscoped
from kunsthalle.iam.dynamic_members import dynamic_groups
from kunsthalle.iam.models import ApiKey, Policy, Profile, ServiceId
from kunsthalle.iam.resources import ANY_POLICY, API_KEY, CUSTOM_ROLE, POLICY, PROFILE, SERVICE_ID
from kunsthalle.iam.tables import access_group_members, federated_sign_ins, identity_settings
from kunsthalle.iam.time_conditions import moment_of, parsed
from kunsthalle.iam.tokens import Claims

NEVER = 2**62
"""The expiry of what does not expire."""


def hash_of(secret: str) -> str:
    """What is stored of a key. The secrets are random and long, so that one round is enough."""
    return hashlib.sha256(b"kunsthalle api key\0" + secret.encode()).hexdigest()


def key_by_secret(session: Session, secret: str) -> ApiKey | None:
    api_keys = unscoped(session, API_KEY, API_KEY.table.c.hash == hash_of(secret))
    return api_keys[0] if api_keys else None


def key_by_id(session: Session, id_: str) -> ApiKey | None:
    api_keys = unscoped(session, API_KEY, API_KEY.table.c.id == id_)
    return api_keys[0] if api_keys else None


def service_id(session: Session, iam_id: str) -> ServiceId | None:
    """The service ID with that IAM ID, whosever it is."""
    service_ids = unscoped(session, SERVICE_ID, SERVICE_ID.table.c.iam_id == iam_id)
    return service_ids[0] if service_ids else None


def profile_by(session: Session, *where: object) -> Profile | None:
    """A trusted profile, whosever it is: for those who would put it on."""
    profiles = unscoped(session, PROFILE, *where)  # type: ignore[arg-type]  # conditions on columns, typed as bool by SQLAlchemy
    return profiles[0] if profiles else None


def is_identity(session: Session, account_id: str, iam_id: str) -> bool:
    """Whether somebody of that IAM ID is at home in the account and may act in it."""
    if iam_id.startswith("iam-ServiceId-"):
        identity = service_id(session, iam_id)
        return identity is not None and identity.account_id == account_id
    if iam_id.startswith("iam-Profile-"):
        profile = profile_by(session, PROFILE.table.c.iam_id == iam_id)
        return profile is not None and profile.account_id == account_id
    return member(session, account_id, iam_id) is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a token still counts: `until` is when its key ends, in microseconds since the epoch; 0 is already."""

    until: int


def standing(session: Session, account_id: str, iam_id: str, api_key_id: str) -> Standing:
    """What became of the key, the identity and the account of a token (catalog-iam-enterprise.md 3.6, step 1)."""
    return session.cached(
        VALIDITY, (account_id, iam_id, api_key_id), lambda: _standing(session, account_id, iam_id, api_key_id)
    )


def token_generation(session: Session) -> int:
    """How often all access tokens were expired on request."""
    return session.cached(VALIDITY, kv.GENERATION, lambda: int(kv.get(session, kv.GENERATION) or 0))


def expire_tokens(session: Session) -> None:
    """Expire every access token that was issued until now. Refresh tokens and API keys go on."""
    kv.put(session, kv.GENERATION, int(kv.locked(session, kv.GENERATION) or 0) + 1)
    session.invalidate(VALIDITY)


def valid_until(session: Session, claims: Claims) -> int:
    """When a verified token ends by the product clock, with its key; 0 for one that has ended already."""
    if claims.generation != token_generation(session):
        return 0
    if claims.session_id:
        key = (claims.account_id, claims.iam_id, claims.session_id)
        return session.cached(VALIDITY, key, lambda: _standing_of_session(session, *key)).until
    return standing(session, claims.account_id, claims.iam_id, claims.api_key_id).until


def _standing_of_session(session: Session, account_id: str, iam_id: str, session_id: str) -> Standing:
    """What became of a sign-in with a provider, and of whom it was. Its tokens end with it by their own time."""
    table = federated_sign_ins
    rows = rows_of(session, table, table.c.id == session_id)
    if not rows:
        return Standing(0)
    sign_in = rows[0]
    home = account(session, account_id or sign_in.account_id)
    if account_id and (home is None or home.state != "ACTIVE"):
        return Standing(0)
    if not account_id:
        return Standing(NEVER if sign_in.iam_id == iam_id and _is_invited_somewhere(session, iam_id) else 0)
    present = is_identity(session, account_id, iam_id)
    if iam_id != sign_in.iam_id:  # a profile that was put on
        present = present and _is_at_home(session, sign_in.account_id, sign_in.iam_id)
    return Standing(NEVER if present else 0)


def _is_invited_somewhere(session: Session, iam_id: str) -> bool:
    return bool(unscoped(session, USER, USER.table.c.iam_id == iam_id, USER.table.c.state.in_(("PENDING", "ACTIVE"))))


def _is_at_home(session: Session, account_id: str, iam_id: str) -> bool:
    """Whether who signed in is still a user of the account that they entered; of any, if they were invited then."""
    if account_id:
        return member(session, account_id, iam_id) is not None
    return bool(unscoped(session, USER, USER.table.c.iam_id == iam_id, USER.table.c.state == "ACTIVE"))


def _standing(session: Session, account_id: str, iam_id: str, api_key_id: str) -> Standing:
    key = key_by_id(session, api_key_id)
    home = account(session, account_id or (key.account_id if key is not None else ""))
    if key is None or key.disabled or home is None or home.state != "ACTIVE":
        return Standing(0)
    if key.account_id != home.id and not _is_open(session, key.account_id):
        return Standing(0)
    if not account_id:
        return Standing((key.expires_at or NEVER) if key.iam_id == iam_id and _is_welcome(session, key) else 0)
    present = is_identity(session, key.account_id, key.iam_id)
    if (key.account_id, key.iam_id) != (account_id, iam_id):  # in another account, or a profile that was put on
        welcome = present or _is_welcome(session, key)
        present = welcome and key.opens(account_id) and is_identity(session, account_id, iam_id)
    return Standing((key.expires_at or NEVER) if present else 0)


def _is_open(session: Session, account_id: str) -> bool:
    """Whether an account has not been cancelled: the keys of one that has are erased little by little."""
    owned = account(session, account_id)
    return owned is not None and owned.state == "ACTIVE"


def _is_welcome(session: Session, key: ApiKey) -> bool:
    """Whether the person of a key is a user of its account, or was invited to it and given the key by the operator."""
    person = user(session, key.account_id, key.iam_id)
    return person is not None and person.state in {"PENDING", "ACTIVE"}


class _Holding:
    """The access policies of an identity, and what they grant at a moment; or what it holds without any, `always`.

    Rules about the time are in seconds and evaluated once a second, whatever number of requests it has. While the same
    policies are active the grants stay the same object, and with them what was worked out from them.
    """

    __slots__ = ("_account_id", "_last", "_parts", "timed")

    def __init__(
        self,
        account_id: str,
        policies: Sequence[Policy],
        custom: dict[str, frozenset[str]],
        always: Grants | None = None,
        ends: Mapping[str, int] | None = None,
    ) -> None:
        """`ends` says of subjects that the identity is in for a time until when, in seconds since the epoch."""
        ends = ends or {}
        self._account_id = account_id
        self._parts = [
            (parsed(policy.rule), policy.grant(custom), ends.get(policy.subject_id, NEVER)) for policy in policies
        ]
        self.timed = bool(ends) or any(policy.rule is not None for policy in policies)
        self._last: tuple[int, list[Grant], Grants] | None = None if always is None else (0, [], always)

    def grants(self, now: int) -> Grants:
        """What the policies grant at a moment in seconds since the epoch."""
        last = self._last
        if last is None or (self.timed and last[0] != now):
            moment = moment_of(now)
            active = [grant for holds, grant, end in self._parts if now < end and holds(moment)]
            same = last is not None and last[1] == active
            grants = last[2] if last is not None and same else Grants(self._account_id, active)
            last = self._last = (now, active, grants)  # at once: several threads ask
        return last[2]


def grants_of(session: Session, account_id: str, iam_id: str) -> Grants:
    """What an identity holds in an account now: its active access policies, and those of its groups. The account's
    owner holds everything.

    Nothing, whatever the policies say, unless it may act there: policies and groups may name whom the account does
    not know, who has not accepted an invitation yet, or who was disabled. Every question about what somebody may do
    in an account comes here.
    """
    return grants_at(session, account_id, iam_id)[0]


def grants_at(session: Session, account_id: str, iam_id: str) -> tuple[Grants, bool]:
    """`grants_of`, and whether the time alone may change it."""
    holding = session.cached(PERMISSIONS, (account_id, iam_id), lambda: _holding(session, account_id, iam_id))
    return holding.grants(session.ctx.now() // SECOND), holding.timed


def is_owner(session: Session, account_id: str, iam_id: str) -> bool:
    """Whether an identity is the owner of an account, as the account itself says."""
    owned = account(session, account_id)
    return owned is not None and owned.owner_iam_id == iam_id


def owner_grants(account_id: str) -> tuple[Grant, ...]:
    """What the owner of an account holds, whatever its policies say: everything in it, and nothing anywhere else."""
    here = Attribute("accountId", account_id)
    kinds = (Attribute("serviceType", kind) for kind in ("service", "platform_service"))
    return tuple(Grant((ADMINISTRATOR, MANAGER), (here, kind)) for kind in kinds)


def _holding(session: Session, account_id: str, iam_id: str) -> _Holding:
    if not is_identity(session, account_id, iam_id):
        return _Holding(account_id, (), {})
    if is_owner(session, account_id, iam_id):  # no policy adds anything to it
        return _Holding(account_id, (), {}, Grants(account_id, owner_grants(account_id)))
    groups, dynamic = groups_of(session, account_id, iam_id), dynamic_groups(session, account_id, iam_id)
    policies = access_policies(session, account_id, [iam_id, *groups, *dynamic])
    ends = {group_id: end // SECOND for group_id, end in dynamic.items() if group_id not in groups}
    return _Holding(account_id, policies, custom_actions(session, account_id), ends=ends)


def access_policies(session: Session, account_id: str, subjects: list[str]) -> list[Policy]:
    """The active access policies of some subjects."""
    table = POLICY.table
    conditions = (table.c.account_id == account_id, table.c.subject_id.in_(subjects))
    return unscoped(session, POLICY, *conditions, table.c.type == "access", table.c.state == "active")


def policies_of(session: Session, account_id: str, subject: str) -> list[Policy]:
    """Every policy with that subject, deleted ones too."""
    table = ANY_POLICY.table
    return unscoped(session, ANY_POLICY, table.c.account_id == account_id, table.c.subject_id == subject)


def active_policies_of(session: Session, account_id: str, subject: str) -> list[Policy]:
    """Every policy with that subject that is not deleted."""
    table = ANY_POLICY.table
    conditions = (table.c.account_id == account_id, table.c.subject_id == subject)
    return unscoped(session, ANY_POLICY, *conditions, table.c.state == "active")


def groups_of(session: Session, account_id: str, iam_id: str) -> list[str]:
    """The ids of the access groups that an identity was made a member of."""
    table = access_group_members
    return [row.group_id for row in rows_of(session, table, table.c.account_id == account_id, table.c.iam_id == iam_id)]


def all_groups_of(session: Session, account_id: str, iam_id: str) -> list[str]:
    """The ids of the access groups that an identity is in, by name or by a rule at its sign-in."""
    dynamic = dynamic_groups(session, account_id, iam_id)
    return list(dict.fromkeys((*groups_of(session, account_id, iam_id), *dynamic)))


def custom_actions(session: Session, account_id: str) -> dict[str, frozenset[str]]:
    """The actions of the account's own roles, by the role's CRN."""
    custom_roles = unscoped(session, CUSTOM_ROLE, CUSTOM_ROLE.table.c.account_id == account_id)
    return {role.crn: frozenset(role.actions) for role in custom_roles}


def authorizations(session: Session, account_id: str, source: str) -> list[Policy]:
    """The active authorization policies of an account for a source service."""
    table = POLICY.table
    conditions = (table.c.account_id == account_id, table.c.subject_id == source)
    return unscoped(session, POLICY, *conditions, table.c.type == "authorization", table.c.state == "active")


def settings_row(session: Session, account_id: str) -> tuple[dict[str, object], int]:
    """The account's own identity settings, and the revision they are at; 0 when nobody ever set any."""
    rows = rows_of(session, identity_settings, identity_settings.c.account_id == account_id)
    return (rows[0].settings, rows[0].revision) if rows else ({}, 0)
