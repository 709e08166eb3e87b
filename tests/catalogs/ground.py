"""What every random walk over the catalog begins with: an enterprise of two groups, one in the other, and accounts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kunsthalle.accounts import tree
from kunsthalle.accounts.model import Account, Enterprise
from kunsthalle.accounts.queries import audience
from kunsthalle.accounts.service import found_enterprise, open_account
from kunsthalle.catalogs.handlers import catalog_handlers
from kunsthalle.core.context import Actor, Context
from kunsthalle.core.errors import Problem
from kunsthalle.store.unit import Unit
from kunsthalle.store.worker import Worker
from support.worlds import World

ACCOUNTS = ("owner", "near", "far", "outsider")


@dataclass
class Ground:
    """What every walk begins with: an enterprise with two groups, one in the other, and the accounts."""

    root: Account
    enterprise: Enterprise
    groups: tuple[str, str]
    accounts: dict[str, Account]


def lay(world: World) -> Ground:
    """Makes the ground in a world that is empty."""

    def make(unit: Unit) -> Ground:
        enterprise, root = found_enterprise(unit, "enterprise")
        system = unit.acting(unit.ctx.as_system(root.id))
        system.ctx = dataclasses.replace(system.ctx, audience=audience(system, root.id))
        outer = tree.create_group(system, enterprise.crn, "outer", root.owner_iam_id)
        inner = tree.create_group(system, outer.crn, "inner", root.owner_iam_id)
        inside = {name: open_account(unit, name, enterprise) for name in ("owner", "near", "far")}
        accounts = {**inside, "outsider": open_account(unit, "outsider", None)}
        return Ground(root, enterprise, (outer.id, inner.id), accounts)

    return world.write(world.base, make)


class Stage:
    """A world with the ground, on which accounts act; jobs are done when they are asked for."""

    def __init__(self, ground: Ground, world: World, seed: str) -> None:
        self.ground, self.world = ground, world
        self.world.base.ids._random.seed(seed)
        self.worker = Worker(self.world.store, self.world.base, catalog_handlers(lambda _unit, _values: None))
        self.ids = {name: one.id for name, one in ground.accounts.items()}

    def close(self) -> None:
        self.world.store.close()

    def _ctx(self, unit: Unit, id_: str) -> Context:
        ctx = unit.ctx.as_system(id_)
        return dataclasses.replace(ctx, actor=Actor("IBMid-OWNER", "owner"), audience=audience(unit, id_))

    def act(self, id_: str, deed: Callable[[Unit], Any]) -> tuple[bool, Any]:
        """Whether an account's deed was done, and what came of it; a refusal leaves nothing behind."""

        def run(unit: Unit) -> Any:
            return deed(unit.acting(self._ctx(unit, id_)))

        try:
            return True, self.world.store.write(self.world.base, run)
        except Problem as problem:
            return False, problem

    def own(self, deed: Callable[[Unit], Any], expected: bool) -> Any:
        """The owner's deed, which must be done or refused as the model says."""
        done, found = self.act(self.ids["owner"], deed)
        assert done == expected, f"done: {done}, expected: {expected}, {found}"
        return found

    def drain(self) -> None:
        while self.worker._take("walker", transfers=True):
            pass
