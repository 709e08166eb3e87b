"""What a page about one type of resource is made of: what is shown, what can be done, and what is asked for it.

An area of the console declares a `Kind`; `resource_pages` makes its list, its page of one, and its dialogs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple

from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Choice, Column, Linked, Row, Source, everything
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.refusals import Rule, none
from kunsthalle.core.records import dataclass

Option = tuple[str, str]
"""A value and its label."""


class Link(NamedTuple):
    """Text that leads to a page of the console; no path, no link."""

    text: str
    path: str = ""


class Named(NamedTuple):
    """A name with the ID beside it."""

    name: str
    id: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A column of a list, or a fact on a page. `shape` says how a template writes the value.

    text: a text or a number; moment: RFC 3339; status: a state of the API; bytes: a count; copy: a text to be copied
    whole; links: `Link`s; named: `Named`s; code: a text as typed.
    """

    key: str
    label: str
    of: Callable[[Row], Any] | None = None
    shape: str = "text"
    number: bool = False

    def value(self, row: Row) -> Any:
        return self.of(row) if self.of is not None else row.get(self.key)

    def text(self, row: Row) -> Any:
        """What the column is sorted and searched by."""
        value = self.value(row)
        if self.number:
            return value
        if self.shape in {"links", "named"}:
            return " ".join(" ".join(entry) if self.shape == "named" else entry.text for entry in value)
        return "" if value is None else value

    @property
    def column(self) -> Column:
        return Column(self.key, self.label, self.text, self.number)


Options = Callable[[Visit, Row], Awaitable[Sequence[Option]]]


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a dialog, named as the field of the API's body. `kind`: line, area, select, several, check, moment.

    `loads`: a file may be chosen whose text the script puts into the input.
    """

    name: str
    label: str
    kind: str = "line"
    hint: str = ""
    required: bool = False
    options: Options | Sequence[Option] = ()
    choose: str = ""
    default: Callable[[Row], Any] = lambda _row: ""
    loads: bool = False


def _nothing(_row: Row) -> dict[str, str]:
    return {}


def _always(_row: Row) -> bool:
    return True


async def _empty(_visit: Visit, _form: Form, _row: Row) -> Any:
    return None


Body = Callable[[Visit, Form, Row], Awaitable[Any]]


def of_inputs(*names: str, **fixed: Any) -> Body:
    """The body that the named inputs make, those without a value left out, with what is always in it."""

    async def body(_visit: Visit, form: Form, _row: Row) -> Any:
        return {**fixed, **form.body(*names)}

    return body


def changed(*names: str) -> Body:
    """The body that the named inputs make, an empty one among them too: what was emptied is to be empty."""

    async def body(_visit: Visit, form: Form, _row: Row) -> Any:
        return {name: form.get(name) for name in names}

    return body


@dataclass(frozen=True, slots=True)
class Action:
    """What can be done: its word in addresses, its label, the operation, what is said afterwards, what it asks for.

    `offered` says whether it makes sense for a row at all; the rule of its type, why the API would refuse it.
    `gone`: the row has no page afterwards. `then` is the page that follows, of what the API answered.
    """

    key: str
    label: str
    operation: str
    done: str
    about: str = ""
    inputs: tuple[Input, ...] = ()
    body: Body = _empty
    danger: bool = False
    gone: bool = False
    offered: Callable[[Row], bool] = _always
    headers: Callable[[Row], Mapping[str, str]] = _nothing
    query: Callable[[Form], list[tuple[str, str]]] = lambda _form: []
    then: Callable[[Any], str] | None = None
    names: Callable[[Form, Row], Mapping[str, str]] = lambda _form, _row: {}
    """What the operation's path names beyond the page's own address, by what the path calls it."""
    made: str = ""
    """The template of a page that shows what was made, once."""

    @property
    def said_as(self) -> str:
        """How a page tells of it afterwards: what is under way has not succeeded yet."""
        return "info" if " being " in self.done else "success"


class Offer(NamedTuple):
    """An action as a page offers it: its label, its page, whether it is dangerous, and why it would be refused."""

    label: str
    path: str
    danger: bool
    reason: str = ""


def offers(place: str, actions: Sequence[Action], row: Row, rule: Rule = none) -> list[Offer]:
    """The actions that make sense for a row whose page is given."""
    return [
        Offer(action.label, f"{place}/{action.key}", action.danger, rule(row, action.key))
        for action in actions
        if action.offered(row)
    ]


Rows = Callable[[Visit, Row], Awaitable[list[Row]]]


@dataclass(frozen=True, slots=True)
class Part:
    """What a resource has several of, in a table on its page: `rows` gives them, each with an `id`.

    `id` names the ID in addresses; none where nothing can be done with a row. `rule` says why the API would refuse it.
    """

    key: str
    title: str
    about: str
    empty: str
    rows: Rows
    columns: tuple[Shown, ...]
    id: str = ""
    create: tuple[Action, ...] = ()
    actions: tuple[Action, ...] = ()
    label: Callable[[Row], str] = lambda row: str(row.get("name") or row["id"])
    rule: Rule = none


@dataclass(frozen=True, slots=True)
class Note:
    """What is said above the facts of a resource. `kind`: info, success, warning, error."""

    kind: str
    text: str
    title: str = ""


async def _as_it_is(_visit: Visit, _rows: list[Row]) -> None:
    return None


async def _no_choices(_visit: Visit) -> Sequence[Choice]:
    return ()


def _none(_row: Row) -> list[Any]:
    return []


def _still(_row: Row) -> bool:
    return False


async def _open(_visit: Visit) -> str:
    return ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of resource: where its pages are, the operations behind them, what they show and what can be done.

    `prepare` adds to rows what the API tells elsewhere, such as names; `rule` says why the API would refuse an action;
    `docs` is a page below `/docs/`.
    """

    word: str
    plural: str
    trail: tuple[str, ...]
    here: str
    many: str
    one: str
    source: Callable[[Visit], Source]
    about: str
    empty: str
    docs: str
    columns: tuple[Shown, ...]
    facts: tuple[Shown, ...]
    create: tuple[Action, ...] = ()
    closed: Callable[[Visit], Awaitable[str]] = _open
    """Why the API would create none in the list that the address names; '' where nothing is known against it."""
    actions: tuple[Action, ...] = ()
    parts: tuple[Part, ...] = ()
    choices: Callable[[Visit], Awaitable[Sequence[Choice]]] = _no_choices
    prepare: Callable[[Visit, list[Row]], Awaitable[None]] = _as_it_is
    rule: Rule = none
    status: str = ""
    """The field with the state that the page of one shows beside its name."""
    notes: Callable[[Row], list[Note]] = _none
    moving: Callable[[Row], bool] = _still
    """Whether a row changes by itself, so that the page asks for it again."""
    label: Callable[[Row], str] = lambda row: str(row["name"])
    links: Callable[[Row], list[Offer]] = _none
    """What else a row leads to, offered before its actions: addresses that are opened as they are."""
    progress: Callable[[Row], Any] = lambda _row: None
    within: str = "this account"
    """What the list is of, for its heading."""
    single: bool = False
    """Whether there is just one, so that there is no list."""
    entry_of: str = field(default="")
    """The entry of the menu, where it is not the page's own list."""

    @property
    def list_path(self) -> str:
        return self.here.rsplit("/{", 1)[0]

    @property
    def entry(self) -> str:
        return self.entry_of or self.list_path

    @property
    def title(self) -> str:
        return self.plural[0].upper() + self.plural[1:]

    def crumbs(self, place: str, name: str = "") -> list[Option]:
        """The way to the list, whose address is given, or to the page of the one with that name."""
        above = [(word, "") for word in self.trail]
        if self.single or not name:
            return [*above, (name or self.title, "")]
        return [*above, (self.title, place), (name, "")]

    def creates(self, place: str, reason: str = "") -> tuple[str, str, bool, str] | None:
        """What creates one in the list at an address, if the API has it created: its label, its page, that it is a
        dialog, and why it would be refused.
        """
        return next(((action.label, f"{place}/{action.key}", True, reason) for action in self.create), None)


