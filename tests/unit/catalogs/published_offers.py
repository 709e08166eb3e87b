"""Published offerings of two owners, written straight into the store, and who looks at them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fixtures.worlds import World
from kunsthalle.authz.context import Context
from kunsthalle.catalogs.models import Offering, Version
from kunsthalle.catalogs.offerings import service
from kunsthalle.catalogs.resources import OFFERING, VERSION
from kunsthalle.catalogs.sharing import offering_lists
from kunsthalle.catalogs.tables import offerings
from kunsthalle.catalogs.versions import version_steps
from kunsthalle.db.rows import insert
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import resolve, unscoped
from unit.catalogs.asking import look, pages_are_right

ACTION = "globalcatalog-collection.offering.update"
TURNS = (2, 5, 16, 19)
"""Turns that have each kind of page once."""


@dataclass
class Offers:
    """Two owners with four offerings each, shared with a reader and published to all; and a passer-by."""

    world: World
    owners: tuple[Context, Context]
    reader: Context
    passer_by: Context

    def looked_at(self) -> None:
        """Every page of everybody is right; it is remembered from now on."""
        for ctx in (*self.owners, self.reader, self.passer_by):
            self.world.read(ctx, lambda session: [pages_are_right(session, turn) for turn in TURNS])

    def remembered(self) -> None:
        """Every page of everybody is asked for, and remembered from now on; `looked_at` says whether it is right."""
        for ctx in (*self.owners, self.reader, self.passer_by):
            self.world.read(ctx, lambda session: [look(session, turn) for turn in TURNS])

    def total(self, ctx: Context) -> int:
        return self.world.read(ctx, lambda session: offering_lists.page(session, 0, 1, hidden=True, public=True)[0])

    def do(self, deed: Callable[[Session, Any], Any], number: int = 1) -> None:
        """A action of the first owner, on one of its offerings."""
        self.world.write(self.owners[0], lambda session: deed(session, granted(session, number)))


def granted(session: Session, number: int) -> Any:
    """An offering of the caller's, to be changed."""
    name = offerings.c.name == f"product-{number}"
    found = unscoped(session, OFFERING, name, offerings.c.account_id == session.ctx.account_id)
    return resolve(session, OFFERING, found[0].id, ACTION)


def put_offering(session: Session, catalog: Any, number: int) -> Offering:
    """An offering with a version that may be used."""
    made = service.create_offering(session, catalog, service.Fields(f"product-{number}", f"{number % 2}", False, {}))
    now, same = (
        session.ctx.now(),
        {"account_id": made.account_id, "catalog_id": made.catalog_id, "offering_id": made.id},
    )
    version = Version(
        **same,
        id=session.ctx.ids.uuid(),
        version="1.0.0",
        state="new",
        previous=None,
        entered_at=now,
        validation={"state": "valid"},
        deprecate_pending=None,
        metadata={"images": [{"id": session.ctx.ids.resource("r006"), "name": "image", "region": "us-south"}]},
        document={},
        copy_of="",
        updated_at=now,
        created_at=now,
    )
    insert(session, VERSION, version)
    version_steps.prerelease(session, resolve(session, VERSION, version.id, ACTION))
    return made
