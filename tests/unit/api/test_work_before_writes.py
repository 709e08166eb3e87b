"""What a caller sends is worked out before the transaction: the writer, for whom all accounts wait, only keeps it."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from fixtures.frozen_app import FrozenApp
from kunsthalle.api import json_patch, pipeline
from kunsthalle.api.router import Route, Router
from kunsthalle.catalogs.requests import Operations
from matrix.largest_items import address_of, current, persona_of
from matrix.rows import BODIES

LARGE = 200
"""Tags that make a body large."""


def is_inside(frozen: FrozenApp) -> bool:
    """Whether the thread that asks holds the writer."""
    return bool(getattr(frozen.server.store._inside, "writing", False))


def watched(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, frozen: FrozenApp) -> list[bool]:
    """Of each call of a function from now on, whether it held the writer."""
    function, inside = getattr(module, name), list[bool]()

    def call(*args: Any, **more: Any) -> Any:
        inside.append(is_inside(frozen))
        return function(*args, **more)

    monkeypatch.setattr(module, name, call)
    return inside


def patches(frozen: FrozenApp) -> list[Route]:
    return [route for route in frozen.server.pipeline.router if route.body is Operations]


def send(frozen: FrozenApp, route: Route, body: Any = None) -> int:
    headers, body = current(frozen, route, BODIES[route.name](frozen) if body is None else body)
    return frozen.call(persona_of(route), route.method, address_of(frozen, route), body, **headers).status


def test_every_json_patch_is_applied_outside_the_transaction(
    frozen: FrozenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = watched(monkeypatch, json_patch, "apply", frozen)
    routes = patches(frozen)
    assert {route.name.rsplit("/", 1)[-1] for route in routes} == {"{offering_id}", "{version_loc_id}"}
    assert [send(frozen, route) for route in routes] == [200] * len(routes)
    assert inside == [False] * len(routes)


def test_one_that_is_planted_inside_is_found(frozen: FrozenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = watched(monkeypatch, json_patch, "apply", frozen)
    route = patches(frozen)[0]
    call = route.call
    assert call is not None

    def slow(session: Any, request: Any, authorized: Any) -> Any:
        json_patch.apply({"a": 1}, [])
        return call(session, request, authorized)

    router = Router(replace(one, call=slow) if one is route else one for one in frozen.server.pipeline.router)
    monkeypatch.setattr(frozen.server.pipeline, "router", router)
    assert (send(frozen, route), inside) == (200, [False, True])


@pytest.mark.parametrize(
    ("table", "parameter", "status"), [("offerings", "{offering_id}", 412), ("versions", "{version_loc_id}", 409)]
)
def test_a_patch_of_what_has_changed_meanwhile_is_refused(
    frozen: FrozenApp, monkeypatch: pytest.MonkeyPatch, table: str, parameter: str, status: int
) -> None:
    """Another change comes in between the preparation and the transaction: it is not lost."""
    store = frozen.server.store
    prepare = store.prepare_async

    def count(change: int) -> None:
        with store.engine.connect() as connection:
            connection.exec_driver_sql(f"UPDATE {table} SET revision = revision + {change}")  # noqa: S608  ours

    async def overtaken(*args: Any) -> Any:
        found = await prepare(*args)
        count(1)
        return found

    monkeypatch.setattr(store, "prepare_async", overtaken)
    assert [send(frozen, route) for route in patches(frozen) if parameter in route.path] == [status]
    count(-1)


def test_large_bodies_are_decoded_outside_the_transaction(frozen: FrozenApp, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = watched(monkeypatch, pipeline, "decode", frozen)
    path = "/api/v1-beta/catalogs"
    body = {"label": "large", "tags": ["x" * 200] * LARGE}
    assert frozen.call("owner", "POST", path, body).status == 201
    assert inside == [False]


@pytest.mark.parametrize("length", [1, LARGE])
def test_what_is_wrong_with_a_body_is_told_after_the_rules_of_access(frozen: FrozenApp, length: int) -> None:
    body = {"label": 7, "tags": ["x" * 200] * length}
    path = "/api/v1-beta/catalogs/absent/offerings/absent"
    assert frozen.call("owner", "PUT", path, body).status == 404
    answer = frozen.call("owner", "POST", "/api/v1-beta/catalogs", body)
    assert (answer.status, "label" in answer.body.decode()) == (400, True)
