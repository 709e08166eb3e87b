"""Deciding. Access policies become `Grants`; `Grants` and an action become a `Reach`: on what it may be done.

A policy matches when every one of its resource attributes matches; grants add up and nothing denies
(reference/catalog-iam-enterprise.md 3.6). An account's grants never reach another account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from kunsthalle.core import roles

STATIC = frozenset({"accountId", "serviceName", "serviceType", "resourceType"})
"""Attributes that the action and the account decide; all others are asked of the resource."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One condition of a policy: `operator` is `stringEquals` or `stringMatch` (`*` and `?`)."""

    key: str
    value: str
    operator: str = "stringEquals"

    def matches(self, actual: str | None) -> bool:
        if actual is None:
            return False
        if self.operator == "stringMatch":
            return fnmatchcase(actual, self.value.replace("[", "[[]"))
        return actual == self.value


@dataclass(frozen=True, slots=True)
class Grant:
    """One active access policy: its roles, and the attributes of what it covers."""

    roles: tuple[str, ...]
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """On what an action may be done: everything of the account, or what meets all conditions of one option."""

    everything: bool
    options: tuple[tuple[Attribute, ...], ...] = ()

    @property
    def empty(self) -> bool:
        return not self.everything and not self.options

    def covers(self, attributes: Mapping[str, str | None]) -> bool:
        """Whether a resource with these attributes is within reach."""
        if self.everything:
            return True
        return any(all(one.matches(attributes.get(one.key)) for one in option) for option in self.options)


class Grants:
    """What one actor holds in one account. Immutable; reaches are kept once worked out."""

    def __init__(self, account_id: str, grants: Iterable[Grant]) -> None:
        self.account_id = account_id
        self._grants = tuple(grants)
        self._reaches: dict[str, Reach] = {}

    def reach(self, action: str) -> Reach:
        known = self._reaches.get(action)
        if known is None:
            known = self._reaches[action] = self._work_out(action)
        return known

    def _work_out(self, action: str) -> Reach:
        service, kind = action.split(".", 2)[:2]
        actual = {
            "accountId": self.account_id,
            "serviceName": service,
            "serviceType": roles.SERVICE_TYPES.get(service),
            "resourceType": kind,
        }
        options = []
        for grant in self._grants:
            if not any(roles.permits(role, action) for role in grant.roles):
                continue
            static = [one for one in grant.attributes if one.key in STATIC]
            if all(one.matches(actual[one.key]) for one in static):
                options.append(tuple(one for one in grant.attributes if one.key not in STATIC))
        if any(not option for option in options):
            return Reach(everything=True)
        return Reach(everything=False, options=tuple(options))


class AllGrants(Grants):
    """The product itself, when it works off what somebody was allowed to ask for."""

    def __init__(self, account_id: str) -> None:
        super().__init__(account_id, ())

    def _work_out(self, action: str) -> Reach:  # noqa: ARG002  whatever the action
        return Reach(everything=True)
