"""Quotas of accounts: counted in the transaction that makes more, on both engines."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from fixtures.worlds import World, add_image
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem
from kunsthalle.core.quota_names import QUOTAS, BadQuota, parse
from kunsthalle.core.sizes import GIB
from kunsthalle.db import quotas
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of
from kunsthalle.images.byte_quota import refuse_bytes
from kunsthalle.images.resources import IMAGE
from kunsthalle.operator import account_quotas


def _limit(world: World, ctx: Context, name: str, most: int) -> None:
    world.store.write(world.base, lambda session: quotas.put_limit(session, ctx.account_id, name, most))


def _images(world: World, ctx: Context) -> int:
    condition = IMAGE.table.c.account_id == ctx.account_id
    return world.store.read(world.base, lambda session: number_of(session, IMAGE.table, condition))


def test_there_is_no_limit_unless_one_is_set(both: World) -> None:
    ctx = both.account()
    for number in range(3):
        both.image(ctx, f"image-{number}")
    assert _images(both, ctx) == 3


@pytest.mark.parametrize("own", [True, False])
def test_one_more_than_the_limit_is_refused_with_both_numbers(both: World, *, own: bool) -> None:
    ctx, other = both.account("first"), both.account("second")
    if own:
        _limit(both, ctx, "images", 2)
    else:
        both.store.quotas = {"images": 2}
    both.image(ctx, "one")
    both.image(ctx, "two")
    with pytest.raises(Problem) as refused:
        both.image(ctx, "three")
    assert (refused.value.code, refused.value.reason.value) == ("over_quota", 400)
    assert "has 2 and may have 2 (quota images)" in refused.value.message
    both.image(other, "of another account")
    assert _images(both, ctx) == 2


def test_the_limit_of_an_account_goes_before_the_default_also_where_it_is_higher(both: World) -> None:
    ctx = both.account()
    both.store.quotas = {"images": 0}
    _limit(both, ctx, "images", 1)
    both.image(ctx, "one")
    both.store.write(both.base, lambda session: quotas.clear_limit(session, ctx.account_id, "images"))
    with pytest.raises(Problem, match="may have 0"):
        both.image(ctx, "two")


def test_of_many_at_once_at_the_limit_exactly_one_is_made(both: World) -> None:
    ctx = both.account()
    _limit(both, ctx, "images", 3)
    both.image(ctx, "one")
    both.image(ctx, "two")
    barrier, outcomes = threading.Barrier(6), []

    def create(number: int) -> None:
        barrier.wait()
        try:
            both.store.write(ctx, lambda session: add_image(session, f"racer-{number}"))
        except Problem as problem:
            outcomes.append(problem.code)
        else:
            outcomes.append("made")

    threads = [threading.Thread(target=create, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", *["over_quota"] * 5]
    assert _images(both, ctx) == 3


def test_bytes_of_stored_images_count_and_a_part_of_a_gb_is_a_whole_one(both: World) -> None:
    ctx = both.account()
    _limit(both, ctx, "image_gb", 3)
    both.image(ctx, "stored", file_size=GIB + 1)
    both.store.write(ctx, lambda session: refuse_bytes(session, GIB))
    with pytest.raises(Problem, match="has 2 and may have 3"):
        both.store.write(ctx, lambda session: refuse_bytes(session, GIB + 1))


def test_the_operator_sees_every_quota_with_what_is_used(both: World) -> None:
    ctx = both.account("galerie")
    both.store.quotas = {"vcpus": 64}
    both.image(ctx, "one")
    _limit(both, ctx, "images", 5)

    def read(session: Session) -> list[account_quotas.AccountQuota]:
        return account_quotas.every(session, account_quotas.account_named(session, "galerie"))

    rows = {row.name: row for row in both.store.read(both.base, read)}
    assert list(rows) == list(QUOTAS)
    assert (rows["images"].used, rows["images"].limit, rows["images"].own) == (1, 5, True)
    assert (rows["vcpus"].used, rows["vcpus"].limit, rows["vcpus"].own) == (0, 64, False)
    assert rows["catalogs"].limit is None


def test_the_fullest_quotas_of_all_accounts_are_told(both: World) -> None:
    first, second, third = (both.account(name) for name in ("first", "second", "third"))
    both.store.quotas = {"images": 5, "image_gb": 10}
    for ctx, number in ((first, 4), (second, 1), (third, 3)):
        for count in range(number):
            both.image(ctx, f"image-{count}")
    _limit(both, second, "images", 1)
    _limit(both, first, "vcpus", 0)

    def near(most: int) -> Any:
        rows = both.store.read(both.base, lambda session: account_quotas.nearest(session, 80, most))
        return [(row.account, row.name, row.used, row.limit) for row in rows]

    assert near(9) == [("second", "images", 1, 1), ("first", "images", 4, 5)]
    assert near(1) == [("second", "images", 1, 1)]
    both.image(third, "large", file_size=9 * GIB - 1)
    assert ("third", "image_gb", 9, 10) in near(9)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image=1", "'image' is no quota; give one of images, image_gb"),
        ("images", "whole number of 0 or more for images"),
        ("images=-1", "whole number of 0 or more for images"),
        ("images=many", "whole number of 0 or more for images"),
        ("images=1,vcpus=2.5", "whole number of 0 or more for vcpus"),
        (f"images={2**31}", "whole number of 0 or more for images"),
    ],
)
def test_a_default_that_is_none_is_refused_with_its_name(text: str, reason: str) -> None:
    with pytest.raises(BadQuota, match=reason):
        parse(text)


def test_several_defaults_are_one_text() -> None:
    assert parse("") == {}
    assert parse("images=100, vcpus=64") == {"images": 100, "vcpus": 64}


def test_every_counted_type_has_a_quota_that_the_operator_sees() -> None:
    assert {*quotas.COUNTED.values(), "image_gb", "vcpus"} == set(QUOTAS)
