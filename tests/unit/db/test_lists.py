"""Long lists paged by offset: every page and every total is what the rows say, on both engines, whoever has written."""

from __future__ import annotations

import random
from typing import Any

import pytest
from sqlalchemy import insert

from fixtures.worlds import World
from kunsthalle.db import list_versions
from kunsthalle.db.cache import VersionedCache
from kunsthalle.db.engine import Store
from kunsthalle.db.list_versions import Listed, changed, page, stamps
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import remove_rows
from kunsthalle.images.tables import blobs

ROWS = 60
SIZE, REVISION = blobs.c.size, blobs.c.revision
ARMS: dict[str, tuple[Any, ...]] = {
    "one": ((SIZE >= 0,),),
    "few of them": ((REVISION == 1, SIZE > 1),),
    "two apart": ((REVISION == 0,), (REVISION == 2,)),
    "overlapping": ((REVISION < 2,), (REVISION > 0,), (SIZE == 1,)),
    "nobody": ((SIZE < 0,),),
}


@pytest.fixture(autouse=True)
def _short_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_versions, "STEP", 4)


def _fill(session: Session) -> None:
    """Few sizes, so that many rows are told apart by their ids alone."""
    for number in range(ROWS):
        session.execute(insert(blobs).values(digest=f"{number * 37 % ROWS:04d}", size=number % 3, revision=number % 4))


def _listed(session: Session, which: str) -> Listed:
    """The list of some arms, whose statements depend on how many are merged."""
    name = (which, list_versions._MOST_ARMS)
    return Listed(name, stamps(session, "test", "list"), (SIZE, blobs.c.digest), lambda: ARMS[which])


def _plainly(session: Session, which: str) -> list[str]:
    """The ids of a list in their order, found without the product's hand."""
    meets = {
        "one": lambda _row: True,
        "few of them": lambda row: row.revision == 1 and row.size > 1,
        "two apart": lambda row: row.revision in (0, 2),
        "overlapping": lambda row: row.revision < 2 or row.revision > 0 or row.size == 1,
        "nobody": lambda _row: False,
    }[which]
    return [
        row.digest for row in sorted(session.all(blobs.select()), key=lambda row: (row.size, row.digest)) if meets(row)
    ]


@pytest.mark.parametrize("most", [list_versions._MOST_ARMS, 1], ids=["merged", "too many to be merged"])
@pytest.mark.parametrize("which", ARMS)
def test_every_page_is_where_it_should_be(both: World, which: str, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_versions, "_MOST_ARMS", most)
    both.write(both.base, _fill)

    def look(session: Session) -> None:
        wanted = _plainly(session, which)
        offsets = [*range(ROWS + 5), 10**8]
        random.Random(7).shuffle(offsets)
        for offset in (*offsets, *offsets):
            assert page(session, _listed(session, which), offset, 5) == (len(wanted), wanted[offset : offset + 5])

    both.read(both.base, look)


def test_a_long_list_has_no_more_places_than_a_short_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_versions, "_MOST_PLACES", 3)
    world.write(world.base, _fill)

    def look(session: Session) -> None:
        wanted = _plainly(session, "one")
        for offset in range(ROWS):
            assert page(session, _listed(session, "one"), offset, 2)[1] == wanted[offset : offset + 2]

    world.read(world.base, look)
    (_stamp, known), *others = world.store.memo.stamped._kept.values()
    assert (sorted(known.keys), others) == ([20, 40], [])


def _remove(session: Session, *digests: str) -> None:
    changed(session, "test", "list")
    remove_rows(session, blobs, blobs.c.digest.in_(digests))


def _look(session: Session) -> tuple[int, list[str]]:
    found = page(session, _listed(session, "one"), 9, 5)
    wanted = _plainly(session, "one")
    assert found == (len(wanted), wanted[9:14])
    return found


def test_a_change_is_seen_at_once_also_by_whoever_did_not_make_it(both: World, database_url: str) -> None:
    other = Store(database_url)
    both.write(both.base, _fill)
    try:
        for number in range(0, 40, 4):
            both.read(both.base, _look)
            before = other.read(both.base, _look)
            both.write(both.base, _remove, f"{number:04d}")
            assert other.read(both.base, _look) != before
            both.read(both.base, _look)
    finally:
        other.close()


def test_a_change_that_is_taken_back_leaves_nothing_behind(both: World) -> None:
    both.write(both.base, _fill)
    before = both.read(both.base, _look)

    def failing(session: Session) -> None:
        _remove(session, "0001", "0002")
        _look(session)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        both.write(both.base, failing)
    assert both.read(both.base, _look) == before
    both.write(both.base, _remove, "0003")  # bears the stamp that was taken back
    assert both.read(both.base, _look)[0] == ROWS - 1


def test_a_reader_stays_at_its_moment(both: World) -> None:
    both.write(both.base, _fill)

    def look(session: Session) -> None:
        before = _look(session)
        both.write(both.base, _remove, "0000", "0003", "0006")
        both.read(both.base, _look)
        assert _look(session) == before

    both.read(both.base, look)
    assert both.read(both.base, _look)[0] == ROWS - 3


class TestStamped:
    def test_is_asked_once_a_stamp(self) -> None:
        kept, loads = VersionedCache(), iter(range(9))
        assert [kept.get("list", stamp, lambda: next(loads)) for stamp in (1, 1, 2, 2, 1)] == [0, 0, 1, 1, 2]

    def test_is_bounded(self) -> None:
        kept = VersionedCache()
        for number in range(2_000):
            kept.get(number, 1, lambda: "value")
            kept.get(1_999, number, lambda: "value")
        assert len(kept._kept) <= 500


def test_another_store_in_its_place_begins_with_nothing(world: World) -> None:
    world.write(world.base, _fill)

    def look(session: Session) -> None:
        _look(session)
        world.store.memo.clear()
        _look(session)

    world.read(world.base, look)
    assert world.store.memo.stamped._kept == {}
