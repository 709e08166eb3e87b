"""What browsers and caches are told about every answer of the API, tokens and keys first."""

from __future__ import annotations

import httpx
import pytest

from fixtures.clients import Account
from kunsthalle.testing import Served

Q = {"version": "2025-06-30", "generation": "2"}


def _guarded(answer: httpx.Response, status: int) -> bool:
    told = (answer.status_code, answer.headers.get("cache-control"), answer.headers.get("x-content-type-options"))
    return told == (status, "no-store", "nosniff")


def test_tokens_and_keys_are_kept_by_nobody(served: Served, attacker: Account) -> None:
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": attacker.env["IBMCLOUD_API_KEY"]}
    with httpx.Client(base_url=served.url) as client:
        granted = client.post("/identity/token", data=form)
        assert _guarded(granted, 200)
        client.headers["authorization"] = f"Bearer {granted.json()['access_token']}"
        made = client.post("/v1/apikeys", json={"name": "another", "iam_id": attacker.iam_id})
        assert _guarded(made, 201)
        assert _guarded(client.get(f"/v1/apikeys/{made.json()['id']}"), 200)
        assert _guarded(client.delete(f"/v1/apikeys/{made.json()['id']}"), 204)


@pytest.mark.parametrize(
    ("path", "status"),
    [("/healthz", 200), ("/identity/keys", 200), ("/v1/images", 401), ("/nowhere", 404), ("/_kunsthalle/clock", 401)],
)
def test_so_is_everything_else(served: Served, path: str, status: int) -> None:
    assert _guarded(httpx.get(served.url + path, params=Q), status)
