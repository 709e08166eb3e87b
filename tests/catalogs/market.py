"""A market: offerings of two owners, written straight into the store, and who looks at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from catalogs.asking import pages_are_right
from kunsthalle.catalogs import listings, publishing, service
from kunsthalle.catalogs.kinds import OFFERING, VERSION
from kunsthalle.catalogs.model import Offering, Version
from kunsthalle.core.context import Context
from kunsthalle.store.rows import insert
from kunsthalle.store.schema.catalogs import offerings
from kunsthalle.store.scope import resolve, unguarded
from kunsthalle.store.unit import Unit
from support.worlds import World

ACTION = "globalcatalog-collection.offering.update"
TURNS = (2, 5, 16, 19)
"""Turns that have each kind of page once."""


@dataclass
class Market:
    """Two owners with four offerings each, shared with a reader and published to all; and a passer-by."""

    world: World
    owners: tuple[Context, Context]
    reader: Context
    passer_by: Context

    def looked_at(self) -> None:
        """Every page of everybody is right; it is remembered from now on."""
        for ctx in (*self.owners, self.reader, self.passer_by):
            self.world.read(ctx, lambda unit: [pages_are_right(unit, turn) for turn in TURNS])

    def total(self, ctx: Context) -> int:
        return self.world.read(ctx, lambda unit: listings.page(unit, 0, 1, hidden=True, public=True)[0])

    def do(self, deed: Callable[[Unit, Any], Any], number: int = 1) -> None:
        """A deed of the first owner, on one of its offerings."""
        self.world.write(self.owners[0], lambda unit: deed(unit, granted(unit, number)))


def granted(unit: Unit, number: int) -> Any:
    """An offering of the caller's, to be changed."""
    name = offerings.c.name == f"product-{number}"
    found = unguarded(unit, OFFERING, name, offerings.c.account_id == unit.ctx.account_id)
    return resolve(unit, OFFERING, found[0].id, ACTION)


def put_offering(unit: Unit, catalog: Any, number: int) -> Offering:
    """An offering with a version that may be used."""
    made = service.create_offering(unit, catalog, service.Fields(f"product-{number}", f"{number % 2}", False, {}))
    now, same = unit.ctx.now(), {"account_id": made.account_id, "catalog_id": made.catalog_id, "offering_id": made.id}
    version = Version(
        **same,
        id=unit.ctx.ids.uuid(),
        version="1.0.0",
        state="new",
        previous=None,
        entered_at=now,
        validation={"state": "valid"},
        deprecate_pending=None,
        metadata={"images": [{"id": unit.ctx.ids.resource("r006"), "name": "image", "region": "us-south"}]},
        document={},
        copy_of="",
        updated_at=now,
        created_at=now,
    )
    insert(unit, VERSION, version)
    publishing.prerelease(unit, resolve(unit, VERSION, version.id, ACTION))
    return made
