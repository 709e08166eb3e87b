"""The frame of every page: declared in tables, given a visit, answered with a template.

A page names the operation of the API that it shows or sends, so that tests can hold the one against the other.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kunsthalle.api.asgi import Receive, Scope, Send
from kunsthalle.console.api_client import Api, Refused, segment
from kunsthalle.console.browser_sessions import BrowserSession, Sessions, form_token
from kunsthalle.console.forms import Form
from kunsthalle.core.records import dataclass
from kunsthalle.core.text_values import integer

if TYPE_CHECKING:
    from kunsthalle.console.single_sign_on_pages import SingleSignOn

ROOT = "/console"
NO_ROLE = "You have no role in this account that permits this."
SESSION, FLASH, THEME = "kunsthalle_session", "kunsthalle_said", "kunsthalle_theme"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self';"
    " form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""The content security policy of pages."""
_HOST_ONLY = "__Host-"
"""A browser takes a cookie of such a name from this very host and over https alone, and for every path of it."""
_KINDS = ("success", "info", "warning", "error")

Render = Callable[..., Iterator[str]]


def session_cookie(secure: bool, name: str = SESSION) -> str:
    """The name of the cookie that opens a session, or of another one that no other host may set."""
    return _HOST_ONLY + name if secure else name


class Written(Response):
    """A page that is sent in pieces: its head, so that the browser can begin, before its body is written.

    Whatever a page is made of has been asked for before, so that the status is known when the first piece is sent.
    """

    media_type = "text/html"

    def __init__(self, pieces: Iterator[str], status: int) -> None:
        super().__init__(None, status)
        del self.headers["content-length"]
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  as ASGI has it
        first = next(self._pieces)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": first.encode(), "more_body": True})
        rest = "<p>The server failed; its log says why.</p>"
        try:
            rest = "".join(self._pieces)
        finally:
            await send({"type": "http.response.body", "body": rest.encode()})


