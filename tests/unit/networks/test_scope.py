"""What of the VPC API is offered: each operation of the SDK is in the list of those in scope, or answers 501."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.sdk import operations
from kunsthalle.api import vpc_not_implemented
from kunsthalle.app import build
from kunsthalle.settings import Settings

from .conftest import Http
from .test_operations import FAMILIES, SCOPE


def _scope() -> dict[str, tuple[str, str]]:
    rows = (line.split() for line in SCOPE.read_text().splitlines())
    return {name: (method, path) for name, method, path in rows}


def _plain(operation: str) -> str:
    return re.sub(r"\{\w+\}", "{}", operation)


def _filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "r006-00000000-0000-4000-8000-000000000000", path)


def test_every_operation_is_in_scope_or_refused() -> None:
    known = operations()
    scope = _scope()
    assert len(known) > 400
    assert {name: known[name] for name in scope} == scope
    left = {f"{method} /v1{path}" for name, (method, path) in known.items() if name not in scope}
    assert len(vpc_not_implemented.operations()) == len(left)
    assert {_plain(one) for one in vpc_not_implemented.operations()} == {_plain(one) for one in left}


@pytest.fixture(scope="module")
def router(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    server = build(Settings(data=Path(tmp_path_factory.mktemp("scope")), hypervisor="simulated"), "operator")
    yield server.pipeline.router
    server.store.close()


def test_what_is_in_scope_is_offered(router: Any, capsys: pytest.CaptureFixture[str]) -> None:
    scope, missing = _scope(), []
    for name, (method, path) in scope.items():
        match = router.match(method, f"/v1{_filled(path)}".encode())
        if match is None or match.route is None or match.route.status == 501:
            missing.append(name)
    with capsys.disabled():
        offered = len(scope) - len(missing)
        print(f"\n{offered} of {len(scope)} operations in scope are offered")  # noqa: T201  the figure is the point
    assert [name for name in missing if scope[name][1].split("/")[1] in FAMILIES] == []


def test_what_is_not_offered_is_refused_to_those_who_may_call(router: Any, http: Http) -> None:
    for one in vpc_not_implemented.operations():
        method, path = one.split()
        match = router.match(method, _filled(path).encode())
        assert (match.route.name, match.route.status) == (one, 501)
        place = _filled(path)
        assert http.code(method, place, status=401, caller="nobody") == ("not_authorized", None)
        assert http.code(method, place, status=501) == ("not_implemented", None)
        assert http.code(method, place, status=400, version="2018-01-01") == ("invalid_version_range", "version")
