"""Routes of resources that are listed, read, made, changed and removed as all of the VPC API are.

A `Resource` says what differs; the handlers are written once, here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from msgspec import UNSET, UnsetType
from sqlalchemy import Column, ColumnElement

from kunsthalle.api import access
from kunsthalle.api.common_schemas import Name
from kunsthalle.api.query_params import fields_of
from kunsthalle.api.request import Request
from kunsthalle.api.router import Call, Route, route
from kunsthalle.api.serialization import RequestBody
from kunsthalle.api.surfaces.vpc import VPC, PageParameters, collection
from kunsthalle.db.pages import Page, ordered, page
from kunsthalle.db.rows import rename
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized, ResourceType, find

M = TypeVar("M")
Parent = TypeVar("Parent")
B = TypeVar("B", bound=RequestBody)
T = TypeVar("T")
Filter = Callable[[Session, Any], ColumnElement[bool]]
"""A condition from the value of a query parameter."""


class NameRequest(RequestBody):
    """What may be changed of most resources: the name."""

    name: Name | UnsetType = UNSET


@dataclass(frozen=True, eq=False)
class Resource(Generic[M]):
    """One kind as the API offers it.

    `path` is the collection's; its last segment is the key of lists. Of a kind below another, `parent` is the one
    above, and `parent_field` both the path's parameter and the model's field that name it; `above` is the same for
    the one above the parent. `query` are the parameters of the list; `filters` make conditions of those that neither
    page nor sort, by their names in the struct. `fresh` is the field that says `pending` in the answer to the
    creation (vpc-api.md C2).
    """

    kind: ResourceType[M]
    path: str
    to_response: Callable[[M, Session], Any]
    answer: type
    filters: Mapping[str, Filter] = field(default_factory=dict)
    parent: ResourceType[Any] | None = None
    parent_field: str = ""
    above: str = ""
    query: type[PageParameters] = PageParameters
    fresh: str = ""

    def __post_init__(self) -> None:
        declared = {field.attribute for field in fields_of(self.query).values()} - {"start", "limit", "sort"}
        if declared != set(self.filters):
            raise TypeError(f"{self.path}: parameters {sorted(declared)}, filters {sorted(self.filters)}")

    @property
    def sortable(self) -> bool:
        return "sort" in self.query.__struct_fields__

    @property
    def key(self) -> str:
        return self.path.rsplit("/", 1)[1]

    def action(self, verb: str) -> str:
        """What hangs below a resource without an action of its own is changed by who may change that resource."""
        if self.parent is not None and self.parent.read == self.kind.read and verb != "read":
            verb = "update"
        return f"{self.kind.read.rsplit('.', 1)[0]}.{verb}"

    def on_one(self, verb: str = "read") -> access.Access:
        """The rule of a route about one of them."""
        return access.item(self.kind, self.action(verb), parents=(self.parent_field, self.above))

    def on_parent(self, verb: str = "read") -> access.Access:
        """The rule of a route about all of them below one parent."""
        if self.parent is None:
            return access.create(self.action(verb)) if verb == "create" else access.listing(self.kind)
        action = self.parent.read if verb == "read" else self.action(verb)
        return access.item(self.parent, action, param=self.parent_field, parents=(self.above,))


def equals(column: Column[Any]) -> Filter:
    """Resources whose column has just that value."""
    return lambda _session, value: column == value


def given(value: T | UnsetType, default: T) -> T:
    """The value of a field, or what stands for it when it is absent."""
    return default if isinstance(value, UnsetType) else value


def among(query: PageParameters, items: Sequence[T], id_of: Callable[[T], str]) -> Page[T]:
    """A page of a list at hand, in its own order. When the item that a page ended with is gone, the
    next page begins with the one that took its place.
    """
    after, limit = query.start, query.limit
    begin = 0
    if after is not None:
        index = next((at for at, item in enumerate(items) if id_of(item) == after[1]), None)
        begin = after[0] if index is None else index + 1
    chosen = list(items[begin : begin + limit])
    more = bool(chosen) and begin + limit < len(items)
    return Page(chosen, len(items), (begin + limit - 1, id_of(chosen[-1])) if more else None)


def in_order(items: list[Any], asked: str) -> list[Any]:
    """A short list by a property, and by id where that is the same; `-` turns the order around."""
    name, descending = asked.removeprefix("-"), asked.startswith("-")
    column = "number" if name == "address" else name
    return sorted(items, key=lambda item: (getattr(item, column), item.id), reverse=descending)


def _found(session: Session, query: PageParameters, resource: Resource[M], where: list[ColumnElement[bool]]) -> Page[M]:
    """Newest first, unless the list can be sorted and is to be."""
    sort: str | None = getattr(query, "sort") if resource.sortable else None  # noqa: B009  which structs have it
    if sort is None:
        return page(session, resource.kind, *where, after=query.start, limit=query.limit)
    name, descending = sort.removeprefix("-"), sort.startswith("-")
    column = resource.kind.table.c["number" if name == "address" else name]
    place: Any = {"column": column, "descending": descending, "after": query.start, "limit": query.limit}
    return ordered(session, resource.kind, *where, **place)


def listing(resource: Resource[M], summary: str) -> Route:
    """The collection, paged, newest first unless sorted; what the caller may not read is not in it."""
    table = resource.kind.table

    def call(session: Session, request: Request, query: PageParameters) -> dict[str, Any]:
        asked = ((make, getattr(query, name)) for name, make in resource.filters.items())
        where = [make(session, value) for make, value in asked if value is not None]
        if resource.parent is not None:
            where.append(table.c[resource.parent_field] == request.params[resource.parent_field])
        page = _found(session, query, resource, where)
        return collection(request, session, resource.key, page, resource.to_response, query.limit)

    def call_below(session: Session, request: Request, _parent: Parent, query: PageParameters) -> dict[str, Any]:
        return call(session, request, query)

    rule = resource.on_parent()
    handler = call if resource.parent is None else call_below
    return route("GET", resource.path, handler, surface=VPC, access=rule, query=resource.query, summary=summary)


def reading(resource: Resource[M], summary: str) -> Route:
    """One resource by its id."""

    def call(session: Session, _request: Request, row: M) -> Any:
        return resource.to_response(row, session)

    item_path, rule = f"{resource.path}/{{id}}", resource.on_one()
    return route("GET", item_path, call, surface=VPC, access=rule, answer=resource.answer, summary=summary)


def making(resource: Resource[M], summary: str, make: Callable[..., M], body: type[B]) -> Route:
    """A new resource, 201. `make` takes the session, the parent if there is one, and the body."""

    def call(session: Session, request: Request) -> Any:
        return shown(make(session, request.body), session)

    def call_below(session: Session, request: Request, parent: Parent) -> Any:
        return shown(make(session, parent, request.body), session)

    def shown(row: M, session: Session) -> Any:
        response = resource.to_response(row, session)
        if resource.fresh:
            setattr(response, resource.fresh, "pending")
        return response

    return route(
        "POST",
        resource.path,
        call if resource.parent is None else call_below,
        surface=VPC,
        access=resource.on_parent("create"),
        body=body,
        answer=resource.answer,
        status=201,
        summary=summary,
    )


def updating(
    resource: Resource[M],
    summary: str,
    body: type[RequestBody] = NameRequest,
    change: Callable[[Session, Authorized[M], Any], None] | None = None,
) -> Route:
    """PATCH: the name, and whatever else `change` changes. The answer is the resource as it is then."""

    def call(session: Session, request: Request, authorized: Authorized[M]) -> Any:
        row: Any = authorized.resource
        name = request.body.name
        if change is not None:
            change(session, authorized, request.body)
        if name is not UNSET and name != row.name:
            rename(session, resource.kind, row.id, name)
        return resource.to_response(find(session, resource.kind, row.id), session)

    return _patch(resource, summary, call, body)


def changing(
    resource: Resource[M], summary: str, change: Callable[[Session, Authorized[M], B], M], body: type[B]
) -> Route:
    """PATCH where `change` makes every change, the name included, and returns the resource as it is then."""

    def call(session: Session, request: Request, authorized: Authorized[M]) -> Any:
        return resource.to_response(change(session, authorized, request.body), session)

    return _patch(resource, summary, call, body)


def _patch(resource: Resource[Any], summary: str, call: Call, body: type[RequestBody]) -> Route:
    item_path, rule = f"{resource.path}/{{id}}", resource.on_one("update")
    return route("PATCH", item_path, call, surface=VPC, access=rule, body=body, answer=resource.answer, summary=summary)


def removing(
    resource: Resource[M],
    summary: str,
    remove: Callable[[Session, Authorized[M]], None],
    *,
    status: int = 204,
    shown: str = "",
) -> Route:
    """DELETE; `remove` refuses what cannot go. With `shown`, a field that says `deleting`: 202 and the resource."""

    def call(session: Session, _request: Request, authorized: Authorized[M]) -> Any:
        last = resource.to_response(authorized.resource, session) if shown else None
        remove(session, authorized)
        if last is not None:
            setattr(last, shown, "deleting")
        return last

    return route(
        "DELETE",
        f"{resource.path}/{{id}}",
        call,
        surface=VPC,
        access=resource.on_one("delete"),
        answer=resource.answer if shown else None,
        status=202 if shown else status,
        summary=summary,
    )
