"""A handler takes the row that its route's access rule finds: what a route declares and a handler takes agree."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import pytest

from kunsthalle.api import access
from kunsthalle.api.asgi import Headers, Query
from kunsthalle.api.handler_signatures import Arguments
from kunsthalle.api.request import Request
from kunsthalle.api.router import found_row, route
from kunsthalle.api.surfaces.vpc import VPC, PageParameters
from kunsthalle.block_storage.models import Volume
from kunsthalle.block_storage.resources import VOLUME
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE

M = TypeVar("M")


def model(_session: Session, _request: Request, image: Image) -> None:
    """Get an image."""


def proof(_session: Session, _request: Request, image: Authorized[Image]) -> None: ...
def paged(_session: Session, _request: Request, image: Image, query: PageParameters) -> None: ...
def either(_session: Session, _request: Request, source: Image | Volume) -> None: ...
def maybe(_session: Session, _request: Request, image: Authorized[Image] | None) -> None: ...
def generic(_session: Session, _request: Request, row: Authorized[M]) -> None: ...
def with_service(_service: str, _session: Session, _request: Request, image: Image) -> None: ...
def other(_session: Session, _request: Request, volume: Volume) -> None: ...
def other_proof(_session: Session, _request: Request, volume: Authorized[Volume]) -> None: ...
def anything(_session: Session, _request: Request, image: Any) -> None: ...
def an_object(_session: Session, _request: Request, image: object) -> None: ...
def bare(_session: Session, _request: Request, image) -> None: ...
def nothing(_session: Session, _request: Request) -> None: ...
def query_alone(_session: Session, _request: Request, query: PageParameters) -> None: ...
def wrong_query(_session: Session, _request: Request, image: Image, query: Request) -> None: ...


class Holder:
    def bound(self, _session: Session, _request: Request, image: Image) -> None: ...


ONE = access.item(IMAGE)
IF_THERE = access.item_if_there(IMAGE, "is.image.image.delete")


@pytest.mark.parametrize(
    ("handler", "rule", "query", "arguments"),
    [
        (model, ONE, None, Arguments(row=True, unwrapped=True)),
        (proof, ONE, None, Arguments(row=True)),
        (paged, ONE, PageParameters, Arguments(row=True, unwrapped=True, query=True)),
        (either, ONE, None, Arguments(row=True, unwrapped=True)),
        (either, access.item(VOLUME), None, Arguments(row=True, unwrapped=True)),
        (maybe, IF_THERE, None, Arguments(row=True)),
        (generic, ONE, None, Arguments(row=True)),
        (partial(with_service, "a service"), ONE, None, Arguments(row=True, unwrapped=True)),
        (Holder().bound, ONE, None, Arguments(row=True, unwrapped=True)),
        (nothing, access.listing(IMAGE), None, Arguments()),
        (query_alone, access.listing(IMAGE), PageParameters, Arguments(query=True)),
    ],
)
def test_a_handler_that_takes_what_its_rule_finds(
    handler: Callable[..., Any], rule: access.Access, query: Any, arguments: Arguments
) -> None:
    assert route("GET", "/x/{id}", handler, surface=VPC, access=rule, query=query).arguments == arguments


@pytest.mark.parametrize(
    ("handler", "rule", "query", "message"),
    [
        (other, ONE, None, "must take Image, which its access rule finds"),
        (other_proof, ONE, None, "must take Image, which its access rule finds"),
        (anything, ONE, None, "must take Image"),
        (an_object, ONE, None, "must take Image"),
        (bare, ONE, None, "must take Image"),
        (proof, IF_THERE, None, "must take Image or NoneType"),
        (generic, IF_THERE, None, "must take Image or NoneType"),
        (nothing, ONE, None, "must take the session, the request, Image, which its access rule finds"),
        (query_alone, ONE, PageParameters, "must take the session, the request, Image"),
        (model, access.listing(IMAGE), None, "must take the session, the request"),
        (paged, ONE, None, "must take the session, the request, Image"),
        (wrong_query, ONE, PageParameters, "the route declares PageParameters"),
        (print, ONE, None, "must be a function"),
    ],
)
def test_a_handler_that_takes_anything_else_is_refused_where_the_route_is_declared(
    handler: Callable[..., Any], rule: access.Access, query: Any, message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        route("GET", "/x/{id}", handler, surface=VPC, access=rule, query=query)


def test_what_prepares_a_call_takes_what_the_call_takes() -> None:
    declared = route("POST", "/x/{id}", model, prepare=model, surface=VPC, access=ONE)
    assert declared.prepare is model
    with pytest.raises(TypeError, match="what prepares the call"):
        route("POST", "/x/{id}", model, prepare=proof, surface=VPC, access=ONE)


def test_a_handler_gets_the_proof_or_the_model_as_it_asks() -> None:
    request = Request("GET", "/x/1", {"id": "1"}, Query(b""), Headers(()))
    granted = Authorized("an image", "is.image.image.read")
    request.authorized = granted
    rows = [
        found_row(route("GET", "/x/{id}", handler, surface=VPC, access=rule), request)
        for handler, rule in ((model, ONE), (proof, ONE), (nothing, access.listing(IMAGE)))
    ]
    assert rows == [("an image",), (granted,), ()]
    request.authorized = None
    assert found_row(route("DELETE", "/x/{id}", maybe, surface=VPC, access=IF_THERE), request) == (None,)


def test_the_summary_is_that_of_the_function_within() -> None:
    assert route("GET", "/x/{id}", partial(model), surface=VPC, access=ONE).summary == "Get an image."
