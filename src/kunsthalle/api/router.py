"""The table of operations, and the trie that finds one.

The table is data: access, status, body and family of each route are read by the pipeline, the OpenAPI writer and the
matrix test alike. `route(...)` has no default for `access`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import Any, Required, TypedDict, Unpack
from urllib.parse import unquote_to_bytes

from msgspec import Struct, field

from kunsthalle.api.access import Access
from kunsthalle.api.handler_signatures import Arguments, arguments_of
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.surfaces import Surface
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem, Reason
from kunsthalle.db.session import Session

Call = Callable[..., Any]
"""A handler: of the session, the request, the row that the access rule finds, and the query parameters, if any."""
Outside = Callable[[Context, Request], Any]
"""A call that runs outside any transaction, because it waits for what others do: operator verbs, readiness."""


class Route(Struct, frozen=True):
    """One operation. `writes` decides which kind of transaction it runs in; `long` reads run in a thread at once, and
    so does what a `long` write prepares: an account may have a few of them.

    `prepare` reads in a thread what a call that writes needs and what may take long: its result is `Request.prepared`,
    and what it saw may have changed until the call runs. `raw_body` is how many bytes a body may have that is no JSON:
    the call finds them in `Request.raw`. `query` are the parameters that call, and `prepare`, take.
    `arguments` says what both take besides the session and the request. `separable`: the read, or what is prepared,
    needs nothing but the database and the request, and may be done by another process (`api/reading_processes.py`).
    `body_prepared`: the call reads nothing of the body but what was prepared of it. `kept`: what is answered follows
    from the database, the request and the time alone, and may be kept until one of them changes
    (`api/kept_answers.py`).
    """

    method: str
    path: str
    call: Call | None
    surface: Surface
    access: Access
    body: Any = None
    answer: Any = None
    status: int = 200
    without_transaction: Outside | None = None
    writes: bool = False
    summary: str = ""
    body_required: bool = True
    long: bool = False
    separable: bool = False
    body_prepared: bool = False
    prepare: Call | None = None
    raw_body: int = 0
    query: type[Parameters] | None = None
    arguments: Arguments = Arguments()
    kept: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


class Options(TypedDict, total=False):
    """What is declared of an operation. `body` is the struct that the JSON body must fit, `answer` what is sent.

    `summary` says what it does, where the first line of the handler's docstring does not.
    `long` is for reads whose work the caller decides, such as searches: they never run on the event loop. For
    a call that writes, `long` is about the function `prepare`.
    """

    surface: Required[Surface]
    access: Required[Access]
    body: Any
    answer: Any
    status: int
    writes: bool
    body_required: bool
    long: bool
    separable: bool
    body_prepared: bool
    raw_body: int
    summary: str
    kept: bool


def route(
    method: str,
    path: str,
    call: Call,
    *,
    query: type[Parameters] | None = None,
    prepare: Call | None = None,
    **options: Unpack[Options],
) -> Route:
    """Declare an operation.

    The call takes the row that the access rule finds, and the struct of the query parameters: TypeError where its
    signature says anything else.
    """
    options.setdefault("writes", method != "GET")
    options.setdefault("summary", _first_line(call))
    operation, types = f"{method} {path}", options["access"].finds
    arguments = arguments_of(operation, call, types, query)
    if prepare is not None and arguments_of(operation, prepare, types, query) != arguments:
        raise TypeError(f"{operation}: what prepares the call must take what the call takes.")
    return Route(method, path, call, query=query, prepare=prepare, arguments=arguments, **options)


def _first_line(call: Call) -> str:
    function = call.func if isinstance(call, partial) else call
    return (function.__doc__ or "").strip().split("\n")[0]


def found_row(route: Route, request: Request) -> tuple[Any, ...]:
    """Return what a route's handler takes of what the access rule has found."""
    if not route.arguments.row:
        return ()
    proof = request.authorized
    return (proof.resource if proof is not None and route.arguments.unwrapped else proof,)


def route_without_transaction(
    method: str,
    path: str,
    call: Outside,
    *,
    surface: Surface,
    access: Access,
    body: Any,
    answer: Any,
    body_required: bool = True,
) -> Route:
    """Declares an operation of the operator's, or of anybody's, that runs outside any transaction."""
    more: dict[str, Any] = {"summary": _first_line(call), "body_required": body_required}
    return Route(method, path, None, surface, access, body, answer, without_transaction=call, **more)


