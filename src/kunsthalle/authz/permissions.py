"""Deciding. Access policies become `Grants`; `Grants` and an action become a `PermissionScope`: on what it may be done.

A policy matches when every one of its resource attributes matches; grants add up and nothing denies
(reference/catalog-iam-enterprise.md 3.6). An account's grants never reach another account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

from msgspec import Struct

from kunsthalle.authz import roles
from kunsthalle.core.records import dataclass

STATIC = frozenset({"accountId", "serviceName", "serviceType", "resourceType"})
"""Attributes that the action and the account decide; all others are asked of the resource."""

TAG = "tag:"
"""What the key of a condition on an access tag begins with: `tag:env` asks for a tag `env:<value>` of the resource."""

PERMISSIONS = "grants"
"""The topic under which a process remembers what an identity holds: said to be changed by whoever changes that
(policies, groups, custom roles, members, the owner of an account)."""
VALIDITY = "standing"
"""The topic under which a process remembers who may call at all: changed with keys, identities, users, accounts."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One condition of a policy: `operator` is `stringEquals` or `stringMatch` (`*` and `?`)."""

    key: str
    value: str
    operator: str = "stringEquals"

    def matches(self, actual: str | None) -> bool:
        """Whether a resource with this value of the attribute meets the condition; None is none at all."""
        if actual is None:
            return False
        if self.operator == "stringMatch":
            return fnmatchcase(actual, self.value.replace("[", "[[]"))
        return actual == self.value

    def implied_by(self, other: Attribute) -> bool:
        """Whether whatever meets the other condition meets this one. Of two patterns only equal ones, and `*`."""
        if other.key != self.key:
            return False
        everything = self.operator == "stringMatch" and self.value.strip("*") == "" and self.value != ""
        return other == self or everything or (other.operator == "stringEquals" and self.matches(other.value))


RESOURCE_GROUPS = Attribute("resourceType", "resource-group")
"""The condition that means resource groups themselves: policies on them name no service."""
GROUPS_OWNER = "resource-controller"
"""The service that resource groups belong to."""


class Grant(Struct, frozen=True):
    """One active access policy: its roles, the actions of the account's own roles, and what it covers."""

    roles: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    actions: frozenset[str] = frozenset()

    def permits(self, action: str) -> bool:
        """Whether one of the roles carries the action."""
        return action in self.actions or any(roles.permits(role, action) for role in self.roles)

    def covers(self, attributes: tuple[Attribute, ...]) -> bool:
        """Whether everything that meets the attributes is covered."""
        return all(any(attribute.implied_by(other) for other in attributes) for attribute in self.attributes)


class PermissionScope(Struct, frozen=True, cache_hash=True):
    """On what an action may be done: everything of the account, or what meets all conditions of one option.

    Its hash is worked out once: statements are kept by what they reach.
    """

    everything: bool
    options: tuple[tuple[Attribute, ...], ...] = ()

    @property
    def empty(self) -> bool:
        return not self.everything and not self.options

    def covers(self, attributes: Mapping[str, str | None]) -> bool:
        """Whether a resource with these attributes, and with no access tags, is within reach."""
        if self.everything:
            return True
        return any(
            all(attribute.matches(attributes.get(attribute.key)) for attribute in option) for option in self.options
        )

    @property
    def by_tags(self) -> PermissionScope:
        """The part of it that depends on access tags."""
        return PermissionScope(
            False,
            tuple(option for option in self.options if any(attribute.key.startswith(TAG) for attribute in option)),
        )


class Grants:
    """What one actor holds in one account. Immutable; reaches are kept once worked out."""

    def __init__(self, account_id: str, grants: Iterable[Grant]) -> None:
        self.account_id = account_id
        self._grants = tuple(grants)
        self._reaches: dict[str, PermissionScope] = {}

    def scope(self, action: str) -> PermissionScope:
        known = self._reaches.get(action)
        if known is None:
            known = self._reaches[action] = self._work_out(action)
        return known

    def _work_out(self, action: str) -> PermissionScope:
        service, kind = action.split(".", 2)[:2]
        actual = {
            "accountId": self.account_id,
            "serviceName": service,
            "serviceType": roles.service_type(service),
            "resourceType": roles.resource_type(service, kind),
        }
        options = []
        for grant in self._grants:
            if not grant.permits(action):
                continue
            static = [attribute for attribute in grant.attributes if attribute.key in STATIC]
            if all(attribute.matches(actual[attribute.key]) for attribute in static):
                options.append(tuple(attribute for attribute in grant.attributes if attribute.key not in STATIC))
        if any(not option for option in options):
            return PermissionScope(everything=True)
        return PermissionScope(everything=False, options=tuple(options))

    def covers_grant(self, other: Grant) -> bool:
        """Whether everything that a grant would give is held already: nobody grants more than they hold."""
        return all(self._spans(other, part) for part in self._parts(other.attributes))

    def _parts(self, attributes: tuple[Attribute, ...]) -> list[tuple[Attribute, ...]]:
        """What a grant covers, with its account and its kind of service said; one part for each kind."""
        here = (Attribute("accountId", self.account_id), *attributes)
        named = [
            attribute.value
            for attribute in attributes
            if attribute.key == "serviceName" and attribute.operator == "stringEquals"
        ]
        if named:
            return [(*here, Attribute("serviceType", roles.service_type(named[0])))]
        if RESOURCE_GROUPS in attributes:
            service = GROUPS_OWNER
            return [(*here, Attribute("serviceName", service), Attribute("serviceType", roles.service_type(service)))]
        if any(attribute.key == "serviceType" and attribute.operator == "stringEquals" for attribute in attributes):
            return [here]
        return [(*here, Attribute("serviceType", kind)) for kind in ("service", "platform_service")]

    def _spans(self, other: Grant, attributes: tuple[Attribute, ...]) -> bool:
        grants = [grant for grant in self._grants if grant.covers(attributes)]
        held = [role for grant in grants for role in grant.roles]
        included = (
            any(roles.includes(role_held, role) for role_held in held) for role in other.roles if role in roles.ROLES
        )
        return all(included) and all(any(own_grant.permits(action) for own_grant in grants) for action in other.actions)


class AllGrants(Grants):
    """The product itself, when it works off what somebody was allowed to ask for."""

    def __init__(self, account_id: str) -> None:
        super().__init__(account_id, ())

    def _work_out(self, action: str) -> PermissionScope:  # noqa: ARG002  whatever the action
        return PermissionScope(everything=True)

    def covers_grant(self, other: Grant) -> bool:  # noqa: ARG002  whatever it is
        return True
