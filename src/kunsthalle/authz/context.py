"""Who asks, when, under which trace. Frozen; nothing reads the store without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kunsthalle.authz.permissions import AllGrants, Grants
from kunsthalle.core.clock import Clock
from kunsthalle.core.ids import Ids
from kunsthalle.core.records import dataclass
from kunsthalle.core.regions import Region


@dataclass(frozen=True, slots=True)
class Actor:
    """An authenticated caller. `kind` is `User`, `ServiceId`, `System` or `Nobody`."""

    iam_id: str
    name: str
    email: str = ""
    kind: str = "User"


NOBODY = Actor("", "nobody", kind="Nobody")
SYSTEM = Actor("kunsthalle", "kunsthalle", kind="System")
OPERATOR = Actor("kunsthalle-operator", "operator", kind="System")
"""Whoever has the operator token, as the audit of an account names them."""


@dataclass(frozen=True, slots=True)
class Context:
    """One request, or one job, and on whose behalf.

    `account_id` is the account every call acts in (the token's). `recipients` are the identifiers under which that
    account is addressed by a share: its own id, its enterprise and the account groups above it. `origin` is the
    address clients call, without a trailing slash. `api_version` is the `version` date of a VPC call. `job` is the kind
    of the job that is being worked off, if one is; `initiator` the IAM ID of who asked for what the product does by its
    system context, at once or later. `client` is the network address of who has called, for the audit; empty for jobs.
    """

    actor: Actor
    account_id: str
    grants: Grants
    clock: Clock
    ids: Ids
    region: Region
    trace: str
    origin: str
    recipients: Sequence[str] = ()
    api_version: str = ""
    job: str = ""
    initiator: str = ""
    client: str = ""

    def now(self) -> int:
        return self.clock.now()

    # One for each step of a request, spelled out: `dataclasses.replace` takes three times as long, thrice a request.

    def asked(self, trace: str, origin: str, client: str = "") -> Context:
        """For a request that has just come in."""
        who = (self.actor, self.account_id, self.grants, self.clock, self.ids, self.region, trace, origin)
        return Context(*who, client=client)

    def by_clock(self, clock: Clock) -> Context:
        """For a request of which it is noted whether it asks the time."""
        who = (self.actor, self.account_id, self.grants, clock, self.ids, self.region, self.trace, self.origin)
        return Context(*who, client=self.client)

    def acting_as(self, actor: Actor, account_id: str, grants: Grants, recipients: Sequence[str]) -> Context:
        """For a request whose caller is known now."""
        clock, ids, region, trace, origin = self.clock, self.ids, self.region, self.trace, self.origin
        who = (actor, account_id, grants, clock, ids, region, trace, origin)
        return Context(*who, recipients, self.api_version, client=self.client)

    def speaking(self, api_version: str) -> Context:
        """For a call of a dated version of the VPC API."""
        who = (self.actor, self.account_id, self.grants, self.clock, self.ids, self.region, self.trace, self.origin)
        return Context(*who, self.recipients, api_version, client=self.client)

    def as_system(self, account_id: str) -> Context:
        """The product's system context in an account, for jobs and for effects that cross accounts by rule."""
        who = self.initiator or self.actor.iam_id
        return replace(
            self, actor=SYSTEM, account_id=account_id, grants=AllGrants(account_id), recipients=(), initiator=who
        )

    def working(self, job: str, account_id: str, initiator: str, trace: str) -> Context:
        """The product's system context, for a job that somebody's request has left behind."""
        return replace(self.as_system(account_id), job=job, initiator=initiator, trace=trace)
