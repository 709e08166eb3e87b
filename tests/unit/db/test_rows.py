"""Writing rows: unique names, conditions, tallies, the moves of states."""

from __future__ import annotations

import dataclasses

import pytest

from fixtures.threads import together
from fixtures.worlds import World
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem, Reason, Target
from kunsthalle.core.state_tables import StateTable
from kunsthalle.db.rows import delete, insert, insert_named, rename, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.visibility import find, some, tally
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.states import IMAGE_STATES

NAME = IMAGE.table.c.name


def pending(ctx: Context, image: Image, name: str) -> Image:
    """Another new image like this one."""
    return dataclasses.replace(image, id=ctx.ids.resource("r006"), name=name, status="pending")


def _refused(world: World, ctx: Context, image: Image) -> Problem:
    with pytest.raises(Problem) as caught:
        world.write(ctx, insert_named, IMAGE, image)
    return caught.value


def test_a_name_is_taken_within_its_account_only(both: World) -> None:
    mine, theirs = both.account("mine"), both.account("theirs")
    image = both.image(mine, "taken")
    problem = _refused(both, mine, pending(mine, image, "taken"))
    assert (problem.reason, problem.code) == (Reason.INVALID, "validation_unique_failed")
    assert problem.target == Target("name", "field", "taken")
    assert both.read(mine, tally, IMAGE) == 1, "a refused row is not counted"
    foreign = dataclasses.replace(pending(theirs, image, "taken"), account_id=theirs.account_id)
    assert both.write(theirs, insert_named, IMAGE, foreign) == foreign


@pytest.mark.parametrize("name", ["x' OR '1'='1", "%", "naïve ☂ \U0001f5bc", "a\nb", "", "\\", "n" * 63])
def test_values_are_kept_to_the_letter(both: World, name: str) -> None:
    ctx = both.account()
    image = both.image(
        ctx, name, source_href=name * 50, source_volume={"name": name, "null": None, "list": [1.5, True]}
    )
    assert both.read(ctx, find, IMAGE, image.id) == image
    assert (image.name, image.source_volume) == (name, {"name": name, "null": None, "list": [1.5, True]})
    assert [found.id for found in both.read(ctx, some, IMAGE, NAME.in_([name]))] == [image.id]


def test_of_two_that_want_a_name_at_once_one_gets_it(both: World) -> None:
    ctx = both.account()
    image = both.image(ctx, "first")

    def attempt() -> bool:
        try:
            both.write(ctx, insert_named, IMAGE, pending(ctx, image, "wanted"))
        except Problem:
            return False
        return True

    assert sorted(together(attempt, attempt, attempt)) == [False, False, True]
    assert both.read(ctx, tally, IMAGE) == 2


def test_renaming(both: World) -> None:
    ctx = both.account()
    one, _two = both.image(ctx, "one"), both.image(ctx, "two")
    both.write(ctx, rename, IMAGE, one.id, "three")
    renamed = both.read(ctx, find, IMAGE, one.id)
    assert (renamed.name, renamed.revision) == ("three", one.revision + 1)
    with pytest.raises(Problem, match="not unique"):
        both.write(ctx, rename, IMAGE, one.id, "two")
    assert both.read(ctx, find, IMAGE, one.id) == renamed


def test_an_update_happens_if_its_conditions_hold(both: World) -> None:
    ctx = both.account()
    image = both.image(ctx, "one")
    assert not both.write(ctx, update, IMAGE, image.id, NAME == "other", checked=1)
    assert both.read(ctx, find, IMAGE, image.id) == image
    assert both.write(ctx, update, IMAGE, image.id, NAME == "one", checked=1)
    changed = both.read(ctx, find, IMAGE, image.id)
    assert changed == dataclasses.replace(image, checked=1, revision=image.revision + 1)
    assert not both.write(ctx, update, IMAGE, "r006-absent", checked=1)


