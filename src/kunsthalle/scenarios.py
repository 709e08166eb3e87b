"""Scenarios: worlds that a first start can make. `enterprise` is the one of the contract (design, section 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from kunsthalle.accounts import service as accounts
from kunsthalle.accounts.model import Account
from kunsthalle.core.context import Actor
from kunsthalle.identity import service as identity
from kunsthalle.images.sources import AccountBuckets
from kunsthalle.store import facts
from kunsthalle.store.unit import Unit

FACT = "scenario"
BUCKET = "images"
MEMBERS = ("publisher", "consumer-a", "consumer-b")
OUTSIDER = "outsider"


@dataclass(frozen=True, slots=True)
class Credential:
    """What the owner of a seeded account needs; the secret is kept by whoever starts the server, not by the store."""

    account: str
    account_id: str
    iam_id: str
    api_key: str


Furnish = Callable[[Unit, str], None]
"""Gives an account, by its name, what a first server must name: a VPC, a subnet, a key."""


def seeded(unit: Unit) -> str | None:
    """The scenario this store was made with, if any."""
    found = facts.get(unit, FACT)
    return str(found) if found else None


def enterprise(unit: Unit, buckets: AccountBuckets, furnish: Furnish) -> list[Credential]:
    """An enterprise with three accounts, one account outside it, and in each an owner, a group, a network, a bucket."""
    root, own = accounts.found_enterprise(unit, "enterprise")
    made = [("enterprise", own)]
    made += [(name, accounts.open_account(unit, name, root)) for name in MEMBERS]
    made.append((OUTSIDER, accounts.open_account(unit, OUTSIDER, None)))
    credentials = [_furnished(unit, name, account, buckets, furnish) for name, account in made]
    facts.put(unit, FACT, "enterprise")
    return credentials


def _furnished(unit: Unit, name: str, account: Account, buckets: AccountBuckets, furnish: Furnish) -> Credential:
    system = unit.acting(unit.ctx.as_system(account.id))
    identity.make_owner(system, account.id, account.owner_iam_id)
    owner = replace(system.ctx, actor=Actor(account.owner_iam_id, f"{name} owner"))
    _, secret = identity.create_api_key(system.acting(owner), account.id, account.owner_iam_id, f"{name}-owner")
    furnish(system, name)
    folder = buckets.of(account.id)
    if BUCKET not in folder.list_buckets():
        folder.create_bucket(BUCKET)
    return Credential(name, account.id, account.owner_iam_id, secret)


SCENARIOS = {"enterprise": enterprise}
