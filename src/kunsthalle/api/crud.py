"""Routes of resources that are read, made, changed and removed as those of all API families are, and listed as those
of the VPC API are.

A `Resource` says what differs; the handlers are written once, here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, Generic, TypeVar

from msgspec import UNSET, UnsetType
from sqlalchemy import Column, ColumnElement

from kunsthalle.api import access
from kunsthalle.api.common_schemas import Name
from kunsthalle.api.query_params import Parameters, fields_of
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Call, Route, route
from kunsthalle.api.serialization import RequestBody
from kunsthalle.api.surfaces import Surface
from kunsthalle.api.surfaces.vpc import VPC, PageParameters, collection
from kunsthalle.core.records import dataclass
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

    `path` is the collection's; its last segment is the key of lists, and `param` the parameter that names one of them.
    `to_response` takes the model, the session and, of a route that declares query parameters, these. Of a kind below
    another, `parent` is the one above, and `parent_field` both the path's parameter and the model's field that name it;
    `above` is the same for the one above the parent. `query` are the parameters of the list; `filters` make conditions
    of those that neither page nor sort, by their names in the struct. `fresh` is the field that says `pending` in the
    answer to the creation (vpc-api.md C2).

    Other families: `surface`; `actions` of verbs, where they are not named after them; `rule` makes the access rule of
    one of them from an action; `tag` is what its answers have as ETag; `expected` refuses a request that means another
    version of a resource, and what it returns is the last argument of what changes it.
    """

    kind: ResourceType[M]
    path: str
    to_response: Callable[..., Any]
    answer: type | None
    filters: Mapping[str, Filter] = field(default_factory=dict)
    parent: ResourceType[Any] | None = None
    parent_field: str = ""
    above: str = ""
    query: type[PageParameters] = PageParameters
    fresh: str = ""
    surface: Surface = VPC
    param: str = "id"
    rule: Callable[[str], access.Access] | None = None
    actions: Mapping[str, str] = field(default_factory=dict)
    tag: Callable[[M], str] | None = None
    expected: Callable[[Request, M], Any] | None = None

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
        if verb == "read":
            return self.kind.read
        if verb in self.actions:
            return self.actions[verb]
        if self.parent is not None and self.parent.read == self.kind.read:
            verb = "update"
        return f"{self.kind.read.rsplit('.', 1)[0]}.{verb}"

    def on_one(self, verb: str = "read") -> access.Access:
        """The rule of a route about one of them."""
        if self.rule is not None:
            return self.rule(self.action(verb))
        return access.item(self.kind, self.action(verb), self.param, (self.parent_field, self.above))

    def on_parent(self, verb: str = "read") -> access.Access:
        """The rule of a route about all of them below one parent."""
        if self.parent is None:
            return access.create(self.action(verb)) if verb == "create" else access.listing(self.kind)
        action = self.parent.read if verb == "read" else self.action(verb)
        return access.item(self.parent, action, param=self.parent_field, parents=(self.above,))

    @property
    def item_path(self) -> str:
        return f"{self.path}/{{{self.param}}}"

    def shown(self, row: M, session: Session, *query: Parameters) -> Any:
        """What is answered about one of them: the response, with its tag where the family sends one."""
        response = self.to_response(row, session, *query)
        return response if self.tag is None else Reply(response, headers={"ETag": f'"{self.tag(row)}"'})


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
    return route(
        "GET", resource.path, handler, surface=resource.surface, access=rule, query=resource.query, summary=summary
    )


def reading(
    resource: Resource[M], summary: str, query: type[Parameters] | None = None, *, repeatable: bool = False
) -> Route:
    """One resource by its id; `query` are parameters that say how it is shown. `repeatable` answers are kept
    (`Route.kept`).
    """

    def call(session: Session, _request: Request, row: M) -> Any:
        return resource.shown(row, session)

    def call_with(session: Session, _request: Request, row: M, query: Parameters) -> Any:
        return resource.shown(row, session, query)

    handler = call if query is None else call_with
    more: Any = {
        "access": resource.on_one(),
        "answer": resource.answer,
        "summary": summary,
        "query": query,
        "kept": repeatable,
    }
    return route("GET", resource.item_path, handler, surface=resource.surface, **more)