@dataclass
class Visit:
    """One request for a page by somebody: who it is, what may be called, how it is answered."""

    request: Request
    api: Api
    sessions: Sessions
    session: BrowserSession | None
    secret: str
    render: Render
    secure: bool
    """Whether the browser speaks https: to this server, or to a proxy at its public URL."""
    single_sign_on: SingleSignOn
    """The providers that people may sign in with."""
    trace: str = ""
    public_url: str = ""
    """The base URL that the settings give the server, if any."""
    https_url: str = ""
    """The console's https URL, for a browser that called another one over plain http and will keep no session."""
    clock: dict[str, Any] | None = None
    """Where the product clock stands, for whoever operates the server."""
    shapes: frozenset[str] = frozenset()
    """The paths of the pages that there are, without the names of what is in them."""
    now: int = 0
    """The moment of the product clock, in microseconds."""
    refused_operations: frozenset[str] = frozenset()
    """The operations that the visitor has no role for."""
    form_at: Callable[[str], Page | None] = lambda _path: None
    """The page that the form at a path is sent to."""
    waiting: int = 0
    """How many share requests wait for an answer of the account."""

    def id(self, name: str) -> str:
        """What the path names, as one segment of another path."""
        return segment(str(self.request.path_params[name]))

    async def if_allowed(self, method: str, path: str, body: Any = None) -> Any:
        """What a call answers, or None for those who may not ask: the page does without."""
        try:
            return await self.api.send(method, path, body)
        except Refused as refused:
            if refused.status == 403:
                return None
            raise

    async def ask_for_roles(self) -> None:
        """Which operations are not to be offered, for want of a role. Asked anew by each page, so that a role that was
        withdrawn shows at the next; the API has the answer ready for as long as nothing changes.
        """
        try:
            told = await self.api.get("/_kunsthalle/refused_operations")
        except Refused as refused:
            if refused.status != 403:  # who is in no account may do next to nothing, and is told so by each page
                raise
        else:
            self.refused_operations = frozenset(told["refused"])

    def refusal(self, path: str) -> str:
        """Why the form at an address would be refused for want of a role; '' where nothing is known against it."""
        page = self.form_at(path.partition("?")[0])
        return NO_ROLE if page is not None and page.operation in self.refused_operations else ""

    async def count_requests(self) -> None:
        """How many share requests wait for an answer, which every page shows in its menu. Refused for a token that is
        good no more, also on pages that ask the API for nothing else.
        """
        try:
            told = await self.api.get("/api/v1-beta/shareapproval/offering/access/source/pending")
            self.waiting = len(told["resources"])
        except Refused as refused:  # whoever may not read them; a sign-in that has ended shows no page
            if refused.status == 401:
                raise

    @property
    def query(self) -> Any:
        return self.request.query_params

    @property
    def here(self) -> str:
        """The address of this page within the console, with its query."""
        url = self.request.url
        return str(url.path).removeprefix(ROOT) + (f"?{url.query}" if url.query else "")

    @property
    def origin(self) -> str:
        """The address of this server as browsers call it, without a trailing slash."""
        if self.public_url:
            return self.public_url
        url = self.request.url
        return f"{url.scheme}://{url.netloc}"

    @property
    def active(self) -> str:
        """The account whose pages are seen."""
        return self.session.active if self.session is not None else ""

    @property
    def form_token(self) -> str:
        return form_token(self.secret)

    @property
    def theme(self) -> str:
        cookie = self.request.cookies.get(THEME, "")
        return cookie if cookie in {"light", "dark"} else "auto"

    @property
    def said(self) -> dict[str, str] | None:
        """What the page before this one had to say."""
        try:
            kind, text = json.loads(unquote(self.request.cookies.get(FLASH, "")))
        except ValueError:
            return None
        return {"kind": kind, "text": text} if kind in _KINDS and isinstance(text, str) else None

    def page(self, template: str, status: int = 200, /, **values: Any) -> Response:
        """A page; with `?part=NAME` only that live part of it, for whoever has the page already."""
        part = self.query.get("part", "")
        answer = Written(self.render(template, part, visit=self, **values), status)
        if self.said is not None and not part:
            self.forget(answer, FLASH)
        return answer

    def form_page(self, template: str, form: Form, **values: Any) -> Response:
        """A page with a form, under the status of what the API said to it."""
        return self.page(template, form.refused.status if form.refused else 200, form=form, **values)

    def to(self, path: str, text: str = "", kind: str = "success") -> Response:
        """On to another page of the console, which tells what has been done."""
        answer = RedirectResponse(ROOT + path, 303)
        if text:
            self.set_cookie(answer, FLASH, quote(json.dumps([kind, text])), max_age=60)
        return answer

    def set_cookie(self, answer: Response, name: str, value: str, **more: Any) -> None:
        """A cookie that no script reads, no other site causes to be sent, and, over https, nobody else can read."""
        path = "/" if name.startswith(_HOST_ONLY) else ROOT
        rules = {"samesite": "strict", "httponly": True, "secure": self.secure, **more}
        answer.set_cookie(name, value, path=path, **rules)

    def remember(self, answer: Response, secret: str) -> Response:
        """Hands out the session's cookie; the browser forgets it when it is closed."""
        self.set_cookie(answer, session_cookie(self.secure), secret)
        return answer

    def forget(self, answer: Response, *names: str) -> None:
        """Have the browser drop cookies."""
        for name in names:
            self.set_cookie(answer, name, "", max_age=0, expires=0)

    def choose_theme(self, answer: Response, theme: str) -> Response:
        self.set_cookie(answer, THEME, theme, max_age=365 * 86_400)
        return answer