def _refuse(_session: Session, _request: Request) -> Any:
    """Out of this product's scope."""
    raise Problem(Reason.NOT_IMPLEMENTED, "not_implemented", "This operation is known and not offered here.")


def not_implemented(operations: Iterable[str], surface: Surface, access: Access) -> tuple[Route, ...]:
    """Operations (`GET /path`) that the product knows and does not offer: 501 in the family's envelope."""
    split = (operation.split(" ") for operation in operations)
    return tuple(Route(method, path, _refuse, surface, access, status=501) for method, path in split)


_TRIES = 8
"""More than a process has routers of different paths."""


class _Node(Struct):
    literal: dict[str, _Node] = field(default_factory=dict)
    param: _Node | None = None
    methods: dict[str, tuple[int, tuple[str, ...]]] = field(default_factory=dict)
    """By method: which operation of all it is, and the names of its parameters."""


class Match(Struct, frozen=True):
    """Where a path led: the route, its parameters; or, without a route, the methods that the path knows.

    `shortened` says that it is the path without the slash at its end.
    """

    route: Route | None
    params: dict[str, str]
    surface: Surface
    allowed: tuple[str, ...] = ()
    shortened: bool = False


class Router:
    """Segment trie over raw paths: `%2F` inside a segment stays inside it, and each segment is decoded once."""

    def __init__(self, routes: Iterable[Route], not_implemented: Iterable[Route] = ()) -> None:
        """`not_implemented` are operations that are known and answered with 501: found, and no part of the table."""
        self.routes = tuple(routes)
        self.paths = frozenset(route.path for route in self.routes)
        self._all = (*self.routes, *not_implemented)
        self._root = _trie(tuple((route.method, route.path) for route in self._all))

    def __iter__(self) -> Iterator[Route]:
        return iter(self.routes)

    def match(self, method: str, raw_path: bytes) -> Match | None:
        """Return the route of a path, or None for an unknown path and for a target that is no path, as in `OPTIONS *`.

        A slash at the end is left out where only the path without it is known.
        """
        try:
            segments = _segments(raw_path)
        except UnicodeDecodeError:
            return None
        values: list[str] = []
        node = _descend(self._root, segments, 0, values)
        shortened = node is None and segments[-1:] == [""] and segments != ["", ""]  # `//` is not `/` with a slash
        if shortened:
            node = _descend(self._root, segments[:-1], 0, values)
        if node is None or "\0" in "".join(values):
            return None
        entry = node.methods.get(method)
        if entry is None:
            known = {name: self._all[number] for name, (number, _) in node.methods.items()}
            offered = sorted(name for name, route in known.items() if route.status != 501)
            return Match(None, {}, next(iter(known.values())).surface, tuple(offered), shortened)
        route = self._all[entry[0]]
        return Match(route, dict(zip(entry[1], values, strict=True)), route.surface, shortened=shortened)


@lru_cache(_TRIES)
def _trie(operations: tuple[tuple[str, str], ...]) -> _Node:
    """Methods and paths, to be walked. A process that serves many stores makes a router for each, of the same paths."""
    root = _Node()
    for number, (method, path) in enumerate(operations):
        node, names = root, []
        for segment in path.split("/")[1:]:
            match = re.fullmatch(r"\{(\w+)\}", segment)
            if match is not None:
                names.append(match[1])
                node.param = node.param or _Node()
                node = node.param
            else:
                node = node.literal.setdefault(segment, _Node())
        if method in node.methods:
            raise ValueError(f"two routes for {method} {path}")
        node.methods[method] = (number, tuple(names))
    return root


def _segments(raw_path: bytes) -> list[str]:
    if b"%" not in raw_path:
        return raw_path.decode().split("/")[1:]
    return [unquote_to_bytes(part).decode() for part in raw_path.split(b"/")[1:]]


def _descend(node: _Node, segments: list[str], at: int, values: list[str]) -> _Node | None:
    if at == len(segments):
        return node if node.methods else None
    literal = node.literal.get(segments[at])
    if literal is not None:
        match = _descend(literal, segments, at + 1, values)
        if match is not None:
            return match
    if node.param is not None and segments[at]:
        values.append(segments[at])
        match = _descend(node.param, segments, at + 1, values)
        if match is not None:
            return match
        values.pop()
    return None
