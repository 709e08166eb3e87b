"""Small worlds: a store, a context, an account that may do everything in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from kunsthalle.accounts.model import Account
from kunsthalle.accounts.service import open_account
from kunsthalle.core.access import Attribute, Grant, Grants
from kunsthalle.core.clock import ManualClock
from kunsthalle.core.context import Actor, Context
from kunsthalle.core.ids import Ids
from kunsthalle.core.regions import REGIONS
from kunsthalle.images.kinds import IMAGE
from kunsthalle.images.model import Image
from kunsthalle.store.engine import Store
from kunsthalle.store.rows import insert
from kunsthalle.store.scope import find
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit

T = TypeVar("T")

START = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z, where the clock of a world stands."""
ORIGIN = "http://kunsthalle.test"


class TestClock(ManualClock):
    """Product time and real time, both moved by hand."""

    __test__ = False

    def __init__(self, moment: int = START) -> None:
        super().__init__(moment)
        self.actual = moment

    def real(self) -> int:
        return self.actual


@dataclass
class World:
    """A store and the product's own context in it."""

    store: Store
    base: Context
    clock: TestClock

    def account(self, name: str = "somebody") -> Context:
        """A new account with its owner and its default group; a context that may do everything in it."""
        made: Account = self.store.write(self.base, lambda unit: open_account(unit, name, None))
        system = self.base.as_system(made.id)
        return dataclasses.replace(system, actor=Actor(made.owner_iam_id, f"{name} owner"), audience=(made.id,))

    def write(self, ctx: Context, function: Callable[..., T], *arguments: Any, **more: Any) -> T:
        """`function(unit, *arguments, **more)` in one transaction."""
        return self.store.write(ctx, lambda unit: function(unit, *arguments, **more))

    def read(self, ctx: Context, function: Callable[..., T], *arguments: Any, **more: Any) -> T:
        """`function(unit, *arguments, **more)`, reading only."""
        return self.store.read(ctx, lambda unit: function(unit, *arguments, **more))

    def image(self, ctx: Context, name: str, **fields: Any) -> Image:
        """An image of an account, `available` unless another state is asked for."""
        return self.store.write(ctx, lambda unit: add_image(unit, name, **fields))


def make_world(url: str) -> World:
    """A world on a database whose schema is ready. Ids repeat themselves from run to run."""
    clock = TestClock()
    context = Context(
        Actor("", "nobody", kind="Nobody"), "", Grants("", ()), clock, Ids(7), REGIONS["us-south"], "", ORIGIN
    )
    return World(Store(url), context, clock)


def holding(ctx: Context, role: str, *options: Iterable[Attribute]) -> Context:
    """The same account for somebody who holds one role, on what each option describes."""
    grants = [Grant((role,), tuple(option)) for option in options]
    return dataclasses.replace(ctx, grants=Grants(ctx.account_id, grants), actor=Actor("IBMid-VIEWER", "viewer"))


def add_image(unit: Unit, name: str, *, status: str = "available", **fields: Any) -> Image:
    """An image row, brought to a state by the moves that lead there."""
    given: dict[str, Any] = {
        "id": unit.ctx.ids.resource(unit.ctx.region.prefix),
        "resource_group_id": "group",
        "created_at": unit.ctx.now(),
        **fields,
    }
    blank: dict[str, Any] = {field.name: None for field in dataclasses.fields(Image) if field.name not in given}
    blank |= {"account_id": unit.ctx.account_id, "name": name, "status": "pending", "status_reasons": []}
    blank |= {"operating_system": "debian-12-amd64", "checked": 0, "allowed_use": {}, "revision": 1}
    image = insert(unit, IMAGE, Image(**{**blank, **given}))
    for step in {"pending": (), "available": ("available",)}.get(status, ("available", status)):
        assert transition(unit, IMAGE, image.id, step)
    return find(unit.acting(unit.ctx.as_system(image.account_id)), IMAGE, image.id)