Handler = Callable[[Visit], Awaitable[Response]]
Show = Callable[[Visit, Form], Awaitable[Response]]
Submit = Callable[[Visit, Form], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: where it is, what shows it, and which operation of the API it stands for ('' for none).

    `show` and `submit` are of pages with a form: what the API refuses is told in the form, under the refusal's status.
    """

    method: str
    path: str
    handler: Handler
    operation: str
    signed_in: bool = True
    operator: bool = False
    without_account: bool = False
    """Also for somebody who was invited and is in no account yet."""
    file: bool = False
    """What is kept as a file: opened as a page is, and none."""
    script: bool = False
    """What a script asks for, and is answered in JSON or nothing: no page that is looked at."""


def page(path: str, handler: Handler, operation: str, *, signed_in: bool = True, operator: bool = False) -> Page:
    """A page that is only looked at. `operation` is the API's, as `GET /v1/images`."""
    return Page("GET", path, handler, operation, signed_in, operator)


def call(method: str, path: str, handler: Handler, operation: str) -> Page:
    """What a script asks for: a refusal is `{"message", "field"}` under its status."""

    async def answered(visit: Visit) -> Response:
        try:
            return await handler(visit)
        except Refused as refused:
            if refused.status == 401:
                raise
            return json_answer({"message": refused.message, "field": refused.field}, refused.status)

    return Page(method, path, answered, operation, script=True)


def json_answer(value: Any, status: int = 200) -> Response:
    """What a script is told."""
    return Response(json.dumps(value), status, media_type="application/json")


def form(
    path: str,
    show: Show,
    submit: Submit,
    operation: str,
    *,
    signed_in: bool = True,
    operator: bool = False,
    without_account: bool = False,
) -> tuple[Page, Page]:
    """A page with a form, and what it sends; `operation` is what the sent form asks of the API."""

    async def shown(visit: Visit) -> Response:
        return await show(visit, Form())

    async def sent(visit: Visit) -> Response:
        form = await filled(visit.request, MOST_FORM if visit.session is not None else MOST_STRANGER_FORM)
        try:
            return await submit(visit, form)
        except Refused as refused:
            if refused.status == 401 and visit.session is not None:
                raise
            form.refused = refused
        return await show(visit, form)

    return (
        Page("GET", path, shown, operation, signed_in, operator, without_account),
        Page("POST", path, sent, operation, signed_in, operator, without_account),
    )


class Pages:
    """Finds a page by its path: a literal segment goes before a named one."""

    def __init__(self, pages: Iterable[Page]) -> None:
        self._by_shape: dict[tuple[str, int, str], list[tuple[Page, list[str]]]] = {}
        for page in pages:
            segments = page.path.split("/")[1:]
            self._by_shape.setdefault((page.method, len(segments), segments[0]), []).append((page, segments))
        for resource in self._by_shape.values():
            resource.sort(key=lambda entry: [segment.startswith("{") for segment in entry[1]])

    def find(self, method: str, path: str) -> tuple[Page | None, dict[str, str]]:
        """The page and what its path names, decoded already."""
        sent = path.split("/")[1:]
        target = "GET" if method == "HEAD" else method
        for entry, segments in self._by_shape.get((target, len(sent), sent[0]), ()):
            pairs = list(zip(segments, sent, strict=True))
            if all(name == value or (name.startswith("{") and value) for name, value in pairs):
                return entry, {name[1:-1]: value for name, value in pairs if name.startswith("{")}
        return None, {}


MOST_FORM = 256 * 1024
MOST_STRANGER_FORM = 16 * 1024
"""For whoever has no session: an API key, and where to go on."""


async def filled(request: Request, most: int = MOST_FORM) -> Form:
    """The form of a request, read once. `most` is in bytes; for the first to ask it counts."""
    known: Form | None = getattr(request.state, "form", None)
    if known is not None:
        return known
    from urllib.parse import parse_qsl

    raw = await _read(request, most)
    values: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=500):
            values.setdefault(name, []).append(value)
    except ValueError as error:
        raise Refused(400, "bad_request", "The form could not be read.") from error
    request.state.form = Form(values)
    return Form(values)


async def body_of(request: Request, most: int) -> bytes:
    """The body of a request that is no form; Refused beyond `most` bytes."""
    return await _read(request, most)


async def _read(request: Request, most: int) -> bytes:
    from starlette.requests import ClientDisconnect

    too_large = Refused(413, "request_too_large", f"What is sent must be at most {most} bytes.")
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and integer(announced, most=most) is None:
        raise too_large
    raw = bytearray()
    try:
        async for part in request.stream():
            raw += part
            if len(raw) > most:
                raise too_large
    except ClientDisconnect as error:
        raise Refused(400, "bad_request", "The connection closed before the form was complete.") from error
    return bytes(raw)
