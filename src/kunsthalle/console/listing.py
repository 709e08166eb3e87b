"""Lists: pages of what the API lists, or all of it where it is to be sorted or searched.

In the API's own order a page of the console is one page of the API. Sorting by a column and searching in all columns
are not what the APIs offer: for these the whole list is fetched, up to a bound that the page tells of.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import field, replace
from typing import Any, Protocol
from urllib.parse import parse_qs, urlencode, urlsplit

from kunsthalle.console.api_client import Api
from kunsthalle.core.records import dataclass
from kunsthalle.core.text_values import integer

SIZES = (10, 25, 50, 100)
DEFAULT_SIZE = 25
MOST = 2_000
LONGEST = 200
"""Characters of a text to search or filter by."""
Row = dict[str, Any]

FURTHEST = 10**8 - 1
"""The furthest place in a list that a page's address may name."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its word in addresses, its heading, what of a row it is sorted and searched by."""

    key: str
    label: str
    of: Callable[[Row], Any] | None = None
    number: bool = False

    def value(self, row: Row) -> Any:
        return self.of(row) if self.of is not None else row.get(self.key, "")


FEW, FREE, MOMENT = "few", "free", "moment"


@dataclass(frozen=True, slots=True)
class Choice:
    """A filter that the API itself understands: one of a few values, a text (`FREE`), or a moment (`MOMENT`)."""

    key: str
    label: str
    options: Sequence[tuple[str, str]]
    kind: str = FEW

    def takes(self, value: str) -> bool:
        """Whether a value of an address makes sense."""
        if self.kind == FEW:
            return any(value == option for option, _ in self.options)
        return 0 < len(value) <= LONGEST


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of a source: its rows, how many there are in all (None: nobody says), and where the next one begins."""

    rows: list[Row]
    total: int | None
    next: str | None


class Source(Protocol):
    """Where rows come from, page by page."""

    async def slice(self, api: Api, start: str, limit: int, filters: list[tuple[str, str]]) -> Slice:
        """The page that begins at `start`; an empty one is the first."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Lists whose `next` is an address with a start token: of the VPC API and of the platform."""

    path: str
    key: str
    parameter: str = "start"
    fixed: tuple[tuple[str, str], ...] = ()
    size: str = "limit"
    """What the API calls the length of a page."""

    async def slice(self, api: Api, start: str, limit: int, filters: list[tuple[str, str]]) -> Slice:
        more = [(self.parameter, start)] if start else []
        told = await api.get(self.path, [(self.size, str(limit)), *self.fixed, *filters, *more])
        following = told.get("next") or told.get("next_url") or ""
        address = following.get("href", "") if isinstance(following, dict) else following
        token = parse_qs(urlsplit(address).query).get(self.parameter, [""])[0]
        return Slice(told[self.key], told.get("total_count"), token or None)


@dataclass(frozen=True, slots=True)
class Offsets:
    """Lists with `offset` and `limit`: of Catalog Management."""

    path: str
    key: str = "resources"
    fixed: tuple[tuple[str, str], ...] = ()

    async def slice(self, api: Api, start: str, limit: int, filters: list[tuple[str, str]]) -> Slice:
        at = integer(start, 0, FURTHEST) or 0
        told = await api.get(self.path, [("limit", str(limit)), ("offset", str(at)), *self.fixed, *filters])
        total = told["total_count"]
        return Slice(told[self.key], total, str(at + limit) if at + limit < total else None)


