"""Usage over time, for the operator: what the audit says of the last days, a plot and a table for each question."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.responses import Response

from kunsthalle.console.listing import Row
from kunsthalle.console.page_frame import Page, Visit, page
from kunsthalle.core.records import dataclass
from kunsthalle.core.sizes import MIB

_AUDIT = "/_kunsthalle/audit"
DAYS = 14
"""Days that are shown, today included."""
PAGE, PAGES_READ = 200, 10
"""Entries that are asked for at once, and how often: what is older is not counted, and the page says so."""
_SECOND_MOST = 299

Test = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a plot: what it counts, and the class that draws it."""

    label: str
    style: str
    counts: Test


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a bar, in the units of the plot, and what it stands for."""

    x: int
    y: float
    height: float
    style: str
    told: str


@dataclass(frozen=True, slots=True)
class Plot:
    """A question, its series, and the numbers of each day in the order of the series."""

    key: str
    title: str
    series: Sequence[Series]
    days: Sequence[str]
    numbers: Sequence[Sequence[int]]

    @property
    def highest(self) -> int:
        return max((sum(row) for row in self.numbers), default=0)

    @property
    def bars(self) -> Iterable[Bar]:
        """The bars of a plot that is 100 high, 40 wide for each day; those of a day stand on each other."""
        scale = 100 / max(self.highest, 1)
        for at, (day, row) in enumerate(zip(self.days, self.numbers, strict=True)):
            top = 100.0
            for series, number in zip(self.series, row, strict=True):
                height = number * scale
                top -= height
                if number:
                    yield Bar(at * 40 + 4, top, height, series.style, f"{day}: {number} {series.label}")


def _status(low: int, high: int) -> Test:
    return lambda entry: low <= entry["outcome"] <= high


def _done(action: str) -> Test:
    return lambda entry: entry["action"] == action and entry["outcome"] <= _SECOND_MOST


PLOTS: tuple[tuple[str, str, tuple[Series, ...]], ...] = (
    (
        "requests",
        "Audited requests by status",
        (
            Series("succeeded", "plot-good", _status(100, 399)),
            Series("refused", "plot-warn", _status(400, 499)),
            Series("failed", "plot-bad", _status(500, 599)),
        ),
    ),
    (
        "images",
        "Images",
        (
            Series("imported", "plot-good", _done("is.image.image.create")),
            Series("deleted", "plot-off", _done("is.image.image.delete")),
        ),
    ),
    (
        "instances",
        "Instances",
        (
            Series("created", "plot-good", _done("is.instance.instance.create")),
            Series("deleted", "plot-off", _done("is.instance.instance.delete")),
        ),
    ),
)
"""The questions: their words in the page, and what of an entry of the audit they count."""


def last_days(today: str) -> list[str]:
    """The days that are shown, the oldest first, as ISO dates; `today` is a moment of the product clock."""
    end = date.fromisoformat(today[:10])
    return [(end - timedelta(days=back)).isoformat() for back in range(DAYS - 1, -1, -1)]


def plotted(entries: Iterable[Row], days: list[str]) -> list[Plot]:
    """Every plot, with the entries counted by their days; entries of other days count nowhere."""
    by_day: dict[str, list[Row]] = {day: [] for day in days}
    for entry in entries:
        by_day.get(entry["at"][:10], []).append(entry)
    return [
        Plot(key, title, series, days, [[sum(map(line.counts, by_day[day])) for line in series] for day in days])
        for key, title, series in PLOTS
    ]


def bytes_plot(told: Iterable[Row], days: list[str]) -> Plot:
    """The bytes of images that there still are, at the end of each day, in MiB."""
    by_day = {row["day"]: row["bytes"] for row in told}
    total = sum(count for day, count in by_day.items() if day < days[0])
    numbers = []
    for day in days:
        total += by_day.get(day, 0)
        numbers.append([-(-total // MIB)])
    return Plot("bytes", "MiB of images that there still are", (Series("MiB", "plot-good", _none),), days, numbers)


def _none(_entry: Row) -> bool:
    return False


async def _entries(visit: Visit, since: str) -> tuple[list[Row], bool]:
    """The entries since a day, the newest first, and whether there are more than were read."""
    entries, start = list[Row](), ""
    for _ in range(PAGES_READ):
        query = [("limit", str(PAGE)), ("since", f"{since}T00:00:00Z"), *([("start", start)] if start else [])]
        told: Any = await visit.api.operate("GET", _AUDIT, query=query)
        entries += told["entries"]
        start = parse_qs(urlsplit(told.get("next_url", "")).query).get("start", [""])[0]
        if not start:
            return entries, False
    return entries, True


async def _usage(visit: Visit) -> Response:
    clock = await visit.api.operate("GET", "/_kunsthalle/clock")
    days = last_days(clock["now"])
    entries, cut = await _entries(visit, days[0])
    taken = (await visit.api.operate("GET", "/_kunsthalle/image_bytes"))["days"]
    plots = [*plotted(entries, days), bytes_plot(taken, days)]
    return visit.page("operator/usage.html", plots=plots, cut=len(entries) if cut else 0)


PAGES: tuple[Page, ...] = (page("/operator/usage", _usage, f"GET {_AUDIT}", operator=True),)
