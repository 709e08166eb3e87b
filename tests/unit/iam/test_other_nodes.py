"""What is withdrawn at one node is refused by another at once: of what others change, no node remembers anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import App, open_app
from fixtures.frozen_app import OPERATOR, asgi_answer, token_of
from kunsthalle.app import Server, build

pytestmark = pytest.mark.needs_postgres
VIEWER = "crn:v1:bluemix:public:iam::::role:Viewer"


@pytest.fixture
def app(tmp_path: Path, postgres_url: str) -> Iterator[App]:
    """The node at which something is withdrawn."""
    made = open_app(tmp_path / "data", database=postgres_url)
    yield made
    made.close()


@pytest.fixture
def other(app: App) -> Iterator[Server]:
    """Another node of the same database."""
    made = build(app.server.settings, OPERATOR)
    yield made
    made.store.close()


def status_at(other: Server, app: App, bearer: str, image: str) -> int:
    """How the other node answers somebody who asks for an image."""
    headers = {"host": "kunsthalle.test", "authorization": f"Bearer {bearer}"}
    path = f"/v1/images/{image}?version=2025-06-30&generation=2"
    return app.loop.run_until_complete(asgi_answer(other, "GET", path, headers, b"")).status


def robot(app: App) -> tuple[dict[str, Any], str]:
    """A service ID with a key, and its token."""
    body = {"name": "robot", "account_id": app.accounts["owner"], "apikey": {"name": "robot"}}
    made = app.do("POST", "/v1/serviceids", body)
    return made, token_of(app, made["apikey"]["apikey"])


def policy(app: App, iam_id: str) -> dict[str, Any]:
    """What lets somebody view images."""
    attributes = [{"name": "accountId", "value": app.accounts["owner"]}, {"name": "serviceName", "value": "is"}]
    subject = {"attributes": [{"name": "iam_id", "value": iam_id}]}
    body = {"type": "access", "subjects": [subject], "roles": [{"role_id": VIEWER}]}
    return dict(app.do("POST", "/v1/policies", {**body, "resources": [{"attributes": attributes}]}))


def disable_key(app: App, made: dict[str, Any], _policy: dict[str, Any]) -> None:
    app.do("POST", f"/v1/apikeys/{made['apikey']['id']}/disable")


def delete_key(app: App, made: dict[str, Any], _policy: dict[str, Any]) -> None:
    app.do("DELETE", f"/v1/apikeys/{made['apikey']['id']}")


def delete_policy(app: App, _made: dict[str, Any], granted: dict[str, Any]) -> None:
    app.do("DELETE", f"/v1/policies/{granted['id']}")


def delete_service_id(app: App, made: dict[str, Any], _policy: dict[str, Any]) -> None:
    app.do("DELETE", f"/v1/serviceids/{made['id']}")


@pytest.mark.parametrize(
    ("withdraw", "status"), [(disable_key, 401), (delete_key, 401), (delete_policy, 404), (delete_service_id, 401)]
)
def test_the_next_call_of_another_node_is_refused(
    app: App, other: Server, withdraw: Callable[[App, dict[str, Any], dict[str, Any]], None], status: int
) -> None:
    image = app.image("golden")["id"]
    made, bearer = robot(app)
    granted = policy(app, made["iam_id"])
    assert [status_at(other, app, bearer, image) for _ in range(3)] == [200, 200, 200]
    withdraw(app, made, granted)
    assert [status_at(other, app, bearer, image) for _ in range(2)] == [status, status]
    assert status_at(other, app, app.tokens["owner"], image) == 200


def test_a_quota_that_one_node_sets_is_the_others(app: App, other: Server) -> None:
    app.ok(OPERATOR, "PUT", "/_kunsthalle/quotas/vpcs", {"account": "publisher", "limit": 0})
    headers = {"host": "kunsthalle.test", "authorization": f"Bearer {app.tokens['owner']}"}
    path = "/v1/vpcs?version=2025-06-30&generation=2"
    answer = app.loop.run_until_complete(asgi_answer(other, "POST", path, headers, b'{"name": "one-more"}'))
    assert (answer.status, answer.json["errors"][0]["code"]) == (400, "over_quota")
