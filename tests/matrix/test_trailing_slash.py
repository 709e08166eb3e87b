"""A path with a slash at its end, as some pages of the original documentation write it, means the path without."""

from __future__ import annotations

import re

import pytest

from fixtures.frozen_app import QUERY, Answer, FrozenApp, path_of
from matrix.rows import BODIES

HEADERS = {"x_auth_refresh_token": "any", "if_match": '"stale"', "iam_apikey": "none"}
_MOMENT = re.compile(rb"\d{4}-\d\d-\d\dT[0-9:.]+Z")


def _called(frozen: FrozenApp, method: str, path: str, body: object, slash: str) -> Answer:
    path, _, query = path.partition("?")
    return frozen.call("owner", method, f"{path}{slash}?{query or QUERY}", body, **HEADERS)


def _timeless(answer: Answer) -> bytes:
    """The body without moments: some answers say what would happen if it were done now."""
    return _MOMENT.sub(b"", answer.body)


def test_every_route_is_found_with_a_slash_at_its_end(frozen: FrozenApp) -> None:
    router = frozen.server.pipeline.router
    for route in router:
        if route.path.endswith("/"):
            continue  # which the API itself writes so
        path = path_of(frozen, route.path)
        body = BODIES[route.name](frozen) if route.name in BODIES else None
        plain, slashed = (_called(frozen, route.method, path, body, slash) for slash in ("", "/"))
        assert slashed.status == plain.status, (route.name, slashed.body)
        assert b"invalid_route" not in slashed.body, route.name
        if route.method == "GET" and f"{route.path}/" not in router.paths:
            assert _timeless(slashed) == _timeless(plain), route.name


@pytest.mark.parametrize("path", ["//", "/v1//", "/v1/images//", "/v1//images/", "/v1/images/%2F", "/healthz//"])
def test_one_slash_is_taken_off_and_no_segment(frozen: FrozenApp, path: str) -> None:
    answer = frozen.call("owner", "GET", f"{path}?{QUERY}")
    assert (answer.status, answer.json["errors"][0]["code"]) in {(404, "invalid_route"), (404, "not_found")}


def test_an_operation_that_is_not_offered_is_not_offered_with_a_slash_either(frozen: FrozenApp) -> None:
    plain, slashed = (frozen.call("owner", "GET", f"/v1/load_balancers{slash}?{QUERY}") for slash in ("", "/"))
    assert (plain.status, slashed) == (501, plain)
