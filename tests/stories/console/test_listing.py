"""Lists: which page of what a source has is shown, and in which order."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.datastructures import QueryParams

from kunsthalle.console.listing import MOST, Column, Listing, Slice, listing

COLUMNS = (Column("name", "Name"), Column("size", "Size", number=True))


class Numbers:
    """A source of numbered rows that counts how often it is asked."""

    def __init__(self, count: int) -> None:
        self.rows = [{"id": f"r{at}", "name": f"row-{at % 7}", "size": at if at % 3 else None} for at in range(count)]
        self.asked = 0

    async def slice(self, _api: Any, start: str, limit: int, _filters: Any) -> Slice:
        self.asked += 1
        at = int(start or 0)
        following = str(at + limit) if at + limit < len(self.rows) else None
        return Slice(self.rows[at : at + limit], len(self.rows), following)


def ask(source: Numbers, query: str) -> Listing:
    return asyncio.run(listing(None, QueryParams(query), source, COLUMNS))  # type: ignore[arg-type]  # no API is asked


def test_a_page_in_the_apis_own_order_is_one_call() -> None:
    source = Numbers(60)
    found = ask(source, "limit=25")
    assert (source.asked, len(found.rows), found.first, found.last, found.total) == (1, 25, 1, 25, 60)
    second = ask(source, found.next_address[1:])
    assert (second.number, second.first, second.last, second.rows[0]["id"]) == (2, 26, 50, "r25")
    third = ask(source, second.next_address[1:])
    assert (third.last, third.next_address) == (60, "")
    back = ask(source, third.previous_address[1:])
    assert back.rows == second.rows


@pytest.mark.parametrize(
    ("query", "first"),
    [("sort=size", 1), ("sort=-size", None), ("sort=name", None), ("q=row-3", 10), ("q=ROW-3&sort=-size", None)],
)
def test_sorting_and_searching_look_at_everything(query: str, first: int | None) -> None:
    found = ask(Numbers(60), query)
    sizes = [row["size"] for row in found.rows if row["size"] is not None]
    if "sort=-size" in query:
        assert sizes == sorted(sizes, reverse=True)
    if query == "sort=size":
        assert (sizes, sizes[0]) == (sorted(sizes), first)
    if "q=" in query:
        assert {row["name"] for row in found.rows} == {"row-3"}
    if query == "sort=name":
        assert [row["name"] for row in found.rows] == sorted(row["name"] for row in found.rows)


def test_a_sorted_list_is_paged_and_a_change_begins_anew() -> None:
    found = ask(Numbers(60), "sort=name&limit=10")
    second = ask(Numbers(60), found.next_address[1:])
    assert (second.number, second.first, second.last, second.asked.sort) == (2, 11, 20, "name")
    assert "start" not in second.sort_address(COLUMNS[1])
    assert second.sort_address(COLUMNS[0]) == "?sort=-name&limit=10"


def test_more_than_can_be_looked_at_is_said() -> None:
    assert not ask(Numbers(MOST), "sort=name").cut
    assert ask(Numbers(MOST + 1), "sort=name").cut


@pytest.mark.parametrize("query", ["limit=7", "limit=-1", "limit=x", "sort=secret", "status=any", "q=" + "x" * 5_000])
def test_what_makes_no_sense_is_left_out(query: str) -> None:
    found = ask(Numbers(3), query)
    assert (found.asked.limit, found.asked.sort, found.asked.filters) == (25, "", ())


def test_columns_are_chosen_in_the_address_and_kept_by_every_link_of_the_list() -> None:
    source = Numbers(60)
    every, chosen = ask(source, "limit=10"), ask(source, "limit=10&show=name&show=never")
    assert [column.key for column in COLUMNS if every.hides(column)] == []
    assert [column.key for column in COLUMNS if chosen.hides(column)] == ["size"]
    assert "show=name" in chosen.next_address
    assert "show=name" in chosen.sort_address(COLUMNS[1])
    assert "never" not in chosen.next_address
    assert not ask(source, "show=size").hides(COLUMNS[0]), "the first column says what a row is"
