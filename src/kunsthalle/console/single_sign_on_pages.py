"""Signing in with a provider, being signed out by it, and one-time passcodes for `ibmcloud login --sso`."""

from __future__ import annotations

from typing import Protocol

from starlette.responses import RedirectResponse, Response

from kunsthalle.console.api_client import Refused
from kunsthalle.console.forms import Form
from kunsthalle.console.page_frame import ROOT, Page, Visit, filled, form, page, session_cookie
from kunsthalle.console.sign_in_pages import following_page, open_sign_in, show_sign_in
from kunsthalle.console.signed_out_pages import named_provider
from kunsthalle.oidc.farewells import Farewell
from kunsthalle.oidc.sign_in_refusals import SignInRefused

FLOW, PASSCODE_GRANT = "kunsthalle_flow", "urn:ibm:params:oauth:grant-type:passcode"
_MOST_ANSWER = 16 * 1024
"""Characters of what a provider sends a browser back with."""
_MOST_LOGOUT = 128 * 1024
"""Bytes of a provider's form that signs somebody out."""


class SignedIn(Protocol):
    """What has come of a sign-in."""

    @property
    def passcode(self) -> str: ...
    @property
    def following(self) -> str: ...
    @property
    def id_token(self) -> str: ...
    @property
    def logout_hint(self) -> str: ...


class SingleSignOn(Protocol):
    """What the console asks of the providers that people sign in with."""

    @property
    def names(self) -> dict[str, str]: ...
    async def begin(self, provider_id: str, redirect_uri: str, following: str, trace: str) -> tuple[str, str]: ...
    async def finish(self, provider_id: str, sealed_flow: str, answer: dict[str, str], trace: str) -> SignedIn: ...
    async def end(self, session_id: str) -> None: ...
    async def end_session_url(self, provider_id: str, farewell: Farewell, trace: str) -> str: ...
    async def back_channel_logout(self, provider_id: str, token: str, trace: str) -> int: ...


async def _begin(visit: Visit) -> Response:
    """To the provider, with what this browser has to bring back."""
    id_ = named_provider(visit)
    following = visit.query.get("next", "")
    try:
        url, flow = await visit.single_sign_on.begin(id_, _callback_url(visit, id_), following, visit.trace)
    except SignInRefused as refusal:
        return await _refused(visit, refusal)
    answer = RedirectResponse(url, 302)
    visit.set_cookie(answer, _flow_cookie(visit), flow, samesite="lax", max_age=600)
    return answer


def _flow_cookie(visit: Visit) -> str:
    """Of its own rules: a browser that another site sends here brings it along, as it does not the session's."""
    return session_cookie(visit.secure, FLOW)


def _callback_url(visit: Visit, provider_id: str) -> str:
    """Where the provider sends the browser: an address of each, so that none is taken for another."""
    return f"{visit.origin}{ROOT}/sign-in/{provider_id}/callback"


async def _finish(visit: Visit) -> Response:
    """Back from the provider: a session under a new secret, or the page to sign in, which says why not.

    What follows is a page, and no redirection: a browser that comes from another site gives the session's cookie only
    to what a page of this one asks for.
    """
    id_ = named_provider(visit)
    try:
        told = await _signed_in(visit, id_)
        sign_in = await open_sign_in(visit, grant_type=PASSCODE_GRANT, passcode=told.passcode)
    except SignInRefused as refusal:
        return await _refused(visit, refusal)
    except Refused as refused:
        return await _refused(visit, SignInRefused(refused.code, refused.message, refused.status))
    secret, session = visit.sessions.begin()
    await visit.sessions.end(visit.secret)
    sign_in.provider, sign_in.id_token, sign_in.logout_hint = id_, told.id_token, told.logout_hint
    session.add(sign_in)
    await visit.sessions.keep(secret, session)
    visit.session = None
    answer = visit.page("signed_in.html", following=following_page(told.following))
    visit.forget(answer, _flow_cookie(visit))
    return visit.remember(answer, secret)


async def _signed_in(visit: Visit, provider_id: str) -> SignedIn:
    query = visit.query
    answer = {name: query.get(name, "") for name in ("code", "state", "iss", "error")}
    if any(len(query.getlist(name)) > 1 for name in answer) or len(str(query)) > _MOST_ANSWER:
        raise SignInRefused("bad_answer", "The answer of the provider could not be read. Begin anew.")
    sealed_flow = visit.request.cookies.get(_flow_cookie(visit), "")
    return await visit.single_sign_on.finish(provider_id, sealed_flow, answer, visit.trace)


async def _refused(visit: Visit, refusal: SignInRefused) -> Response:
    filled_form = Form({}, Refused(refusal.status, refusal.code, refusal.message, trace=visit.trace))
    answer = await show_sign_in(visit, filled_form)
    visit.forget(answer, _flow_cookie(visit))
    return answer


async def _back_channel(visit: Visit) -> Response:
    """A provider says that somebody has signed out there (OpenID Connect Back-Channel Logout 1.0)."""
    id_ = named_provider(visit)
    token = (await filled(visit.request, _MOST_LOGOUT)).get("logout_token")
    try:
        await visit.single_sign_on.back_channel_logout(id_, token, visit.trace)
    except SignInRefused as refusal:
        return Response(f"{refusal.code}\n", 503 if refusal.status == 503 else 400, media_type="text/plain")
    return Response(status_code=200)


async def _ask_passcode(visit: Visit, filled_form: Form) -> Response:
    return visit.form_page("passcode.html", filled_form, passcode="", endpoint=visit.origin)


async def _show_passcode(visit: Visit, filled_form: Form) -> Response:
    """A passcode is shown once, and is good for one sign-in of the command line."""
    told = await visit.api.send("POST", "/identity/passcode")
    return visit.form_page("passcode.html", filled_form, passcode=told["passcode"], endpoint=visit.origin)


PAGES: tuple[Page, ...] = (
    page("/sign-in/{provider_id}", _begin, "", signed_in=False),
    page("/sign-in/{provider_id}/callback", _finish, "POST /identity/token", signed_in=False),
    Page("POST", "/sign-in/{provider_id}/back-channel-logout", _back_channel, "", signed_in=False, script=True),
    *form("/passcode", _ask_passcode, _show_passcode, "POST /identity/passcode", without_account=True),
)
