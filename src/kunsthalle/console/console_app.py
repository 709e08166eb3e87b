"""The console as an ASGI application: sessions, protection of forms, headers, errors, and the table of pages."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from kunsthalle.api.asgi import FORWARDED_SCHEME, Receive, Scope, Send
from kunsthalle.authz.context import Context
from kunsthalle.console import static
from kunsthalle.console.all_pages import CALLS, DOWNLOADS, PAGES
from kunsthalle.console.api_client import Api, Application, Refused
from kunsthalle.console.browser_sessions import BrowserSession, Sessions
from kunsthalle.console.former_addresses import moved
from kunsthalle.console.html_templates import render
from kunsthalle.console.page_frame import POLICY, ROOT, Page, Pages, Visit, filled, session_cookie
from kunsthalle.console.resource_addresses import shape
from kunsthalle.console.sign_in_pages import renewed
from kunsthalle.console.single_sign_on_pages import SingleSignOn
from kunsthalle.core.addresses import parse
from kunsthalle.core.disk_space import is_out_of_space
from kunsthalle.core.errors import NOT_FOUND
from kunsthalle.core.log import get_logger
from kunsthalle.db.engine import Store

log = get_logger("console")

HEADERS = {
    "content-security-policy": POLICY,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

_DIALOG = "x-dialog"
"""What the script says that sends a form of a dialog: it goes on to the next page itself."""
_YEAR = 365 * 24 * 60 * 60
"""Seconds."""


class Console:
    """`api` answers the operations of the API; the session table is in `store`."""

    def __init__(self, api: Application, store: Store, base: Context, single_sign_on: SingleSignOn) -> None:
        self._single_sign_on = single_sign_on
        self._api = api
        self._ctx = base
        self._sessions = Sessions(store, base)
        self._pages = Pages((*PAGES, *DOWNLOADS, *CALLS))
        self._shapes = frozenset(shape(entry.path) for entry in PAGES if entry.method == "GET")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        https = _https_alone(request, self._ctx.origin)

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                more = [(name.encode(), value.encode()) for name, value in {**HEADERS, **https}.items()]
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in more if name not in names),
                ]
            await send(message)

        answer = await self._respond(scope, request)
        await answer(scope, receive, guarded)

    async def _respond(self, scope: Scope, request: Request) -> Any:
        path = str(scope["path"]).removeprefix(ROOT)
        if path.startswith("/static/"):
            return static.serve(request, path.removeprefix("/static/"))
        if not path:
            return RedirectResponse(f"{ROOT}/", 308)
        if request.method == "GET" and (now := moved(path)):
            return RedirectResponse(str(request.url.replace(scheme="", netloc="", path=f"{ROOT}{now}")), 308)
        entry, scope["path_params"] = self._pages.find(request.method, path)
        visit = self._stranger(request)
        try:
            visit = await self._visit(request)
            if entry is None:
                return _not_found(visit) if _signed_in(visit) else _ask_to_sign_in(visit)
            return await self._answer(entry, visit)
        except Refused as refused:
            return await self._refused(visit, refused)
        except Exception as error:
            trace = self._ctx.ids.uuid()
            log.exception("internal error", path=entry.path if entry else "", trace=trace)
            if is_out_of_space(error):
                text = "Nothing was changed. Try again later."
                return visit.page("refused.html", 503, title="The server's disk is full", text=text, trace=trace)
            text = "The log of the server has the details under this trace."
            return visit.page("refused.html", 500, title="The server failed", text=text, trace=trace)

    def _form_at(self, path: str) -> Page | None:
        return self._pages.find("POST", path)[0]

    def _stranger(self, request: Request) -> Visit:
        """A visit of somebody without a session."""
        secure = request.url.scheme == "https" or self._ctx.origin.startswith("https://")
        api, https_url = Api(self._api, request.scope, ""), _https_url(request, self._ctx.origin)
        settled = (self._single_sign_on, self._ctx.ids.uuid(), self._ctx.origin)
        return Visit(
            request,
            api,
            self._sessions,
            None,
            "",
            render,
            secure,
            *settled,
            https_url,
            shapes=self._shapes,
            now=self._ctx.now(),
        )

    async def _visit(self, request: Request) -> Visit:
        visit = self._stranger(request)
        visit.form_at = self._form_at
        visit.secret = request.cookies.get(session_cookie(visit.secure), "")
        session = visit.session = await self._sessions.find(visit.secret)
        if session is not None:
            visit.session = await renewed(visit, session)
        if visit.session is not None:
            here = visit.session.here
            visit.api = visit.api.with_token(here.access_token if here else "", visit.session.operator)
            visit.clock = await _clock(visit.api) if visit.session.operator else None
        return visit

    async def _answer(self, page: Page, visit: Visit) -> Response:
        if page.method != "GET":
            await _protect(visit)
        if page.signed_in and not _signed_in(visit):
            return Response(status_code=401) if page.script else _ask_to_sign_in(visit)
        if page.signed_in and not page.without_account and _is_in_no_account(visit):
            return visit.to("/invitations")
        if page.operator and visit.clock is None:
            raise Refused(404, "not_found", NOT_FOUND)
        if page.method == "GET" and page.signed_in and not page.script and not page.file:
            await visit.ask_for_roles()
            if not visit.query.get("part"):
                await visit.count_requests()
        answer = await page.handler(visit)
        return _for_dialog(answer) if visit.request.headers.get(_DIALOG) else answer

    async def _refused(self, visit: Visit, refused: Refused) -> Response:
        if refused.status == 401 and visit.session is not None:
            return await self._ended(visit, visit.session)
        if refused.status == 404:
            return _not_found(visit)
        title = "You are not authorized for this action" if refused.status == 403 else "The request was refused"
        return visit.page("refused.html", refused.status, title=title, text=refused.message, trace=refused.trace)

    async def _ended(self, visit: Visit, session: BrowserSession) -> Response:
        """The key of the session's active sign-in is not valid any more."""
        session.drop(session.active)
        await self._sessions.keep(visit.secret, session)
        return _ask_to_sign_in(visit)