def test_a_deletion_happens_if_its_conditions_hold(both: World) -> None:
    mine, theirs = both.account("mine"), both.account("theirs")
    image = both.image(mine, "one")
    assert not both.write(mine, delete, IMAGE, image.id, mine.account_id, NAME == "other")
    assert not both.write(theirs, delete, IMAGE, image.id, theirs.account_id)
    assert both.read(mine, tally, IMAGE) == 1
    assert both.write(mine, delete, IMAGE, image.id, mine.account_id, NAME == "one")
    assert (both.read(mine, some, IMAGE), both.read(mine, tally, IMAGE)) == ([], 0)


def test_of_two_deletions_at_once_one_counts(both: World) -> None:
    ctx = both.account()
    for number in range(10):
        image = both.image(ctx, f"image-{number}")
        gone = together(*[lambda id_=image.id: both.write(ctx, delete, IMAGE, id_, ctx.account_id)] * 2)
        assert sorted(gone) == [False, True]
    assert both.read(ctx, tally, IMAGE) == 0


def test_states_move_by_transition_alone(both: World) -> None:
    ctx = both.account()
    image = both.image(ctx, "one")
    with pytest.raises(ValueError, match="transition"):
        both.write(ctx, update, IMAGE, image.id, status="obsolete")
    born_obsolete = dataclasses.replace(pending(ctx, image, "two"), status="obsolete")
    with pytest.raises(ValueError, match="cannot be obsolete"):
        both.write(ctx, insert, IMAGE, born_obsolete)
    with pytest.raises(TypeError, match="no states"):
        both.write(ctx, transition, dataclasses.replace(IMAGE, states=None), image.id, "obsolete")


def test_exactly_the_declared_moves_are_made(both: World) -> None:
    """From every state to every state: the row moves as the table says, and otherwise nothing changes at all."""
    ctx = both.account()
    start: dict[str, Image] = {}
    for state in IMAGE_STATES.states:
        start[state] = both.image(ctx, state, status=state)
        assert start[state].status == state

    def attempt(session: Session, image: Image, to: str) -> None:
        moved = transition(session, IMAGE, image.id, to, checked=7)
        now = find(session, IMAGE, image.id)
        expected = dataclasses.replace(image, status=to, checked=7, revision=image.revision + 1)
        assert moved == IMAGE_STATES.allows(image.status, to)
        assert now == (expected if moved else image)
        raise Undone

    for image in start.values():
        for to in IMAGE_STATES.states:
            with pytest.raises(Undone):
                both.write(ctx, attempt, image, to)


class Undone(Exception):
    """Rolls a test's transaction back."""


def test_a_further_condition_holds_a_move_back(both: World) -> None:
    ctx = both.account()
    image = both.image(ctx, "one")
    held = IMAGE.table.c.hold_crn.is_not(None)
    assert not both.write(ctx, transition, IMAGE, image.id, "obsolete", held)
    assert not both.write(ctx, transition, IMAGE, "r006-absent", "obsolete")
    with pytest.raises(Problem, match="no such move") as caught:
        must(False, "no such move")
    assert (caught.value.reason, caught.value.code) == (Reason.CONFLICT, "invalid_state")
    must(both.write(ctx, transition, IMAGE, image.id, "obsolete", ~held), "unused")


def test_of_two_movers_at_once_one_wins(both: World) -> None:
    ctx = both.account()
    ends = StateTable("image", ("pending",), {"pending": ("available", "failed"), "available": (), "failed": ()})
    kind = dataclasses.replace(IMAGE, states=ends)
    for number in range(20):
        image = both.image(ctx, f"image-{number}", status="pending")

        def move(to: str, id_: str = image.id) -> bool:
            return both.write(ctx, transition, kind, id_, to)

        won = together(lambda: move("available"), lambda: move("failed"))
        assert sorted(won) == [False, True]
        assert both.read(ctx, find, IMAGE, image.id).status == ("available" if won[0] else "failed")


def test_a_table_of_states_must_be_whole() -> None:
    with pytest.raises(ValueError, match="lost"):
        StateTable("resource", ("new",), {"new": ("lost",)})
    with pytest.raises(ValueError, match="first"):
        StateTable("resource", ("first",), {"new": ()})
    table = StateTable("resource", ("a",), {"a": ("b",), "b": ("a", "b"), "c": ()})
    assert (table.sources("b"), table.sources("c")) == (("a", "b"), ())
