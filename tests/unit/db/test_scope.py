"""Visibility: what a context reads, whichever way it asks."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.walks import share
from fixtures.worlds import World, holding
from kunsthalle.authz.context import Context
from kunsthalle.authz.permissions import Attribute
from kunsthalle.authz.roles import EDITOR, VIEWER
from kunsthalle.core.errors import NOT_FOUND, Problem, Reason
from kunsthalle.db.page_bytes import PAGE_BYTES
from kunsthalle.db.pages import page, window
from kunsthalle.db.rows import delete
from kunsthalle.db.visibility import by_name, count, find, may, may_create, resolve, some, tally, unscoped
from kunsthalle.images.resources import IMAGE

DELETE = "is.image.image.delete"


def seen(world: World, ctx: Context) -> set[str]:
    """The names of the images a context sees, asked in every way there is; all must agree."""
    listed = {image.name for image in world.read(ctx, some, IMAGE)}
    every = world.read(ctx, unscoped, IMAGE)
    found = {image.name for image in every if _found(world, ctx, image.id)}
    named = {image.name for image in every if (own := world.read(ctx, by_name, IMAGE, image.name)) and own == image}
    paged = {image.name for image in world.read(ctx, page, IMAGE, limit=100).items}
    assert listed == found == named == paged
    assert len(listed) == world.read(ctx, count, IMAGE) == world.read(ctx, page, IMAGE, limit=1).total
    return listed


def _found(world: World, ctx: Context, id_: str) -> bool:
    try:
        return world.read(ctx, find, IMAGE, id_).id == id_
    except Problem as problem:
        assert (problem.reason, problem.code, problem.message) == (Reason.NOT_FOUND, "not_found", NOT_FOUND)
        return False


def test_another_accounts_rows_never_appear(both: World) -> None:
    mine, theirs = both.account("mine"), both.account("theirs")
    both.image(mine, "shared-name")
    other = both.image(theirs, "shared-name")
    both.image(theirs, "theirs-only")
    assert seen(both, mine) == {"shared-name"}
    assert both.read(mine, by_name, IMAGE, "theirs-only") is None
    own = both.read(mine, by_name, IMAGE, "shared-name")
    assert own is not None
    assert own.account_id == mine.account_id
    assert not both.read(mine, may, IMAGE, other, IMAGE.read)


def test_hidden_and_absent_are_the_same_refusal(both: World) -> None:
    mine, theirs = both.account("mine"), both.account("theirs")
    hidden = both.image(theirs, "hidden")
    refusals = []
    for id_ in (hidden.id, "r006-00000000-0000-4000-8000-000000000000"):
        with pytest.raises(Problem) as caught:
            both.read(mine, resolve, IMAGE, id_, DELETE)
        refusals.append((caught.value.reason, caught.value.code, caught.value.message, caught.value.target))
    assert refusals[0] == refusals[1]


@pytest.mark.parametrize(
    ("attribute", "names"),
    [
        (Attribute("imageId", "r006-b"), {"b"}),
        (Attribute("imageId", "r006-absent"), set()),
        (Attribute("resourceGroupId", "group-1"), {"a", "b"}),
        (Attribute("resourceGroupId", "group-*", "stringMatch"), {"a", "b", "c"}),
        (Attribute("resourceGroupId", "group-?", "stringMatch"), {"a", "b", "c"}),
        (Attribute("resourceGroupId", "group-*"), set()),
        (Attribute("resourceGroupId", "GROUP-*", "stringMatch"), {"loud"}),
        (Attribute("resourceGroupId", "100%", "stringMatch"), {"percent"}),
        (Attribute("resourceGroupId", "%", "stringMatch"), set()),
        (Attribute("resourceGroupId", "under_score", "stringMatch"), {"underscore"}),
        (Attribute("resourceGroupId", "under?score", "stringMatch"), {"underscore", "plain"}),
        (Attribute("resourceGroupId", "[a-z]*", "stringMatch"), {"bracket"}),
        (Attribute("resourceGroupId", "*\\*", "stringMatch"), {"backslash"}),
        (Attribute("resourceGroupId", "'; DROP TABLE images; --", "stringMatch"), set()),
        (Attribute("volumeId", "*", "stringMatch"), set()),
    ],
)
def test_a_narrow_grant_shows_what_it_describes(both: World, attribute: Attribute, names: set[str]) -> None:
    ctx = both.account()
    groups = {
        "a": "group-1",
        "b": "group-1",
        "c": "group-2",
        "loud": "GROUP-1",
        "percent": "100%",
        "thousand": "1000",
        "underscore": "under_score",
        "plain": "underXscore",
        "bracket": "[a-z]",
        "backslash": "back\\slash",
    }
    for name, group in groups.items():
        both.image(ctx, name, id=f"r006-{name}", resource_group_id=group)
    viewer = holding(ctx, VIEWER, [Attribute("serviceName", "is"), attribute])
    assert seen(both, viewer) == names
    decided = {
        name
        for name in groups
        if both.read(viewer, may, IMAGE, both.read(ctx, find, IMAGE, f"r006-{name}"), IMAGE.read)
    }
    assert decided == names, "the decision on a row and the predicate must agree"


_SIGNS = "aAbé%_\\[]!^-'\n"


@st.composite
def near_matches(draw: st.DrawFn) -> tuple[str, str]:
    """A pattern, and a value made from it: by filling its wildcards, and now and then by another case."""
    pattern = draw(st.text(st.sampled_from(_SIGNS + "*?"), max_size=6))
    fill = {"*": st.text(st.sampled_from(_SIGNS), max_size=2), "?": st.sampled_from(_SIGNS)}
    value = "".join(draw(fill[sign]) if sign in fill else sign for sign in pattern)
    return pattern, draw(st.sampled_from([value, value, value.swapcase(), value + "b"]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=share(25, 2_000), deadline=None)
@given(near_matches())
def test_patterns_mean_the_same_in_the_database_and_in_the_decision(both: World, drawn: tuple[str, str]) -> None:
    pattern, value = drawn
    ctx = both.account()
    image = both.image(ctx, "one", resource_group_id=value)
    viewer = holding(ctx, VIEWER, [Attribute("resourceGroupId", pattern, "stringMatch")])
    assert _found(both, viewer, image.id) == both.read(viewer, may, IMAGE, image, IMAGE.read)


def test_options_add_up_and_conditions_narrow(both: World) -> None:
    ctx = both.account()
    for name, group in (("a", "one"), ("b", "one"), ("c", "two")):
        both.image(ctx, name, id=f"r006-{name}", resource_group_id=group)
    by_id = [Attribute("imageId", "r006-a"), Attribute("resourceGroupId", "two")]
    by_group = [Attribute("resourceGroupId", "two")]
    assert seen(both, holding(ctx, VIEWER, by_id)) == set()
    assert seen(both, holding(ctx, VIEWER, by_id, by_group)) == {"c"}
    assert seen(both, holding(ctx, VIEWER, by_id, by_group, [Attribute("imageId", "r006-b")])) == {"b", "c"}


@pytest.mark.parametrize(
    "static",
    [
        Attribute("serviceName", "globalcatalog-collection"),
        Attribute("accountId", "somebody else's"),
        Attribute("resourceType", "volume"),
        Attribute("serviceType", "platform_service"),
    ],
)
def test_a_grant_on_something_else_shows_nothing(both: World, static: Attribute) -> None:
    ctx = both.account()
    both.image(ctx, "one")
    assert seen(both, holding(ctx, VIEWER, [static])) == set()


def test_a_grant_in_one_account_never_reaches_another(both: World) -> None:
    mine, theirs = both.account("mine"), both.account("theirs")
    image = both.image(theirs, "target")
    assert not _found(both, holding(mine, EDITOR, [Attribute("imageId", image.id)]), image.id)


def test_seen_but_not_within_the_actions_reach_is_403(both: World) -> None:
    ctx = both.account()
    one, two = both.image(ctx, "one"), both.image(ctx, "two")
    viewer, editor = holding(ctx, VIEWER, []), holding(ctx, EDITOR, [Attribute("imageId", one.id)])
    mixed = dataclasses.replace(viewer, grants=_union(viewer, editor))
    assert both.read(mixed, resolve, IMAGE, one.id, DELETE).resource == one
    with pytest.raises(Problem) as caught:
        both.read(mixed, resolve, IMAGE, two.id, DELETE)
    assert caught.value.reason is Reason.FORBIDDEN
    may_create(editor, DELETE, {"imageId": one.id})
    with pytest.raises(Problem) as caught:
        may_create(editor, DELETE, {"imageId": two.id})
    assert caught.value.reason is Reason.FORBIDDEN


def _union(*contexts: Context) -> object:
    from kunsthalle.authz.permissions import Grants

    grants = [grant for ctx in contexts for grant in ctx.grants._grants]
    return Grants(contexts[0].account_id, grants)


def test_pages_are_stable_while_rows_come_and_go(both: World) -> None:
    ctx, other = both.account(), both.account("other")
    for number in range(20):
        both.clock.moment += number % 3  # several images of the same microsecond
        both.image(ctx, f"old-{number}")
        both.image(other, f"foreign-{number}")
    expected = [image.name for image in both.read(ctx, some, IMAGE)]
    walked: list[str] = []
    after = None
    while True:
        found = both.read(ctx, page, IMAGE, after=after, limit=3)
        walked += [image.name for image in found.items]
        if found.last is None:
            break
        after = found.last
        both.clock.moment += 1
        both.image(ctx, f"new-{len(walked)}")
        both.write(ctx, delete, IMAGE, found.items[-1].id, ctx.account_id)  # the very row the next page begins behind
    assert walked == expected


def test_a_page_that_is_exactly_full_is_the_last(both: World) -> None:
    ctx = both.account()
    for number in range(4):
        both.image(ctx, f"image-{number}")
    assert both.read(ctx, page, IMAGE, limit=4).last is None
    assert both.read(ctx, page, IMAGE, limit=3).last is not None
    assert both.read(ctx, page, IMAGE, IMAGE.table.c.name == "image-1", limit=3).total == 1


LARGE = [{"code": "x", "message": "é" * 100_000}]
"""A document of 200 kB, half as many characters."""


@pytest.mark.parametrize("narrow", [False, True], ids=["the whole account", "what a policy names"])
def test_pages_of_large_documents_end_early_and_lead_to_every_item(both: World, narrow: bool) -> None:
    ctx = both.account()
    for number in range(60):
        both.clock.moment += 1
        both.image(ctx, f"image-{number:02}", status_reasons=LARGE)
    expected = [f"image-{number:02}" for number in range(60)]
    viewer = holding(ctx, VIEWER, [Attribute("imageId", "*", "stringMatch")]) if narrow else ctx
    by_key: list[str] = []
    after = None
    for _ in expected:
        found = both.read(viewer, page, IMAGE, after=after, limit=100)
        assert 0 < len(found.items) <= PAGE_BYTES // 200_000
        assert found.total == 60
        by_key += [image.name for image in found.items]
        after = found.last
        if after is None:
            break
    assert by_key == expected[::-1]
    by_offset: list[str] = []
    offset: int | None = 0
    while offset is not None:
        part = both.read(viewer, window, IMAGE, order=IMAGE.table.c.name, offset=offset, limit=100)
        assert 0 < len(part.items) <= PAGE_BYTES // 200_000
        by_offset += [image.name for image in part.items]
        offset = None if part.passed is None else offset + part.passed
    assert by_offset == expected
    assert len(both.read(viewer, window, IMAGE, order=IMAGE.table.c.name, offset=0, limit=2, most_bytes=1).items) == 1


def test_the_tally_is_the_count(both: World) -> None:
    mine, theirs = both.account("mine"), both.account("theirs")
    images = [both.image(mine, f"image-{number}") for number in range(5)]
    both.image(theirs, "theirs")
    assert both.write(mine, delete, IMAGE, images[0].id, mine.account_id)
    assert not both.write(mine, delete, IMAGE, images[0].id, mine.account_id)
    assert both.read(mine, tally, IMAGE) == both.read(mine, count, IMAGE) == 4
    assert both.read(mine, count, IMAGE, IMAGE.table.c.name != "") == 4
    narrow = holding(mine, VIEWER, [Attribute("imageId", images[1].id)])
    assert both.read(narrow, count, IMAGE) == 1


def test_a_kind_that_shows_more_or_less_than_the_own_rows_is_not_counted_by_its_tally(both: World) -> None:
    mine, theirs = both.account("mine"), both.account("theirs")
    both.image(mine, "one")
    both.image(mine, "obsolete", status="obsolete")
    both.image(theirs, "shown")
    columns = IMAGE.table.c
    fewer = dataclasses.replace(IMAGE, live=columns.status != "obsolete")
    more = dataclasses.replace(IMAGE, others=lambda _session: columns.name == "shown")
    for kind, expected in ((fewer, 1), (more, 3)):
        assert both.read(mine, count, kind) == len(both.read(mine, some, kind)) == expected


def test_a_row_that_is_not_live_is_gone_for_its_owner_too(both: World) -> None:
    ctx = both.account()
    image = both.image(ctx, "gone", status="obsolete")
    kind = dataclasses.replace(IMAGE, live=IMAGE.table.c.status != "obsolete")
    for viewer in (ctx, holding(ctx, VIEWER, [])):
        with pytest.raises(Problem):
            both.read(viewer, find, kind, image.id)
        assert both.read(viewer, some, kind) == []
