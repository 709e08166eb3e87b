"""What every random walk over the catalog begins with: an enterprise of two groups, one in the other, and accounts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fixtures.worlds import World
from kunsthalle.accounts import enterprise_tree
from kunsthalle.accounts.models import Account, Enterprise
from kunsthalle.accounts.queries import recipients
from kunsthalle.accounts.service import found_enterprise, open_account
from kunsthalle.authz.context import Actor, Context
from kunsthalle.catalogs.routes import catalog_handlers
from kunsthalle.core.errors import Problem
from kunsthalle.db.session import Session
from kunsthalle.jobs.worker import Worker

ACCOUNTS = ("owner", "near", "far", "outsider")


@dataclass
class Tree:
    """An enterprise with two groups, one in the other, and the accounts."""

    root: Account
    enterprise: Enterprise
    groups: tuple[str, str]
    accounts: dict[str, Account]


def lay(world: World) -> Tree:
    """Makes the tree in a world that is empty."""

    def make(session: Session) -> Tree:
        enterprise, root = found_enterprise(session, "enterprise")
        system = session.as_context(session.ctx.as_system(root.id))
        system.ctx = dataclasses.replace(system.ctx, recipients=recipients(system, root.id))
        outer = enterprise_tree.create_group(system, enterprise.crn, "outer", root.owner_iam_id)
        inner = enterprise_tree.create_group(system, outer.crn, "inner", root.owner_iam_id)
        inside = {name: open_account(session, name, enterprise) for name in ("owner", "near", "far")}
        accounts = {**inside, "outsider": open_account(session, "outsider", None)}
        return Tree(root, enterprise, (outer.id, inner.id), accounts)

    return world.write(world.base, make)


class ActingAccounts:
    """A world with the tree, whose accounts act; jobs are done when they are asked for."""

    def __init__(self, tree: Tree, world: World, seed: str) -> None:
        self.tree, self.world = tree, world
        self.world.base.ids._random.seed(seed)
        self.worker = Worker(self.world.store, self.world.base, catalog_handlers(lambda _session, _values: None))
        self.ids = {name: one.id for name, one in tree.accounts.items()}

    def close(self) -> None:
        self.world.store.close()

    def _ctx(self, session: Session, id_: str) -> Context:
        ctx = session.ctx.as_system(id_)
        return dataclasses.replace(ctx, actor=Actor("IBMid-OWNER", "owner"), recipients=recipients(session, id_))

    def act(self, id_: str, deed: Callable[[Session], Any]) -> tuple[bool, Any]:
        """Whether an account's action was done, and what came of it; a refusal leaves nothing behind."""

        def run(session: Session) -> Any:
            return deed(session.as_context(self._ctx(session, id_)))

        try:
            return True, self.world.store.write(self.world.base, run)
        except Problem as problem:
            return False, problem

    def own(self, deed: Callable[[Session], Any], expected: bool) -> Any:
        """The owner's action, which must be done or refused as the model says."""
        done, found = self.act(self.ids["owner"], deed)
        assert done == expected, f"done: {done}, expected: {expected}, {found}"
        return found

    def drain(self) -> None:
        while self.worker._take("walker", transfers=True):
            pass
