"""Which operations a caller has no role for, said before they are tried: as the operations themselves then answer."""

from __future__ import annotations

from urllib.parse import urlencode

from fixtures.app import App

CREATE, DELETE, READ = "POST /v1/images", "DELETE /v1/images/{id}", "GET /v1/images/{id}"


def refused(app: App, who: str, *operations: str) -> list[str]:
    query = urlencode([("operation", name) for name in operations])
    answer = app.call(who, "GET", f"/_kunsthalle/refused_operations?{query}")
    assert answer.status == 200
    return list(answer.json["refused"])


def test_roles_decide_and_reading_is_told_from_changing(app: App) -> None:
    image = app.image("golden")["id"]
    assert refused(app, "owner", CREATE, DELETE, READ) == []
    assert refused(app, "viewer", CREATE, DELETE, READ) == [CREATE, DELETE]
    assert app.call("viewer", "DELETE", f"/v1/images/{image}").status == 403
    assert app.call("viewer", "GET", f"/v1/images/{image}").status == 200
    every = refused(app, "viewer")
    assert {CREATE, DELETE} < set(every)
    assert READ not in every
    assert refused(app, "viewer", *every) == every
    assert refused(app, "owner") == []


def test_what_needs_no_role_is_refused_to_nobody(app: App) -> None:
    assert refused(app, "viewer", "POST /identity/token", "GET /healthz") == []


def test_an_operation_that_is_none_is_refused_as_a_question(app: App) -> None:
    path = "/_kunsthalle/refused_operations?operation=POST%20/nowhere"
    assert app.refused("GET", path)[:2] == (400, "bad_request")
    assert app.call("no token", "GET", path).status == 401
