"""Every declared query parameter is read by its route, and nothing else is: recorded while the routes are called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import pytest

from fixtures.frozen_app import OPERATOR, Answer, FrozenApp, path_of
from kunsthalle.api import pipeline, query_params
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route
from kunsthalle.catalogs import resources
from matrix.rows import BODIES, headers_of
from matrix.test_matrix import HEADERS

CHECKED_ONLY = {"GET /v2/resource_groups": {"date"}}
"""What is checked when it is decoded and changes nothing: a bill's date, of groups that cost nothing here."""
NEW_VERSION = "version=2026-10-07"
"""Older versions of the API list all instance profiles at once."""


class Recorder:
    """The parameters of a request, and which of them the handler has looked at."""

    def __init__(self, struct: query_params.Parameters, seen: set[str]) -> None:
        self._struct = struct
        self._seen = seen

    def __getattr__(self, name: str) -> Any:
        self._seen.add(name)
        return getattr(self._struct, name)


def _sent(parameter: Mapping[str, Any]) -> list[str]:
    """Values that a parameter takes, each of which may lead the handler another way. Tokens are left to the lists."""
    schema = parameter["schema"].get("items", parameter["schema"])
    if "enum" in schema:
        return [str(one) for one in schema["enum"]]
    if schema["type"] == "boolean":
        return ["true", "false"]
    if schema["type"] == "integer":
        return [str(schema.get("minimum", 1)), str(schema.get("maximum", 7))]
    return {"start": [], "search": ["name:x"], "date": ["2026-10"]}.get(
        parameter["name"], ["2026-10-01T00:00:00Z", "x"]
    )


def _needed(frozen: FrozenApp, parameters: list[dict[str, Any]]) -> list[str]:
    """What must be given, so that the handler goes on to the others."""
    known = {"account": frozen.accounts["owner"]}
    return [f"{one['name']}={known.get(one['name'], _sent(one)[-1])}" for one in parameters if one["required"]]


def _queries(frozen: FrozenApp, route: Route) -> Iterator[str]:
    assert route.query is not None
    parameters = query_params.documented(route.query)
    needed = _needed(frozen, parameters)
    yield "&".join(needed)
    for one in parameters:
        for value in _sent(one):
            yield "&".join([*needed, f"{quote(one['name'])}={quote(value)}"])


def _call(frozen: FrozenApp, route: Route, query: str) -> Answer:
    path = path_of(frozen, route.path).replace("version=2025-06-30", NEW_VERSION)
    body = BODIES[route.name](frozen) if route.name in BODIES else None
    headers = headers_of(frozen, route, **{**HEADERS, "iam_apikey": frozen.secrets[0]})
    persona = OPERATOR if route.access.operator else "owner"
    if route.method == "PUT":  # of the version that is there
        found = dict(frozen.call(persona, "GET", path).headers)
        headers["if_match"] = found.get(b"etag", b"none").decode()
    return frozen.call(persona, route.method, f"{path}{'&' if '?' in path else '?'}{query}", body, **headers)


def test_what_is_declared_is_read_and_what_is_read_is_declared(
    frozen: FrozenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[str] = set()
    decode = query_params.decode

    def recorded(request: Request, struct: Any, malformed: Any) -> Any:
        return Recorder(decode(request, struct, malformed), seen)

    monkeypatch.setattr(pipeline, "decode_query", recorded)
    monkeypatch.setattr(resources, "decode", recorded)
    wrong = []
    for route in frozen.server.pipeline.router:
        if route.query is None:
            continue
        seen.clear()
        failed = [query for query in _queries(frozen, route) if _call(frozen, route, query).status == 500]
        declared = set(route.query.__struct_fields__) - CHECKED_ONLY.get(route.name, set())
        if declared != seen or failed:
            wrong.append((route.name, "declared only", declared - seen, "read only", seen - declared, failed))
    assert not wrong


def test_routes_without_query_parameters_decode_nothing(frozen: FrozenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_given: Any) -> Any:
        raise AssertionError("decoded")

    monkeypatch.setattr(pipeline, "decode_query", never)
    routes = {route.name: route for route in frozen.server.pipeline.router}
    assert routes["GET /v1/images/{id}"].query is None
    assert _call(frozen, routes["GET /v1/images/{id}"], "").status == 200


def test_a_malformed_value_is_refused_by_its_name_in_the_words_of_its_surface(frozen: FrozenApp) -> None:
    tried = 0
    for route in frozen.server.pipeline.router:
        parameters = [] if route.query is None else query_params.documented(route.query)
        needed = _needed(frozen, parameters)
        for one in parameters:
            schema = one["schema"].get("items", one["schema"])
            if "enum" not in schema and schema["type"] == "string":
                continue
            answer = _call(frozen, route, "&".join([*needed, f"{quote(one['name'])}=nonsense"]))
            if answer.status in {403, 404, 412}:  # what is refused before its query is looked at
                continue
            assert answer.status == 400, (route.name, one["name"], answer.body)
            said = answer.body.decode()
            assert one["name"] in said, (route.name, said)
            assert "'nonsense'" in said, (route.name, said)
            tried += 1
    assert tried > 150
