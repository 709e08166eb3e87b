"""On PostgreSQL an account, an enterprise and a user that are hidden cost as much work as those that never existed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from fixtures.worlds import World, make_world
from kunsthalle.accounts.enterprise_tree import create_enterprise
from kunsthalle.accounts.resources import ACCOUNT, ENTERPRISE, USER
from kunsthalle.accounts.tables import accounts, enterprises, users
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import first_ids
from kunsthalle.db.visibility import ResourceType
from kunsthalle.iam.account_adapter import IamIdentities
from unit.catalogs.test_equal_work_postgresql import compare

OWNERS = ("one", "two", "three", "four")


@pytest.fixture
def world(postgres_url: str) -> Iterator[World]:
    made = make_world(postgres_url)
    with closing(made.store):
        yield made


def _ids(session: Session, kind: ResourceType[Any], own: str) -> list[str]:
    """The ids of all of a kind but the caller's own."""
    where = {"account": accounts.c.id != own, "user": users.c.account_id != own}.get(kind.name)
    table = {"account": accounts, "user": users, "enterprise": enterprises}[kind.name]
    return first_ids(session, table.c.id, 50, *([] if where is None else [where]))


@pytest.mark.parametrize("kind", [ACCOUNT, ENTERPRISE, USER], ids=["account", "enterprise", "user"])
def test_what_is_hidden_costs_postgresql_what_an_absent_one_does(world: World, kind: ResourceType[Any]) -> None:
    stranger = world.account("stranger")
    for name in OWNERS:
        owner = world.account(name)
        world.write(owner, create_enterprise, IamIdentities(), owner.account_id, name, owner.actor.iam_id, None)
    hidden = world.read(world.base, _ids, kind, stranger.account_id)
    assert len(hidden) >= len(OWNERS)
    compare(world, stranger, kind, hidden)
