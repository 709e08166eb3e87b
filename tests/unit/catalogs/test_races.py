"""Eight writers on two nodes reach for one image at once: one version gets it, and a deletion never passes by (R1, R2).

A run takes a share of the rounds; KUNSTHALLE_ROUNDS=1000 takes a thousand of each of the two races.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from fixtures.threads import PATIENCE, together
from fixtures.worlds import World, add_image
from kunsthalle.authz.context import Context
from kunsthalle.catalogs.models import Offering
from kunsthalle.catalogs.offerings import service
from kunsthalle.catalogs.reclamation import CatalogHolds
from kunsthalle.catalogs.resources import CATALOG, OFFERING, VERSION
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.catalogs.tables import listings, version_images
from kunsthalle.catalogs.versions.editing import ImageChoice, Import, import_version
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import add_row, rows_of
from kunsthalle.db.visibility import resolve, unscoped
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.service import ImageService
from unit.catalogs.asking import pages_are_right
from unit.catalogs.published_offers import put_offering

ROUNDS = int(os.environ.get("KUNSTHALLE_ROUNDS", "16"))
WRITERS = 8
UPDATE = "globalcatalog-collection.offering.update"


@dataclass
class Nodes:
    """Two nodes on one database, and an offering in a catalog of its own for every writer."""

    world: World
    stores: tuple[Store, Store]
    ctx: Context
    offerings: list[Offering]

    def image(self, number: int) -> Image:
        return self.world.write(self.ctx, lambda session: add_image(session, f"image-{number}", digest=f"{number}"))

    def attempt(self, writer: int, deed: Callable[[Session], Any], lead: Event | None = None) -> bool:
        """Whether a writer's action was done. A refusal is one that its caller would understand.

        `lead` is set when the action is done and nobody else can see it yet.
        """

        def leading(session: Session) -> None:
            deed(session)
            if lead is not None:
                lead.set()

        try:
            self.stores[writer % 2].write(self.ctx, leading)
        except Problem as problem:
            assert problem.reason in {Reason.CONFLICT, Reason.INVALID, Reason.NOT_FOUND}, problem
            return False
        return True

    def importing(self, writer: int, image: Image, number: int, lead: Event | None = None) -> Callable[[], bool]:
        offering = self.offerings[writer]
        metadata = {"images": [{"id": image.id, "region": "us-south"}]}
        wanted = Import(f"{number}.0.0", (ImageChoice(image.id, "us-south"),), metadata, {})

        def deed(session: Session) -> None:
            import_version(session, resolve(session, OFFERING, offering.id, UPDATE), wanted)

        return lambda: self.attempt(writer, deed, lead)

    def deleting(self, writer: int, image: Image, lead: Event | None = None) -> Callable[[], bool]:
        images = ImageService(None, None, CatalogHolds())  # type: ignore[arg-type]  # deleting needs neither buckets nor volumes

        def deed(session: Session) -> None:
            images.delete(session, resolve(session, IMAGE, image.id, "is.image.image.delete"))

        return lambda: self.attempt(writer, deed, lead)

    def found(self, image: Image, number: int) -> tuple[str, str | None, list[str]]:
        """The image's state or `gone`, who holds it, and the CRNs of the versions that were made of it."""

        def look(session: Session) -> tuple[str, str | None, list[str]]:
            now = unscoped(session, IMAGE, IMAGE.table.c.id == image.id)
            made = unscoped(session, VERSION, VERSION.table.c.version == f"{number}.0.0")
            claims = rows_of(session, version_images, version_images.c.image_id == image.id)
            assert [row.version_id for row in claims] == [one.id for one in made]
            status, holder = (now[0].status, now[0].hold_crn) if now else ("gone", None)
            return status, holder, [one.crn for one in made]

        return self.world.read(self.ctx, look)


@pytest.fixture
def nodes(both: World, database_url: str) -> Iterator[Nodes]:
    ctx = both.account()

    def shop(session: Session) -> list[Offering]:
        made = []
        for number in range(WRITERS):
            catalog = service.create_catalog(session, f"shop {number}", "offering", None, {})
            fields = service.Fields("product", "Product", hidden=False, document={})
            made.append(service.create_offering(session, resolve(session, CATALOG, catalog.id, UPDATE), fields))
        return made

    other = Store(database_url)
    yield Nodes(both, (both.store, other), ctx, both.write(ctx, shop))
    other.close()


