"""The pages of declared types of resources: a list, a page of one, and a dialog for each action."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from kunsthalle.console.api_client import Api, Refused, segment
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Row, Slice, Source, listing
from kunsthalle.console.page_frame import Page, Visit, form, page
from kunsthalle.console.resource_shapes import Action, Kind, Offer, Part, offers
from kunsthalle.core.errors import NOT_FOUND
from kunsthalle.core.records import dataclass

_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class _Prepared:
    """Rows with what their kind adds to them."""

    visit: Visit
    kind: Kind
    source: Source

    async def slice(self, api: Api, start: str, limit: int, filters: list[tuple[str, str]]) -> Slice:
        resource = await self.source.slice(api, start, limit, filters)
        await self.kind.prepare(self.visit, resource.rows)
        return resource


def _ids(visit: Visit, place: str) -> list[str]:
    """What a page's address names, each as a segment of another path."""
    return [visit.id(name) for name in _PLACE.findall(place)]


def at(visit: Visit, place: str) -> str:
    """The address of a page that names no more than this one does."""
    return _PLACE.sub(lambda match: visit.id(match[1]), place)


def path_of(visit: Visit, template: str, place: str, more: Mapping[str, str] | None = None) -> str:
    """A path of the API: `more` by name, accounts are the visitor's, and the rest the last IDs of the page's address.

    What a form leaves empty names nothing that exists.
    """
    values = {name: segment(value or "-") for name, value in (more or {}).items()}
    values["account_id"] = segment(visit.active)
    names = [name for name in _PLACE.findall(template) if name not in values]
    known = _ids(visit, place)
    values |= dict(zip(names, known[len(known) - len(names) :], strict=True))
    return _PLACE.sub(lambda match: values[match[1]], template)


async def found(visit: Visit, kind: Kind) -> Row:
    """The resource that the address names, prepared; Refused where it cannot be seen."""
    path = path_of(visit, _path(kind.one), kind.here)
    told, tag = await visit.api.read(path)
    row = {"entity_tag": tag, **told}
    await kind.prepare(visit, [row])
    return row


def _path(operation: str) -> str:
    return operation.partition(" ")[2]


async def _found_part(visit: Visit, part: Part, row: Row) -> Row:
    id_ = str(visit.request.path_params[part.id])
    match = next((entry for entry in await part.rows(visit, row) if str(entry["id"]) == id_), None)
    if match is None:
        raise Refused(404, "not_found", NOT_FOUND)
    return match


def _place_of(kind: Kind, row: Row, visit: Visit) -> str:
    above = at(visit, kind.here.rsplit("/", 1)[0])
    return f"{above}/{segment(str(row['id']))}"


def _list(kind: Kind) -> Page:
    async def shown(visit: Visit) -> Response:
        choices = await kind.choices(visit)
        source = _Prepared(visit, kind, kind.source(visit))
        table = await listing(visit.api, visit.query, source, [shown.column for shown in kind.columns], choices)

        def acts(row: Row) -> list[Offer]:
            return [*kind.links(row), *offers(_place_of(kind, row, visit), kind.actions, row, kind.rule)]

        told: dict[str, Any] = {"acts": acts, "place_of": lambda row: _place_of(kind, row, visit)}
        told["list_place"] = at(visit, kind.list_path)
        told["create"] = kind.creates(told["list_place"], await kind.closed(visit))
        moving = any(kind.moving(row) for row in table.rows)
        return visit.page("resource/list.html", kind=kind, list=table, moving=moving, **told)

    return page(kind.list_path, shown, kind.many)


