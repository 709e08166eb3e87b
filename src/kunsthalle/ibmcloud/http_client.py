"""The thin HTTP client: one endpoint for every API family, tokens refreshed where they have ended."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from kunsthalle.core.text_values import integer
from kunsthalle.ibmcloud.command_errors import NOT_LOGGED_IN, Failed, Refused, is_vpc, refusal
from kunsthalle.ibmcloud.login_state import Session
from kunsthalle.ibmcloud.terminal import said
from kunsthalle.local.client import FORM, Unreachable, exchange
from kunsthalle.local.display import escape

VERSION = {"version": "2026-10-06", "generation": "2"}
GRANT = "urn:ibm:params:oauth:grant-type:"
CATALOG = "/api/v1-beta"
_TIMEOUT = 60
_LONGEST = 24 * 60 * 60
_UNAUTHORIZED = 401
_FIELDS = r'("((?:[^"\\]|\\.){1,100})"\s*:\s*)"(?:[^"\\]|\\.)*"'
_IN_ADDRESS = r'(\baccess_token=)[^"&\s]*'

Query = Mapping[str, Any]


class Answer(NamedTuple):
    status: int
    body: Any
    etag: str = ""


def path_of(template: str, *parts: str) -> str:
    """The template with each `{}` filled, whatever the part is made of."""
    return template.format(*(quote(part, safe="") for part in parts))


def valid(endpoint: str) -> str:
    """An endpoint that was typed, `https://` where it says none; Failed where it is none."""
    text = endpoint if "://" in endpoint else f"https://{endpoint}"
    try:
        parts = urlsplit(text)
        wrong = parts.scheme not in {"http", "https"} or not parts.hostname or (parts.port or 1) < 1
    except ValueError:
        wrong = True
    if wrong or re.search(r"[\s\x00-\x1f]", text):
        raise Failed(f"'{endpoint}' is not a valid API endpoint.")
    return text.rstrip("/")


class Api:
    """Calls to the endpoint of a session."""

    def __init__(self, session: Session, env: Mapping[str, str]) -> None:
        self.session, self.env = session, env

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """A call as whoever is logged in; Refused when the answer is 400 or above. A token that has ended is renewed,
        and the call made again: an answer of 401 says that nothing was done."""
        self.session.logged_in()
        document = {"Content-Type": "application/json", **(headers or {})}
        raw = None if body is None else json.dumps(body).encode()
        asked = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        asked |= VERSION if is_vpc(path) else {}
        target = path + (f"?{urlencode(asked)}" if asked else "")
        try:
            return self._once(method, target, raw, {**document, "Authorization": self.session.text("IAMToken")})
        except Refused as refused:
            if refused.status != _UNAUTHORIZED:
                raise
        self.refresh()
        return self._once(method, target, raw, {**document, "Authorization": self.session.text("IAMToken")})

    def get(self, path: str, query: Query | None = None) -> Any:
        return self.call("GET", path, None, query).body

    def post(self, path: str, body: Any = None, query: Query | None = None) -> Any:
        return self.call("POST", path, body, query).body

    def listed(self, path: str, key: str, query: Query | None = None) -> Iterator[Any]:
        """Every resource of a list, its pages followed to the end (VPC: `next.href`; the platform: `next_url`)."""
        asked = dict(query or {})
        while True:
            page = self.get(path, asked)
            if not isinstance(page, dict):
                raise Failed(f"The server at {self.session.endpoint} did not answer with a list.")
            yield from page.get(key) or ()
            following = page.get("next_url") or page.get("next")
            following = following.get("href") if isinstance(following, dict) else following
            more = {name: values[-1] for name, values in parse_qs(urlsplit(following or "").query).items()}
            if not more or all(asked.get(name) == value for name, value in more.items()):
                return
            asked |= more

    def token(self, form: Mapping[str, str]) -> dict[str, Any]:
        """A token for a grant."""
        head = {"Content-Type": FORM, "Authorization": "Basic Yng6Yng="}
        answer = self._once("POST", "/identity/token", urlencode(form).encode(), head).body
        if not isinstance(answer, dict) or "access_token" not in answer:
            raise Failed(f"The server at {self.session.endpoint} gave no token.")
        return answer

    def passcode_page(self) -> str:
        """Where a browser shows one-time codes, as the server says; Failed where it says none."""
        try:
            document = self._once("GET", "/identity/.well-known/openid-configuration", None, {}).body
        except Refused as refused:
            raise Failed(f"The server at {self.session.endpoint} has no one-time codes.") from refused
        page = document.get("passcode_endpoint") if isinstance(document, dict) else None
        if not isinstance(page, str) or not page.startswith(("http://", "https://")):
            raise Failed(f"The server at {self.session.endpoint} has no one-time codes.")
        return page

    def refresh(self) -> None:
        """A new token for the session's refresh token; Failed when that has ended too."""
        try:
            token = self.token({"grant_type": "refresh_token", "refresh_token": self.session.text("IAMRefreshToken")})
        except Refused as refused:
            raise Failed(NOT_LOGGED_IN) from refused
        self.session.put(IAMToken=f"Bearer {token['access_token']}")
        self.session.put(IAMRefreshToken=token.get("refresh_token") or self.session.text("IAMRefreshToken"))
        self.session.save()

    def _once(self, method: str, target: str, raw: bytes | None, headers: Mapping[str, str]) -> Answer:
        endpoint = self.session.endpoint
        self._trace(lambda: f"\nREQUEST:\n{method} {endpoint}{target}\n{_masked(raw)}\n")
        verified = not self.session.kept.get("SSLDisabled")
        try:
            answer = exchange(endpoint, method, target, raw, headers, timeout=self._timeout(), verified=verified)
        except Unreachable as error:
            raise Failed(_unreachable(endpoint, error)) from error
        content = answer.content
        self._trace(lambda: f"\nRESPONSE:\nHTTP {answer.status}\n{_masked(content)}\n")
        if answer.status >= 400:
            raise refusal(answer.status, target.partition("?")[0], content)
        try:
            body = json.loads(content) if content.strip() else None
        except (ValueError, RecursionError) as error:
            raise Failed(f"{endpoint} answered {answer.status} without JSON; is it Kunsthalle?") from error
        return Answer(answer.status, body, answer.headers.get("ETag") or "")

    def _timeout(self) -> float:
        text = said(self.env, "HTTP_TIMEOUT") or str(self.session.kept.get("HTTPTimeout") or "")
        return float(integer(text, 1, _LONGEST) or _TIMEOUT)

    def _trace(self, text: Callable[[], str]) -> None:
        """IBMCLOUD_TRACE: `true` shows the calls on stderr, a path keeps them there; no secret in either."""
        where = said(self.env, "TRACE") or self.session.text("Trace")
        if where.lower() in {"", "false"}:
            return
        if where.lower() == "true":
            sys.stderr.write(escape(text()))
            return
        from kunsthalle.ibmcloud.files import append_private

        append_private(where, text())


def _masked(raw: bytes | None) -> str:
    text = (raw or b"").decode(errors="replace")
    if text.startswith("grant_type="):
        return re.sub(r"=[^&]*", "=[PRIVATE DATA HIDDEN]", text)
    return re.sub(_IN_ADDRESS, r"\1[PRIVATE DATA HIDDEN]", re.sub(_FIELDS, _field, text))


def _field(match: re.Match[str]) -> str:
    """A field of a document, without its value where the name says that it is a secret."""
    from kunsthalle.core.redaction import is_secret

    return f'{match[1]}"[PRIVATE DATA HIDDEN]"' if is_secret(match[2]) else match[0]


def _unreachable(endpoint: str, why: Exception) -> str:
    return (
        f"No server answers at {endpoint} ({why}).\n"
        "Start one with 'kunsthalle serve', or choose another with 'ibmcloud login -a URL'."
    )
