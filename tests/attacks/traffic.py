"""Raw calls with one account's token, and what a bystander gets while an attack goes on."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from fixtures.clients import Account

PATIENCE = 20
"""Seconds within which a bystander must be answered: far more than a busy machine needs, far less than an attack."""
VPC = "?version=2026-10-06&generation=2"


class Caller:
    """Calls over a connection for each, as an account's owner."""

    def __init__(self, account: Account, patience: float = 120) -> None:
        self._host = urlsplit(account.url).netloc
        self._key = account.env["IBMCLOUD_API_KEY"]
        self._patience = patience
        self.sign_in()

    def sign_in(self) -> None:
        form = urlencode({"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": self._key})
        headers = {"content-type": "application/x-www-form-urlencoded"}
        status, answer = self._send("POST", "/identity/token", form.encode(), headers)
        assert status == 200, answer
        self._token = answer["access_token"]

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and decoded answer. A body of bytes is sent as it is."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {"authorization": f"Bearer {self._token}", "content-type": "application/json", **headers}
        return self._send(method, path, content, given)

    def _send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self._host, timeout=self._patience)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            return answer.status, json.loads(content) if content else None
        finally:
            connection.close()


def bystander_is_served(victim: Account, attack: Callable[[], None], *, threads: int = 2, write: bool = False) -> None:
    """The victim signs in, reads and (if asked) writes, each within `PATIENCE`, while threads repeat the attack."""
    caller = Caller(victim, PATIENCE)
    begun, over, failures = threading.Barrier(threads + 1), threading.Event(), list[BaseException]()

    def repeat() -> None:
        begun.wait(PATIENCE)
        while not over.is_set():
            try:
                attack()
            except BaseException as error:  # noqa: BLE001  told to the test below
                failures.append(error)
                return

    attackers = [threading.Thread(target=repeat, daemon=True) for _ in range(threads)]
    for one in attackers:
        one.start()
    begun.wait(PATIENCE)
    try:
        for number in range(5):
            caller.sign_in()
            assert caller.call("GET", f"/v1/vpcs{VPC}")[0] == 200
            if write:
                status, made = caller.call("POST", f"/v1/vpcs{VPC}", {"name": f"bystander-{number}"})
                assert status == 201, made
    finally:
        over.set()
    for one in attackers:
        one.join(120)
    assert failures == []