def making(
    resource: Resource[M],
    summary: str,
    make: Callable[..., M],
    body: type[B],
    *,
    rule: access.Access | None = None,
    made: tuple[type, Callable[[M], Any]] | None = None,
    query: type[Parameters] | None = None,
    proof: bool = False,
    status: int = 201,
) -> Route:
    """A new resource, 201. `make` takes the session, the parent if there is one (`Authorized`, if it asks for a
    `proof`), and the body.

    `rule` is the access rule, where it is none of `create` in the account or on the parent. `query` are
    parameters that say how the resource is shown. `made` is what is answered
    instead of the resource, and what makes that of it.
    """

    def call(session: Session, request: Request) -> Any:
        return shown(make(session, request.body), session)

    def call_below(session: Session, request: Request, parent: Parent) -> Any:
        return shown(make(session, parent, request.body), session)

    def call_authorized(session: Session, request: Request, parent: Authorized[Parent]) -> Any:
        return shown(make(session, parent, request.body), session)

    def call_with(session: Session, request: Request, query: Parameters) -> Any:
        return shown(make(session, request.body), session, query)

    def shown(row: M, session: Session, *query: Parameters) -> Any:
        if made is not None:
            return made[1](row)
        response = resource.shown(row, session, *query)
        if resource.fresh:
            setattr(response, resource.fresh, "pending")
        return response

    below: Call = call_authorized if proof else call_below
    handler: Call = call if query is None else call_with
    return route(
        "POST",
        resource.path,
        handler if resource.parent is None else below,
        query=query,
        surface=resource.surface,
        access=rule or resource.on_parent("create"),
        body=body,
        answer=resource.answer if made is None else made[0],
        status=status,
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

    return _change(resource, summary, call, "PATCH", body)


def changing(
    resource: Resource[M],
    summary: str,
    change: Callable[..., M],
    body: type[RequestBody],
    *,
    method: str = "PATCH",
    query: type[Parameters] | None = None,
) -> Route:
    """PATCH or PUT where `change` makes every change, the name included, and returns the resource as it is then.

    It takes the session, the authorized resource, the body, and what `Resource.expected` returns, if there is that.
    """

    def changed(session: Session, request: Request, authorized: Authorized[M]) -> M:
        expected = () if resource.expected is None else (resource.expected(request, authorized.resource),)
        return change(session, authorized, request.body, *expected)

    def call(session: Session, request: Request, authorized: Authorized[M]) -> Any:
        return resource.shown(changed(session, request, authorized), session)

    def call_with(session: Session, request: Request, authorized: Authorized[M], query: Parameters) -> Any:
        return resource.shown(changed(session, request, authorized), session, query)

    return _change(resource, summary, call if query is None else call_with, method, body, query=query)


def changing_silently(
    resource: Resource[M],
    summary: str,
    change: Callable[[Session, Authorized[M], Any], object],
    body: type[RequestBody],
    *,
    status: int = 204,
) -> Route:
    """PATCH that answers without a body."""

    def call(session: Session, request: Request, authorized: Authorized[M]) -> None:
        change(session, authorized, request.body)

    return _change(resource, summary, call, "PATCH", body, answer=None, status=status)


def _change(
    resource: Resource[Any], summary: str, call: Call, method: str, body: type[RequestBody], **more: Any
) -> Route:
    options = {"access": resource.on_one("update"), "answer": resource.answer, "summary": summary, **more}
    return route(method, resource.item_path, call, surface=resource.surface, body=body, **options)


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
        resource.item_path,
        call,
        surface=resource.surface,
        access=resource.on_one("delete"),
        answer=resource.answer if shown else None,
        status=202 if shown else status,
        summary=summary,
    )