@dataclass(frozen=True, slots=True)
class Made:
    """Rows that a page has put together itself, all of them."""

    make: Callable[[Api], Awaitable[list[Row]]]

    async def slice(self, api: Api, start: str, limit: int, filters: list[tuple[str, str]]) -> Slice:
        at = integer(start, 0, FURTHEST) or 0
        every = await self.make(api)
        rows = [row for row in every if all(str(row.get(key, "")) == value for key, value in filters)]
        here = rows[at : at + limit]
        return Slice(here, len(rows), str(at + limit) if at + limit < len(rows) else None)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of a page says about its list."""

    search: str = ""
    sort: str = ""
    limit: int = DEFAULT_SIZE
    starts: tuple[str, ...] = ()
    filters: tuple[tuple[str, str], ...] = ()
    shown: tuple[str, ...] = ()
    """The columns to show besides the first; all where none is named."""

    @classmethod
    def of(cls, query: Any, columns: Sequence[Column], choices: Sequence[Choice]) -> Asked:
        """Reads a query; what makes no sense is left out."""
        known = {sign + column.key for column in columns for sign in ("", "-")}
        limit = query.get("limit", "")
        sizes = {str(size): size for size in SIZES}
        sent = [(choice, query.get(choice.key, "").strip()) for choice in choices]
        return cls(
            search=query.get("q", "").strip()[:LONGEST],
            sort=query.get("sort", "") if query.get("sort", "") in known else "",
            limit=sizes.get(limit, DEFAULT_SIZE),
            starts=tuple(query.getlist("start"))[:500],
            filters=tuple((choice.key, value) for choice, value in sent if choice.takes(value)),
            shown=tuple(column.key for column in columns if column.key in query.getlist("show")),
        )

    def address(self, **changed: Any) -> str:
        """The query of the same list with something changed; a change of anything but `starts` begins anew."""
        asked = replace(self, starts=changed.pop("starts", ()), **changed)
        pairs = [("q", asked.search), ("sort", asked.sort)]
        pairs += [("limit", str(asked.limit) if asked.limit != DEFAULT_SIZE else "")]
        pairs += [*asked.filters, *(("show", key) for key in asked.shown)]
        pairs += [("start", start) for start in asked.starts]
        return "?" + urlencode([(name, value) for name, value in pairs if value])


@dataclass(frozen=True, slots=True)
class Listing:
    """A list as a template shows it."""

    columns: Sequence[Column]
    choices: Sequence[Choice]
    asked: Asked
    rows: list[Row]
    total: int | None
    next: str | None
    cut: bool = False
    sizes: Sequence[int] = field(default=SIZES)

    @property
    def number(self) -> int:
        """Which page this is, from 1."""
        return len(self.asked.starts) + 1

    @property
    def first(self) -> int:
        return (self.number - 1) * self.asked.limit + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1

    @property
    def previous_address(self) -> str:
        starts = self.asked.starts
        return self.asked.address(starts=starts[:-1]) if starts else ""

    @property
    def next_address(self) -> str:
        return self.asked.address(starts=(*self.asked.starts, self.next)) if self.next else ""

    @property
    def narrowed(self) -> bool:
        """Whether something is left out by a search or a filter."""
        return bool(self.asked.search or self.asked.filters)

    @property
    def blank(self) -> bool:
        """Whether there is nothing at all, and not only nothing that matches or nothing on this page."""
        return not self.rows and not self.narrowed and not self.asked.starts

    def hides(self, column: Column) -> bool:
        """Whether the reader has chosen other columns than this one; the first is always shown."""
        return bool(self.asked.shown) and column.key not in self.asked.shown and column is not self.columns[0]

    def sorted_by(self, column: Column) -> str:
        """`ascending`, `descending` or nothing: what assistive technology is told of a column."""
        named = self.asked.sort.removeprefix("-") == column.key
        return "" if not named else "descending" if self.asked.sort.startswith("-") else "ascending"

    def sort_address(self, column: Column) -> str:
        """Ascending first; asked again, descending."""
        return self.asked.address(sort=f"-{column.key}" if self.asked.sort == column.key else column.key)

    def chosen(self, choice: Choice) -> str:
        return dict(self.asked.filters).get(choice.key, "")


async def listing(
    api: Api, query: Any, source: Source, columns: Sequence[Column], choices: Sequence[Choice] = ()
) -> Listing:
    """The list that an address asks for."""
    asked = Asked.of(query, columns, choices)
    filters = list(asked.filters)
    if not asked.search and not asked.sort:
        start = asked.starts[-1] if asked.starts else ""
        resource = await source.slice(api, start, asked.limit, filters)
        counted = (len(asked.starts) * asked.limit + len(resource.rows)) if resource.next is None else None
        total = counted if resource.total is None else resource.total
        return Listing(columns, choices, asked, resource.rows, total, resource.next)
    every, cut = await everything(api, source, filters)
    rows = _sorted(_searched(every, asked.search, columns), asked.sort, columns)
    at = len(asked.starts) * asked.limit
    following = str(at + asked.limit) if at + asked.limit < len(rows) else None
    return Listing(columns, choices, asked, rows[at : at + asked.limit], len(rows), following, cut)


async def everything(api: Api, source: Source, filters: list[tuple[str, str]] | None = None) -> tuple[list[Row], bool]:
    """Every row of a source, at most MOST of them, and whether there are more."""
    rows: list[Row] = []
    start = ""
    while True:
        resource = await source.slice(api, start, SIZES[-1], filters or [])
        rows += resource.rows
        if resource.next is None or len(rows) >= MOST:
            return rows, resource.next is not None
        start = resource.next


def _searched(rows: list[Row], search: str, columns: Sequence[Column]) -> list[Row]:
    words = search.casefold().split()
    if not words:
        return rows
    texts = [
        " ".join([str(column.value(row)) for column in columns] + [str(row.get("id", ""))]).casefold() for row in rows
    ]
    return [row for row, text in zip(rows, texts, strict=True) if all(word in text for word in words)]


def _sorted(rows: list[Row], sort: str, columns: Sequence[Column]) -> list[Row]:
    column = next((entry for entry in columns if entry.key == sort.removeprefix("-")), None)
    if column is None:
        return rows

    def key(row: Row) -> Any:
        value = column.value(row)
        return (value is None, value or 0) if column.number else str(value).casefold()

    return sorted(rows, key=key, reverse=sort.startswith("-"))