def test_one_image_goes_into_one_version(nodes: Nodes) -> None:
    winners = set()
    for number in range(ROUNDS):
        image = nodes.image(number)
        won = together(*[nodes.importing(writer, image, number) for writer in range(WRITERS)])
        assert won.count(True) == 1
        status, holder, made = nodes.found(image, number)
        assert (status, [holder]) == ("available", made)
        winners.add(won.index(True))
    assert len(winners) > 1, "there was no race: the same writer always came first"


def _behind(lead: Event, deed: Callable[[], bool]) -> Callable[[], bool]:
    return lambda: lead.wait(PATIENCE) and deed()


def test_an_image_is_deleted_or_managed_and_never_both(nodes: Nodes) -> None:
    """All at once; and, as a deletion is the quicker of the two, each side while the other is about to commit."""
    kept = 0
    for number in range(ROUNDS):
        image, lead, ahead = nodes.image(number), Event(), ("nobody", "imports", "deletions")[number % 3]
        imports = [nodes.importing(writer, image, number, lead) for writer in range(0, WRITERS, 2)]
        deletions = [nodes.deleting(writer, image, lead) for writer in range(1, WRITERS, 2)]
        if ahead == "imports":
            deletions = [_behind(lead, one) for one in deletions]
        elif ahead == "deletions":
            imports = [_behind(lead, one) for one in imports]
        done = together(*(one for pair in zip(imports, deletions, strict=True) for one in pair))
        assert done.count(True) == 1
        status, holder, made = nodes.found(image, number)
        managed = any(done[::2])
        assert ahead == "nobody" or managed == (ahead == "imports")
        assert (status, [holder] if holder else []) == ("available" if managed else "gone", made)
        assert bool(made) == managed
        kept += managed
    assert 0 < kept < ROUNDS


def test_one_offering_is_shared_by_eight_at_once(nodes: Nodes) -> None:
    """No entry is lost from the lists, nobody fails, and whoever looks meanwhile sees a page and its total agree."""
    receivers = [nodes.world.account(f"receiver-{number}").account_id for number in range(WRITERS)]

    def begin(session: Session) -> str:
        catalog = service.create_catalog(session, "shared", "offering", None, {})
        it = put_offering(session, resolve(session, CATALOG, catalog.id, UPDATE), 0)
        access_list.decide(session, it.id, "granted")
        access_list.share(session, resolve(session, OFFERING, it.id, UPDATE), ibm=False, public=False, enabled=True)
        return it.id

    id_ = nodes.world.write(nodes.ctx, begin)

    def adding(writer: int) -> Callable[[], bool]:
        one = receivers[writer]
        return lambda: nodes.attempt(writer, lambda u: access_list.add(u, resolve(u, OFFERING, id_, UPDATE), [one]))

    def looking(node: int) -> Callable[[], bool]:
        return lambda: nodes.stores[node].read(nodes.ctx, lambda session: pages_are_right(session, 3)) is None

    for _ in range(ROUNDS // 4):
        nodes.attempt(0, lambda session: access_list.remove(session, resolve(session, OFFERING, id_, UPDATE), ["*"]))
        assert all(together(*(adding(writer) for writer in range(WRITERS)), looking(0), looking(1)))
        rows = nodes.world.read(nodes.ctx, lambda session: rows_of(session, listings, listings.c.offering_id == id_))
        assert {row.identifier for row in rows} == {nodes.ctx.account_id, *receivers}


def test_the_database_itself_lets_an_image_into_one_version(nodes: Nodes) -> None:
    image = nodes.image(0)
    assert nodes.importing(0, image, 1)()
    other = nodes.image(1)
    assert nodes.importing(1, other, 2)()

    def second(session: Session) -> None:
        version = unscoped(session, VERSION, VERSION.table.c.version == "2.0.0")[0]
        add_row(session, version_images, image_id=image.id, version_id=version.id, region="us-south")

    with pytest.raises(IntegrityError):
        nodes.world.write(nodes.ctx, second)
