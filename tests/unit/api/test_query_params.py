"""Query parameters: how a struct is read off a request, and what is said about values that do not fit."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta, field

from kunsthalle.api.asgi import Headers, Query
from kunsthalle.api.query_params import BAD_REQUEST, Fault, Parameters, decode, documented, fields_of, sent
from kunsthalle.api.request import Request
from kunsthalle.api.surfaces.vpc import VPC, PageParameters
from kunsthalle.core.errors import Problem


def _even(text: str) -> int:
    if not text.isdigit() or int(text) % 2:
        raise Fault("form", "an even number")
    return int(text)


class Sample(Parameters, frozen=True, kw_only=True):
    needed: Annotated[str, Meta(description="Needed.")]
    group: Annotated[str | None, Meta(description="A group.")] = field(name="resource_group.id", default=None)
    limit: Annotated[int, Meta(ge=1, le=100, description="How many.")] = 50
    at_least: Annotated[int, Meta(ge=2, description="A lower bound alone.")] | None = None
    flag: Annotated[bool, Meta(description="A flag.")] = False
    word: Annotated[Literal["a", "b"], Meta(description="A word.")] = "a"
    words: Annotated[tuple[Literal["a", "b"], ...], Meta(description="Words.")] = ()
    numbers: Annotated[tuple[int, ...], Meta(description="Numbers.")] = ()
    own: Annotated[int | None, Meta(description="Even.", extra={"parse": _even})] = None


def _request(query: str) -> Request:
    return Request("GET", "/x", {}, Query(query.encode()), Headers(()))


def _decoded(query: str) -> Sample:
    return decode(_request(query), Sample, BAD_REQUEST)


def test_what_is_not_sent_has_its_default() -> None:
    assert _decoded("needed=x") == Sample(needed="x")
    assert (_decoded("needed=").needed, _decoded("needed=x").group) == ("", None)


@pytest.mark.parametrize(
    ("query", "attribute", "value"),
    [
        ("resource_group.id=g", "group", "g"),
        ("limit=1&limit=2", "limit", 2),
        ("limit=100", "limit", 100),
        ("at_least=999999999999", "at_least", 999999999999),
        ("flag=true", "flag", True),
        ("flag=True", "flag", True),
        ("flag=false", "flag", False),
        ("word=b", "word", "b"),
        ("words=a,b&words=b", "words", ("a", "b", "b")),
        ("numbers=3,1", "numbers", (3, 1)),
        ("own=8", "own", 8),
        ("unknown=1", "own", None),
        ("words=a%2Cb", "words", ("a", "b")),
    ],
)
def test_values_are_read_by_their_types(query: str, attribute: str, value: Any) -> None:
    assert getattr(_decoded(f"needed=x&{query}"), attribute) == value


@pytest.mark.parametrize(
    ("query", "kind", "message"),
    [
        ("limit=0", "min", "limit must be an integer from 1 to 100; given was '0'."),
        ("limit=101", "max", "limit must be an integer from 1 to 100; given was '101'."),
        ("limit=-1", "min", "limit must be an integer from 1 to 100; given was '-1'."),
        ("limit=x", "type", "limit must be an integer from 1 to 100; given was 'x'."),
        ("limit=", "type", "limit must be an integer from 1 to 100; given was ''."),
        ("limit=1.0", "type", "limit must be an integer from 1 to 100; given was '1.0'."),
        ("limit=%C2%B2", "type", "limit must be an integer from 1 to 100; given was '²'."),
        ("limit=--1", "type", "limit must be an integer from 1 to 100; given was '--1'."),
        (f"limit={'9' * 70}", "type", f"limit must be an integer from 1 to 100; given was '{'9' * 64}…'."),
        (f"limit=-{'9' * 20}", "type", f"limit must be an integer from 1 to 100; given was '-{'9' * 20}'."),
        ("at_least=1", "min", "at_least must be an integer of at least 2; given was '1'."),
        ("numbers=3,x", "type", "numbers must be an integer; given was 'x'."),
        ("flag=1", "type", "flag must be true or false; given was '1'."),
        ("word=c", "choice", "word must be one of a, b; given was 'c'."),
        ("words=a,c", "choice", "words must be one of a, b; given was 'c'."),
        ("own=3", "form", "own must be an even number; given was '3'."),
    ],
)
def test_what_does_not_fit_is_named_with_what_is_allowed(query: str, kind: str, message: str) -> None:
    refused: list[tuple[str, str, str]] = []

    def malformed(*said: str) -> Problem:
        refused.append(said)  # type: ignore[arg-type]  # kind, message and name
        return BAD_REQUEST(*said)

    with pytest.raises(Problem) as problem:
        decode(_request(f"needed=x&{query}"), Sample, malformed)
    assert refused == [(kind, message, query.partition("=")[0])]
    target = problem.value.target
    assert target is not None
    assert (problem.value.code, target.type) == ("bad_request", "parameter")


def test_what_is_required_is_asked_for() -> None:
    with pytest.raises(Problem, match="The parameter needed is required"):
        _decoded("limit=1")


def test_the_vpc_surface_has_a_code_for_each_kind() -> None:
    codes = {}
    for query in ("limit=0", "limit=x", "limit=1000", "start=."):
        with pytest.raises(Problem) as problem:
            decode(_request(query), PageParameters, VPC.malformed)
        codes[query] = problem.value.code
    assert codes == {
        "limit=0": "validation_min_value",
        "limit=x": "validation_invalid_field_type",
        "limit=1000": "validation_max_value",
        "start=.": "invalid_id_format",
    }


def test_every_shape_is_documented() -> None:
    shown = {one["name"]: one for one in documented(Sample)}
    assert shown["needed"]["required"]
    assert shown["resource_group.id"] == {
        "name": "resource_group.id",
        "in": "query",
        "required": False,
        "description": "A group.",
        "schema": {"type": "string"},
    }
    assert shown["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 50}
    assert shown["at_least"]["schema"] == {"type": "integer", "minimum": 2}
    assert shown["at_least"]["description"] == "A lower bound alone."
    assert shown["words"]["schema"] == {"type": "array", "items": {"enum": ["a", "b"]}}
    assert (shown["words"]["style"], shown["words"]["explode"]) == ("form", False)
    assert (shown["own"]["schema"], shown["own"]["description"]) == ({"type": "string"}, "Even.")


def test_a_type_that_no_parameter_has_is_a_mistake_of_ours() -> None:
    class Wrong(Parameters, frozen=True):
        it: dict[str, str] | None = None

    class Either(Parameters, frozen=True):
        it: int | str | None = None

    for struct in (Wrong, Either):
        with pytest.raises(TypeError):
            fields_of(struct)


def test_other_pages_keep_what_was_sent() -> None:
    assert sent(_request("a=1&start=x&a=2&b="), "start") == [("a", "1"), ("a", "2"), ("b", "")]
