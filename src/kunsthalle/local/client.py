"""The command line's HTTP: the standard library's client, so that a verb starts fast."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit


class CallFailed(Exception):
    """The server refused, or could not be reached; the message says what to do."""


def call(url: str, method: str, path: str, token: str, body: Any = None, timeout: float = 120) -> Any:
    """One JSON call. CallFailed with the server's own message otherwise."""
    import http.client  # `serve` makes no calls, and starts sooner without

    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=timeout)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json", "Content-Type": "application/json"}
    try:
        connection.request(method, parts.path.rstrip("/") + path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        raw = answer.read()
    except OSError as error:
        raise CallFailed(f"No server answers at {url} ({error}). Start one: kunsthalle serve") from error
    finally:
        connection.close()
    try:
        document = json.loads(raw or b"null")
    except ValueError as error:
        raise CallFailed(f"{url} answered {answer.status} without JSON; is it Kunsthalle?") from error
    if answer.status >= 400:
        raise CallFailed(str(document["errors"][0]["message"]))
    return document
