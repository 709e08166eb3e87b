"""What a request gets that the stopping server does not wait for: an answer in the form of its API, no traceback."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from fixtures.app import App
from kunsthalle.api.asgi import Message


async def cut_off(app: App, path: str, send: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A request in progress that is cancelled as uvicorn cancels what it waited for long enough."""
    begun = asyncio.Event()

    async def never_done(*_call: Any) -> None:
        begun.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(type(app.server), "_answer", never_done)
    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"host", b"127.0.0.1")]}
    in_progress = asyncio.create_task(app.server(scope, never_done, send))
    await begun.wait()
    in_progress.cancel()
    await in_progress


@pytest.mark.parametrize("path", ["/v1/images", "/api/v1-beta/catalogs", "/v1/apikeys", "/v2/resource_instances"])
def test_it_is_answered_503_as_its_api_answers(app: App, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(cut_off(app, path, send, monkeypatch))
    start, body = sent
    assert start["status"] == 503
    assert (b"retry-after", b"1") in [(name.lower(), value) for name, value in start["headers"]]
    assert "may have been carried out, or not" in json.dumps(json.loads(body["body"]))


def test_where_the_answer_has_begun_it_ends_there(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        raise RuntimeError("Unexpected ASGI message 'http.response.start' sent, after response already completed.")

    asyncio.run(cut_off(app, "/v1/images", send, monkeypatch))
    assert [message["type"] for message in sent] == ["http.response.start"]
