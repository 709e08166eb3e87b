"""Routes of things that are listed, read, made, renamed and removed as all of the VPC API are.

A `Resource` says what differs; the handlers are written once, here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from msgspec import UNSET, UnsetType
from sqlalchemy import Column, ColumnElement

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC, collection, paging
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Call, Route, route
from kunsthalle.api.shapes import Name
from kunsthalle.api.wire import Body
from kunsthalle.store.rows import rename
from kunsthalle.store.scope import Granted, Kind, find, page
from kunsthalle.store.unit import Unit

M = TypeVar("M")
B = TypeVar("B", bound=Body)
Filter = Callable[[Unit, str], ColumnElement[bool]]


class NameBody(Body):
    """What may be changed: the name."""

    name: Name | UnsetType = UNSET


@dataclass(frozen=True, eq=False)
class Resource(Generic[M]):
    """One kind as the API offers it.

    `path` is the collection's; its last segment is the key of lists. Of a kind below another, `parent` is the one
    above, and `parent_field` both the path's parameter and the model's field that name it. `filters` turn values of
    query parameters into conditions.
    """

    kind: Kind[M]
    noun: str
    path: str
    to_wire: Callable[[M, Unit], Any]
    answer: type
    filters: Mapping[str, Filter] = field(default_factory=dict)
    parent: Kind[Any] | None = None
    parent_field: str = ""

    @property
    def key(self) -> str:
        return self.path.rsplit("/", 1)[1]

    def action(self, verb: str) -> str:
        return f"{self.kind.read.rsplit('.', 1)[0]}.{verb}"

    def on_one(self, verb: str = "read") -> access.Access:
        return access.item(self.kind, self.action(verb), parent=self.parent_field)


def equals(column: Column[Any]) -> Filter:
    """Things whose column has just that value."""
    return lambda _unit, value: column == value


def listing(resource: Resource[M]) -> Route:
    """The collection, paged, newest first; what the caller may not read is not in it."""
    table = resource.kind.table

    def call(unit: Unit, request: Request) -> dict[str, Any]:
        after, limit = paging(request)
        where = [make(unit, request.query[name]) for name, make in resource.filters.items() if name in request.query]
        if resource.parent is not None:
            where.append(table.c[resource.parent_field] == request.params[resource.parent_field])
        found = page(unit, resource.kind, *where, after=after, limit=limit)
        return collection(request, unit, resource.key, found, resource.to_wire, limit)

    rule = access.listing(resource.kind)
    if resource.parent is not None:
        rule = access.item(resource.parent, param=resource.parent_field)
    return route("GET", resource.path, _said(call, f"List {resource.noun}s."), family=VPC, access=rule)


def reading(resource: Resource[M]) -> Route:
    """One thing by its id."""

    def call(unit: Unit, request: Request) -> Any:
        return resource.to_wire(request.granted.it, unit)

    said = _said(call, f"Get one {resource.noun}.")
    one = f"{resource.path}/{{id}}"
    return route("GET", one, said, family=VPC, access=resource.on_one(), answer=resource.answer)


def making(resource: Resource[M], make: Callable[[Unit, B], M], body: type[B]) -> Route:
    """A new thing, 201."""

    def call(unit: Unit, request: Request) -> Any:
        return resource.to_wire(make(unit, request.body), unit)

    return route(
        "POST",
        resource.path,
        _said(call, f"Create one {resource.noun}."),
        family=VPC,
        access=access.create(resource.action("create")),
        body=body,
        answer=resource.answer,
        status=201,
    )


def renaming(resource: Resource[M]) -> Route:
    """PATCH of the name; nothing else of these things can be changed."""

    def call(unit: Unit, request: Request) -> Any:
        it, name = request.granted.it, request.body.name
        if name is not UNSET and name != it.name:
            rename(unit, resource.kind, it.id, name)
        return resource.to_wire(find(unit, resource.kind, it.id), unit)

    return route(
        "PATCH",
        f"{resource.path}/{{id}}",
        _said(call, f"Change the name of one {resource.noun}."),
        family=VPC,
        access=resource.on_one("update"),
        body=NameBody,
        answer=resource.answer,
    )


def removing(resource: Resource[M], remove: Callable[[Unit, Granted[M]], None], status: int = 204) -> Route:
    """DELETE; `remove` refuses what cannot go."""

    def call(unit: Unit, request: Request) -> None:
        remove(unit, request.granted)

    said = _said(call, f"Delete one {resource.noun}.")
    one = f"{resource.path}/{{id}}"
    return route("DELETE", one, said, family=VPC, access=resource.on_one("delete"), status=status)


def _said(call: Call, summary: str) -> Call:
    call.__doc__ = summary
    return call
