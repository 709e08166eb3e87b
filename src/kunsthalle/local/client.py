"""The HTTP client of all commands: the standard library's, so that a command starts fast."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from kunsthalle.local import trust

TIMEOUT = 120.0
"""Seconds without a byte after which a call is given up, where nothing else is said."""
API_KEY_GRANT = "urn:ibm:params:oauth:grant-type:apikey"
FORM = "application/x-www-form-urlencoded"


class Unreachable(OSError):
    """No server answers at an address; the text is the reason."""


class CallFailed(Exception):
    """The server refused, or could not be reached; the message says what to do. `status` is 0 without an answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Response(NamedTuple):
    """An answer as it came."""

    status: int
    headers: Mapping[str, str]
    content: bytes


def exchange(
    url: str,
    method: str,
    target: str,
    body: str | bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    timeout: float = TIMEOUT,
    verified: bool = True,
    ca_file: str = "",
) -> Response:
    """Send one request to the server at `url` and return its answer, whatever the status.

    `verified` false accepts any certificate; else one is accepted that the system trusts, or `ca_file`. Unreachable
    where no answer comes within `timeout` seconds.
    """
    import http.client  # `serve` makes no calls, and starts sooner without

    try:
        parts = urlsplit(url)
        connection = _connection(parts.scheme, parts.netloc, timeout, verified=verified, ca_file=ca_file)
        try:
            sent = {"Accept": "application/json", **(headers or {})}
            connection.request(method, parts.path.rstrip("/") + target, body, sent)
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = _reason(error)
        raise Unreachable(reason) from error


def _reason(error: Exception) -> str:
    unverified = getattr(error, "verify_message", "")
    if unverified:  # of a certificate; the text of the error names a line of a source file
        return f"its certificate is not trusted: {unverified}; name one to trust in {trust.CA_FILE}"
    return getattr(error, "strerror", None) or str(error) or "the connection was closed"


def _connection(scheme: str, netloc: str, timeout: float, *, verified: bool, ca_file: str) -> Any:
    import http.client

    if scheme != "https":
        return http.client.HTTPConnection(netloc, timeout=timeout)
    import ssl

    # Only the user's own `--skip-ssl-validation` leaves a certificate unchecked.
    context = trust.context(ca_file) if verified else ssl._create_unverified_context()  # noqa: S323, SLF001  asked for
    return http.client.HTTPSConnection(netloc, timeout=timeout, context=context)


def call(
    url: str,
    method: str,
    path: str,
    token: str,
    body: Any = None,
    timeout: float = TIMEOUT,
    ca_file: str = "",
    more: Mapping[str, str] | None = None,
) -> Any:
    """One JSON call, with `more` headers. CallFailed with the server's own message otherwise."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(more or {})}
    return _send(url, method, path, headers, None if body is None else json.dumps(body), timeout, ca_file)


def access_token(url: str, api_key: str, ca_file: str = "", *, account_id: str = "") -> str:
    """Return an access token for an API key. CallFailed when the server refuses the key.

    `account_id`: the account that the token is for, where that is not the account of the key.
    """
    form = {"grant_type": API_KEY_GRANT, "apikey": api_key}
    if account_id:
        form["bss_account"] = account_id
    head = {"Content-Type": FORM}
    return str(_send(url, "POST", "/identity/token", head, urlencode(form), TIMEOUT, ca_file)["access_token"])


def is_healthy(url: str, ca_file: str = "") -> bool:
    """Whether a server answers there that it is healthy."""
    try:
        return exchange(url, "GET", "/healthz", timeout=5, ca_file=ca_file).status == 200
    except Unreachable:
        return False


def _send(
    url: str, method: str, path: str, headers: Mapping[str, str], body: str | None, timeout: float, ca_file: str
) -> Any:
    try:
        answer = exchange(url, method, path, body, headers, timeout=timeout, ca_file=ca_file)
    except Unreachable as error:
        advice = " Start one: kunsthalle serve" if isinstance(error.__cause__, ConnectionRefusedError) else ""
        raise CallFailed(f"No server answers at {url} ({error}).{advice}") from error
    try:
        document = json.loads(answer.content or b"null")
    except (ValueError, RecursionError) as error:
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
