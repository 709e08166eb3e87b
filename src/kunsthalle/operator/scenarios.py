"""Scenarios: worlds that a first start can make. `enterprise` is the one of the contract (design, section 3)."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from kunsthalle.accounts import service as accounts
from kunsthalle.accounts.models import Account
from kunsthalle.authz.context import Actor
from kunsthalle.core.records import dataclass
from kunsthalle.db import kv
from kunsthalle.db.session import Session
from kunsthalle.iam import authentication as identity
from kunsthalle.images.import_sources import AccountBuckets
from kunsthalle.networks import service as networks

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


ZONE = 0
"""Which zone of the region the first subnet is in: the first."""


def enterprise(session: Session, buckets: AccountBuckets, keys: Path) -> list[Credential]:
    """An enterprise with three accounts, one account outside it, and in each an owner, a group, a network, a bucket."""
    root, own = accounts.found_enterprise(session, "enterprise")
    made = [("enterprise", own)]
    made += [(name, accounts.open_account(session, name, root)) for name in MEMBERS]
    made.append((OUTSIDER, accounts.open_account(session, OUTSIDER, None)))
    credentials = [_furnished(session, name, account, buckets, keys) for name, account in made]
    kv.put(session, kv.SCENARIO, "enterprise")
    return credentials


def _furnished(session: Session, name: str, account: Account, buckets: AccountBuckets, keys: Path) -> Credential:
    system = session.as_context(session.ctx.as_system(account.id))
    identity.make_owner(system, account.id, account.owner_iam_id)
    owner = replace(system.ctx, actor=Actor(account.owner_iam_id, f"{name} owner"))
    _, secret = identity.create_api_key(system.as_context(owner), account.id, account.owner_iam_id, f"{name}-owner")
    _network(system, name, keys)
    folder = buckets.of(account.id)
    if BUCKET not in folder.list_buckets():
        folder.create_bucket(BUCKET)
    return Credential(name, account.id, account.owner_iam_id, secret)


def _network(session: Session, name: str, keys: Path) -> None:
    """What a first server of an account must name: a VPC, a subnet, a key."""
    vpc = networks.create_vpc(session, "default")
    zone = list(session.ctx.region.zones)[ZONE]
    networks.create_subnet(session, vpc, "default", zone, count=256)
    networks.create_key(session, "default", ssh_key(keys, name))


def ssh_key(folder: Path, name: str) -> str:
    """The public half of an account's key; the private half is a file of mode 0600, made here unless it is there."""
    path = folder / name
    if not path.exists():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        form = (Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Ed25519PrivateKey.generate().private_bytes(*form))
    private = load_ssh_private_key(path.read_bytes(), None)
    return private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


SCENARIOS = {"enterprise": enterprise}
