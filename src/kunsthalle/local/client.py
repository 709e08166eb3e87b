"""The command line's HTTP: the standard library's client, so that a verb starts fast."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit


class CallFailed(Exception):
    """The server refused, or could not be reached; the message says what to do. `status` is 0 without an answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


def call(url: str, method: str, path: str, token: str, body: Any = None, timeout: float = 120) -> Any:
    """One JSON call. CallFailed with the server's own message otherwise."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return _send(url, method, path, headers, None if body is None else json.dumps(body), timeout)


def access_token(url: str, api_key: str) -> str:
    """Return an access token for an API key. CallFailed when the server refuses the key."""
    form = {"grant_type": "urn:ibm:params:oauth:grant-type:apikey", "apikey": api_key}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return str(_send(url, "POST", "/identity/token", headers, urlencode(form), 120)["access_token"])


def is_healthy(url: str) -> bool:
    """Whether a server answers there that it is healthy."""
    import http.client

    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=5)
    try:
        connection.request("GET", f"{parts.path.rstrip('/')}/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _send(url: str, method: str, path: str, headers: Mapping[str, str], body: str | None, timeout: float) -> Any:
    import http.client  # `serve` makes no calls, and starts sooner without

    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=timeout)
    try:
        connection.request(method, parts.path.rstrip("/") + path, body, {**headers, "Accept": "application/json"})
        answer = connection.getresponse()
        raw = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise CallFailed(f"No server answers at {url} ({error}). Start one: kunsthalle serve") from error
    finally:
        connection.close()
    try:
        document = json.loads(raw or b"null")
    except ValueError as error:
        raise CallFailed(f"{url} answered {answer.status} without JSON; is it Kunsthalle?") from error
    if answer.status >= 400:
        raise CallFailed(_message(document, answer.status), answer.status)
    return document


def _message(document: Any, status: int) -> str:
    """What the server says, in any of its surfaces."""
    known = document if isinstance(document, dict) else {}
    for error in known.get("errors", ()):
        if isinstance(error, dict) and "message" in error:
            return str(error["message"])
    return str(known.get("errorMessage") or known.get("message") or f"The server answered {status}.")
