"""Two catalogs reach for the same image at the same moment: exactly one gets it, every time."""

from __future__ import annotations

import threading

from fixtures.threads import PATIENCE, together
from fixtures.worlds import World, add_image
from kunsthalle.authz.context import Context
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, some
from kunsthalle.images import holds
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE

ROUNDS = 200
"""On a busy machine a round on PostgreSQL takes up to a tenth of a second; all of them must end within `PATIENCE`."""
CRN = "crn:v1:bluemix:public:globalcatalog-collection:global:a/{}:catalog:version:{}"


def _images(session: Session) -> list[Image]:
    return [add_image(session, f"image-{number}", id=f"r006-{number:04}") for number in range(ROUNDS)]


def test_exactly_one_of_two_takers_gets_the_hold(both: World) -> None:
    ctx = both.account()
    images = both.write(ctx, _images)
    start = threading.Barrier(2)

    def take(holder: str) -> list[bool]:
        won = []
        for image in images:
            granted = Authorized(image, "is.image.image.update")
            start.wait(PATIENCE)
            won.append(both.write(ctx, holds.place, granted, holder))
        return won

    first, second = CRN.format("a", "one"), CRN.format("b", "two")
    ones, twos = together(lambda: take(first), lambda: take(second))
    assert all(one != two for one, two in zip(ones, twos, strict=True))
    held = {image.id: image.hold_crn for image in _all(both, ctx)}
    expected = {image.id: first if one else second for image, one in zip(images, ones, strict=True)}
    assert held == expected
    assert {True, False} == set(ones), "there was no race: one side always came first"


def _all(world: World, ctx: Context) -> list[Image]:
    return world.read(ctx, some, IMAGE)


def test_a_hold_and_a_deletion_never_both_succeed(both: World) -> None:
    from kunsthalle.db.rows import delete

    ctx = both.account()
    free = IMAGE.table.c.hold_crn.is_(None)
    for number in range(50):
        image = both.image(ctx, f"image-{number}")
        granted = Authorized(image, "is.image.image.update")
        placed, gone = together(
            lambda granted=granted: both.write(ctx, holds.place, granted, CRN.format("a", "one")),
            lambda id_=image.id: both.write(ctx, delete, IMAGE, id_, ctx.account_id, free),
        )
        assert placed != gone
    assert all(image.hold_crn for image in _all(both, ctx))