def linked(path: str, key: str, parameter: str = "start", *fixed: tuple[str, str]) -> Callable[[Visit], Source]:
    """A list of the VPC API or of the platform, as `listing.Linked` reads it."""
    return lambda _visit: Linked(path, key, parameter, fixed)


def chosen_from(path: str, key: str, choose: Callable[[Row], Option]) -> Options:
    """The options that a list of the API gives."""

    async def options(visit: Visit, _row: Row) -> Sequence[Option]:
        rows, _ = await everything(visit.api, Linked(path, key))
        return [choose(row) for row in rows]

    return options


def id_and_name(row: Row) -> Option:
    return row["id"], row["name"]


async def by_resource_group(visit: Visit) -> Sequence[Choice]:
    """The filter of lists that the API filters by the ID of a resource group."""
    groups, _ = await everything(visit.api, Linked("/v2/resource_groups", "resources"))
    return (Choice("resource_group.id", "Resource group", [id_and_name(row) for row in groups]),)


RESOURCE_GROUP = Input(
    "resource_group.id",
    "Resource group",
    "select",
    options=chosen_from("/v2/resource_groups", "resources", id_and_name),
)
ID = Shown("id", "ID", shape="copy")
CRN = Shown("crn", "CRN", shape="copy")
CREATED = Shown("created_at", "Created", shape="moment")
NAME = Shown("name", "Name")
GROUP = Shown("resource_group", "Resource group", lambda row: row["resource_group"]["name"])
NAME_INPUT = Input("name", "Name", hint="Lower-case letters, digits and hyphens. Left empty, the server generates one.")
RENAME_INPUT = Input("name", "Name", required=True, default=lambda row: row["name"])
