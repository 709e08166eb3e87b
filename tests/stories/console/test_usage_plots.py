"""Usage over time: which entries of the audit count on which day, and how the plot of them is drawn."""

from __future__ import annotations

from typing import Any

from kunsthalle.console.usage_pages import DAYS, bytes_plot, last_days, plotted
from kunsthalle.core.sizes import MIB


def _entry(at: str, outcome: int, action: str = "is.vpc.vpc.create") -> dict[str, Any]:
    return {"at": at, "outcome": outcome, "action": action}


def test_the_last_days_end_with_today_and_cross_months() -> None:
    days = last_days("2027-03-02T23:59:59.000Z")
    assert (len(days), days[0], days[-1]) == (DAYS, "2027-02-17", "2027-03-02")


def test_entries_count_on_their_day_and_by_their_status() -> None:
    days = last_days("2027-03-02T00:00:00Z")
    entries = [
        _entry("2027-03-02T00:00:00Z", 201, "is.image.image.create"),
        _entry("2027-03-02T10:00:00Z", 409, "is.image.image.delete"),
        _entry("2027-03-01T23:59:59Z", 204, "is.image.image.delete"),
        _entry("2027-03-01T10:00:00Z", 500),
        _entry("2026-03-01T10:00:00Z", 200),
    ]
    requests, images, instances = plotted(entries, days)
    assert requests.numbers[-2:] == [[1, 0, 1], [1, 1, 0]]
    assert sum(map(sum, requests.numbers)) == 4, "an older day is not shown"
    assert images.numbers[-2:] == [[0, 1], [1, 0]], "a refused deletion deletes nothing"
    assert (instances.highest, list(instances.bars)) == (0, [])


def test_the_pieces_of_a_bar_stand_on_each_other_and_the_highest_fills_the_plot() -> None:
    entries = [*[_entry("2027-03-02T00:00:00Z", 200)] * 3, _entry("2027-03-02T00:00:00Z", 404)]
    requests = plotted(entries, last_days("2027-03-02T00:00:00Z"))[0]
    below, above = requests.bars
    assert (below.y, below.height, below.told) == (25.0, 75.0, "2027-03-02: 3 succeeded")
    assert (above.y, above.height, above.told) == (0.0, 25.0, "2027-03-02: 1 refused")
    assert below.x == above.x == 40 * (DAYS - 1) + 4


def test_bytes_add_up_and_those_of_earlier_days_are_there_from_the_first_on() -> None:
    days = ["2027-01-01", "2027-01-02", "2027-01-03"]
    told = [("2026-12-01", 3 * MIB), ("2027-01-02", MIB // 2), ("2027-01-03", 2 * MIB), ("2027-02-01", MIB)]
    plot = bytes_plot([{"day": day, "bytes": count} for day, count in told], days)
    assert plot.numbers == [[3], [4], [6]]
    assert [bar.told for bar in plot.bars][-1] == "2027-01-03: 6 MiB"
