"""Of several calls of the operator that give one name to an account at once, one makes it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest

from fixtures.threads import together
from fixtures.worlds import World, make_world
from kunsthalle.accounts.enterprise_tree import cancel_account
from kunsthalle.accounts.resources import ACCOUNT
from kunsthalle.accounts.tables import operator_account_names
from kunsthalle.core.errors import Problem
from kunsthalle.core.ids import Ids
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of, rows_of
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.iam.account_adapter import IamIdentities
from kunsthalle.operator.accounts import AccountPrototype, create_account

ROUNDS = 5


@pytest.fixture
def nodes(both: World, database_url: str) -> Iterator[list[World]]:
    """The same database as several processes have it, each with its own connections and ids."""
    made = [make_world(database_url) for _ in range(4)]
    for number, node in enumerate(made):
        node.base = replace(node.base, ids=Ids(500 + number))
    yield made
    for node in made:
        node.store.close()


def _create(node: World, name: str, owner: str) -> str:
    """`made`, or the code of the refusal."""
    try:
        node.write(node.base, lambda session: create_account(session, AccountPrototype(name, owner)))
    except Problem as problem:
        return problem.code
    return "made"


def test_racers_for_one_name_have_one_winner(nodes: list[World]) -> None:
    for number in range(ROUNDS):
        name = f"racers-{number}"
        calls = [partial(_create, node, name, f"owner{at}@example.com") for at, node in enumerate(nodes)]
        assert sorted(together(*calls)) == ["already_exists"] * 3 + ["made"]
        where = (ACCOUNT.table.c.name == name,)
        found = nodes[0].read(nodes[0].base, lambda session, where=where: unscoped(session, ACCOUNT, *where))
        assert len(found) == 1


def test_a_name_is_free_again_once_its_account_is_cancelled(both: World) -> None:
    assert [_create(both, "again", "ada@example.com") for _ in range(2)] == ["made", "already_exists"]

    def cancel(session: Session) -> int:
        (account,) = unscoped(session, ACCOUNT, ACCOUNT.table.c.name == "again")
        below = Authorized(replace(account, enterprise_id="any"), "enterprise.account.delete")
        cancel_account(session, IamIdentities(), below)
        assert rows_of(session, operator_account_names, operator_account_names.c.account_id == account.id) == []
        return number_of(session, operator_account_names)

    both.write(both.base, cancel)
    assert _create(both, "again", "ada@example.com") == "made"