def _https_alone(request: Request, public_url: str) -> dict[str, str]:
    """HSTS, which holds for every port of a name: only where the public URL has https and a name to itself.

    That is a name of its own without a port, and the one under which this page was called, over https.
    """
    public = urlsplit(public_url)
    host = public.netloc.lower()
    called = request.url.scheme == "https" and request.headers.get("host", "").lower() == host
    named = "." in host and ":" not in host and parse(host) is None and not host.endswith(".localhost")
    right = public.scheme == "https" and called and named
    return {"strict-transport-security": f"max-age={_YEAR}"} if right else {}


def _https_url(request: Request, public_url: str) -> str:
    """Return the console's https URL if the browser called another one over plain http, else ''.

    A proxy that ends TLS calls over plain http too, but by the public name, or says what the browser speaks: only of
    a trusted proxy, that is the scheme of the request.
    """
    proxied = request.scope.get(FORWARDED_SCHEME, "")
    host = request.headers.get("host", "").lower()
    plain = request.url.scheme == "http" and (bool(proxied) or host != urlsplit(public_url).netloc.lower())
    return f"{public_url}{ROOT}/" if plain and public_url.startswith("https://") else ""


def _for_dialog(answer: Response) -> Response:
    """A redirection as the script is told of it, which cannot see one; anything else as it is."""
    if answer.status_code != 303:
        return answer
    answer.status_code = 204
    answer.headers["x-location"] = answer.headers["location"]
    del answer.headers["location"]
    return answer


def _signed_in(visit: Visit) -> bool:
    return visit.session is not None and visit.session.here is not None


def _is_in_no_account(visit: Visit) -> bool:
    """Whether somebody was invited and has not accepted: every other page would be refused."""
    here = visit.session.here if visit.session is not None else None
    return here is not None and not here.account_id


async def _clock(api: Api) -> dict[str, Any] | None:
    """Where the clock stands; None when the operator's token has been replaced since."""
    try:
        return dict(await api.operate("GET", "/_kunsthalle/clock"))
    except Refused:
        return None


def _not_found(visit: Visit) -> Response:
    """The one page for what is hidden, gone, or never was."""
    return visit.page("refused.html", 404, title="Not found", text=NOT_FOUND, trace="")


def _ask_to_sign_in(visit: Visit) -> Response:
    if visit.query.get("part"):
        return Response(status_code=401)  # the script loads the whole page anew
    url = visit.request.url
    path = url.path + (f"?{url.query}" if url.query else "")
    back = f"?next={quote(path, safe='')}" if visit.request.method == "GET" else ""
    return RedirectResponse(f"{ROOT}/sign-in{back}", 303)


async def _protect(visit: Visit) -> None:
    """Refuses a form that this site did not make: by where it comes from, and by the session's own token in it."""
    request = visit.request
    origin = request.headers.get("origin")
    foreign = origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    if foreign or request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Refused(403, "forbidden", "The form was sent from another site.")
    if not _signed_in(visit):
        return
    # No other site can have a browser send a header of that name.
    form_token = request.headers.get("x-form-token") or (await filled(request)).get("form_token")
    if not hmac.compare_digest(form_token.encode(), visit.form_token.encode()):
        raise Refused(403, "forbidden", "The form is older than the session: go back, load the page again and repeat.")


__all__ = ["HEADERS", "Console"]
