"""Routes of parts: what is few, and is found only through the one resource of the VPC API that it belongs to.

A `Part` says what differs; the handlers are written once, here. Reading a part takes the right to read its owner,
changing it the right to change its owner.
"""

from __future__ import annotations

from collections.abc import Callable
from types import GenericAlias
from typing import Any, Generic, TypeVar

from msgspec import defstruct

from kunsthalle.api import access
from kunsthalle.api.crud import among
from kunsthalle.api.request import Request
from kunsthalle.api.router import Call, Route, route
from kunsthalle.api.serialization import RequestBody, ResponseBody
from kunsthalle.api.surfaces.vpc import VPC, PageParameters, collection
from kunsthalle.core.errors import not_found
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import ResourceType

M = TypeVar("M")
B = TypeVar("B", bound=RequestBody)
Owner = TypeVar("Owner")


def _id(part: Any) -> str:
    return str(part.id)


@dataclass(frozen=True, eq=False)
class Part(Generic[M]):
    """The parts of one kind as the API offers them.

    `path` is the collection's; its first parameter names the owner, and its last segment is the key of lists. `owned`
    are all parts of the owner, in the order of the list.
    """

    owner: ResourceType[Any]
    path: str
    owned: Callable[[Session, Request, Any], list[M]]
    to_response: Callable[[M, Session], Any]
    answer: type
    id_of: Callable[[M], str] = _id
    paged: bool = False

    @property
    def key(self) -> str:
        return self.path.rsplit("/", 1)[1]

    @property
    def param(self) -> str:
        return self.path.partition("{")[2].partition("}")[0]

    def rule(self, verb: str) -> access.Access:
        """The rule of a route: `read`, or what it takes of the owner to do more."""
        return access.item(self.owner, f"{self.owner.read.rsplit('.', 1)[0]}.{verb}", param=self.param)

    def one(self, session: Session, request: Request, owner: Any) -> M:
        """The part that the path names, else 404."""
        part_id = request.params["id"]
        for part in self.owned(session, request, owner):
            if self.id_of(part) == part_id:
                return part
        raise not_found()


def _route(part: Part[Any], method: str, call: Call, summary: str, **more: Any) -> Route:
    path = part.path if method in {"POST", "LIST"} else f"{part.path}/{{id}}"
    verb = "read" if method in {"GET", "LIST"} else "update"
    return route(
        "GET" if method == "LIST" else method, path, call, surface=VPC, access=part.rule(verb), summary=summary, **more
    )


def listing(part: Part[M], summary: str) -> Route:
    """All parts of one owner; in pages where the contract has them."""

    def call(session: Session, request: Request, owner: Owner) -> dict[str, Any]:
        return {part.key: [part.to_response(item, session) for item in part.owned(session, request, owner)]}

    def paged(session: Session, request: Request, owner: Owner, query: PageParameters) -> dict[str, Any]:
        page = among(query, part.owned(session, request, owner), part.id_of)
        return collection(request, session, part.key, page, part.to_response, query.limit)

    if part.paged:
        return _route(part, "LIST", paged, summary, query=PageParameters)
    return _route(part, "LIST", call, summary, answer=_whole(part))


def _whole(part: Part[Any]) -> type:
    """What a list answers that has no pages: the parts, under their key."""
    field: tuple[str, Any] = (part.key, GenericAlias(list, (part.answer,)))
    shown = {"__doc__": "Everything at once: the list has no pages."}
    return defstruct(f"Every{part.answer.__name__}", [field], bases=(ResponseBody,), namespace=shown)


def reading(part: Part[M], summary: str) -> Route:
    """One part by its id."""

    def call(session: Session, request: Request, owner: Owner) -> Any:
        return part.to_response(part.one(session, request, owner), session)

    return _route(part, "GET", call, summary, answer=part.answer)


def making(part: Part[M], summary: str, make: Callable[[Session, Any, B], M], body: type[B]) -> Route:
    """A new part, 201. `make` takes the session, the owner and the body."""

    def call(session: Session, request: Request, owner: Owner) -> Any:
        return part.to_response(make(session, owner, request.body), session)

    return _route(part, "POST", call, summary, body=body, answer=part.answer, status=201)


def putting(part: Part[M], summary: str, put: Callable[[Session, Request, Any], M], *, status: int) -> Route:
    """PUT of a resource that exists elsewhere; the path names it."""

    def call(session: Session, request: Request, owner: Owner) -> Any:
        return part.to_response(put(session, request, owner), session)

    return _route(part, "PUT", call, summary, answer=part.answer, status=status)


def updating(part: Part[M], summary: str, change: Callable[[Session, Any, M, B], M], body: type[B]) -> Route:
    """PATCH. `change` takes the session, the owner, the part and the body; the answer is the part as it is then."""

    def call(session: Session, request: Request, owner: Owner) -> Any:
        part_of_owner = part.one(session, request, owner)
        return part.to_response(change(session, owner, part_of_owner, request.body), session)

    return _route(part, "PATCH", call, summary, body=body, answer=part.answer)


def removing(part: Part[M], summary: str, remove: Callable[[Session, Any, M], None], *, status: int = 204) -> Route:
    """DELETE without a body. `remove` takes the session, the owner and the part, and refuses what cannot go."""

    def call(session: Session, request: Request, owner: Owner) -> None:
        remove(session, owner, part.one(session, request, owner))

    return _route(part, "DELETE", call, summary, status=status)