def _details(kind: Kind) -> Page:
    async def shown(visit: Visit) -> Response:
        row = await found(visit, kind)
        parts = [(part, await part.rows(visit, row)) for part in kind.parts]
        place = at(visit, kind.here)

        def acts_of(part: Part, entry: Row) -> list[Offer]:
            below = f"{place}/{part.key}/{segment(str(entry['id']))}"
            return offers(below, part.actions, entry, part.rule) if part.id else []

        told: dict[str, Any] = {
            "acts": offers(place, kind.actions, row, kind.rule),
            "links": kind.links(row),
            "acts_of": acts_of,
            "parts": parts,
        }
        told["list_place"] = at(visit, kind.list_path)
        told |= {"creates": {part.key: offers(f"{place}/{part.key}", part.create, row) for part in kind.parts}}
        return visit.page("resource/details.html", kind=kind, row=row, moving=kind.moving(row), place=place, **told)

    return page(kind.here, shown, kind.one)


@dataclass(frozen=True, slots=True)
class _Dialog:
    """An action at a place: on nothing yet, on a resource, for a part that is to be, or on a part."""

    kind: Kind
    action: Action
    place: str
    on_one: bool
    part: Part | None = None
    on_part: bool = False

    async def subject(self, visit: Visit) -> Row:
        """What the action is about, looked up first: who does not see it gets the page of what is not there."""
        if not self.on_one:
            if _PLACE.search(self.place):
                await self.kind.source(visit).slice(visit.api, "", 1, [])
            return {}
        row = await found(visit, self.kind)
        if self.part is None or not self.on_part:
            return row
        return await _found_part(visit, self.part, row)

    @property
    def _makes(self) -> bool:
        """Whether the action makes what is not there yet, so that its inputs begin empty."""
        return not self.on_one or (self.part is not None and not self.on_part)

    def title(self, row: Row) -> str:
        if self._makes:
            return self.action.label
        name = self.part.label(row) if self.part is not None else self.kind.label(row)
        return f"{self.action.label} {name}" if self.action.inputs else f"{self.action.label} {name}?"

    def back(self, visit: Visit) -> str:
        return at(visit, self.kind.here if self.on_one else self.kind.list_path)

    async def show(self, visit: Visit, filled: Form) -> Response:
        row = await self.subject(visit)
        options = {
            entry.name: await entry.options(visit, row) if callable(entry.options) else entry.options
            for entry in self.action.inputs
        }
        told = {
            "title": self.title(row),
            "back": self.back(visit),
            "options": options,
            "row": {} if self._makes else row,
        }
        return visit.form_page("resource/dialog.html", filled, kind=self.kind, action=self.action, **told)

    async def submit(self, visit: Visit, filled: Form) -> Response:
        row = await self.subject(visit)
        action = self.action
        method, path = action.operation.split(" ")
        body = await action.body(visit, filled, row)
        path = path_of(visit, path, self.place, action.names(filled, row))
        made = await visit.api.send(method, path, body, action.query(filled), action.headers(row))
        if action.made:
            return visit.page(action.made, kind=self.kind, made=made, back=self.back(visit))
        return visit.to(self._then(visit, made), action.done, action.said_as)

    def _then(self, visit: Visit, made: Any) -> str:
        if self.action.then is not None:
            return self.action.then(made)
        if self.action.gone and not self.on_part:
            return at(visit, self.kind.list_path)
        if self.on_one:
            return at(visit, self.kind.here)
        return _place_of(self.kind, made, visit)

    @property
    def pages(self) -> tuple[Page, Page]:
        return form(f"{self.place}/{self.action.key}", self.show, self.submit, self.action.operation)


def pages_of(kind: Kind) -> tuple[Page, ...]:
    """Every page of a type of resource."""
    dialogs = [_Dialog(kind, action, kind.list_path, on_one=False) for action in kind.create]
    dialogs += [_Dialog(kind, action, kind.here, on_one=True) for action in kind.actions]
    for part in kind.parts:
        place = f"{kind.here}/{part.key}"
        dialogs += [_Dialog(kind, action, place, True, part) for action in part.create]
        below = f"{place}/{{{part.id}}}"
        dialogs += [_Dialog(kind, action, below, True, part, on_part=True) for action in part.actions]
    shown = (_details(kind),) if kind.single else (_list(kind), _details(kind))
    return (*shown, *(each for dialog in dialogs for each in dialog.pages))
