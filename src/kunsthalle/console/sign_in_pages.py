"""Signing in with an API key, switching between accounts, signing out; the operator's token; the theme."""

from __future__ import annotations

import base64
import contextlib

import msgspec
from starlette.responses import Response

from kunsthalle.console.api_client import Refused, segment
from kunsthalle.console.browser_sessions import BrowserSession, SignIn
from kunsthalle.console.forms import Form
from kunsthalle.console.page_frame import FLASH, ROOT, Page, Visit, form, session_cookie
from kunsthalle.console.signed_out_pages import leave_provider

GRANT = "urn:ibm:params:oauth:grant-type:apikey"
_SOON = 60
"""Seconds before its end at which an access token is renewed."""


def _claims(token: str) -> dict[str, object]:
    """What a token says that has just been given to us; it is verified by those it is shown to."""
    payload = token.split(".")[1]
    return dict(msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))


async def open_sign_in(visit: Visit, **changes: str) -> SignIn:
    """A sign-in from what the token endpoint grants."""
    told = await visit.api.form("/identity/token", changes)
    claims = _claims(told["access_token"])
    account_id = str(claims["account"]["bss"])  # type: ignore[index]  # our own token's claim
    account = account_id
    if account_id:  # who was invited and has not accepted is in none
        with contextlib.suppress(Refused):  # who may not read the account still knows its id
            api = visit.api.with_token(told["access_token"])
            account = (await api.get(f"/v1/accounts/{segment(account_id)}"))["name"]
    return SignIn(
        account_id=account_id,
        account=account,
        name=str(claims.get("name") or claims.get("email") or claims["iam_id"]),
        iam_id=str(claims["iam_id"]),
        access_token=told["access_token"],
        refresh_token=told["refresh_token"],
        expires=told["expiration"],
        session_id=str(claims.get("session_id", "")),
    )


async def renewed(visit: Visit, session: BrowserSession) -> BrowserSession | None:
    """The session with an access token that is in time; None when the last sign-in could not be renewed."""
    here, now = session.here, visit.sessions.now()
    while here is not None and here.expires - _SOON <= now:
        grant = {"grant_type": "refresh_token", "refresh_token": here.refresh_token}
        try:
            told = await visit.api.form("/identity/token", grant)
            here.access_token, here.refresh_token = told["access_token"], told["refresh_token"]
            here.expires = max(told["expiration"], now + _SOON + 1)
        except Refused as refused:
            if refused.status >= 500:  # nothing is said about the key
                raise
            session.drop(here.account_id)
        await visit.sessions.keep(visit.secret, session)
        here = session.here
    return session


def following_page(value: str) -> str:
    """Where to go on: a page of the console, and nothing else."""
    inside = value.startswith(f"{ROOT}/") and "\\" not in value and not value.startswith(f"{ROOT}//")
    return value.removeprefix(ROOT) if inside and value.isprintable() else "/"


async def show_sign_in(visit: Visit, filled: Form) -> Response:
    """The page to sign in: with an API key, or with a provider."""
    following = filled.get("next") or visit.query.get("next", "")
    adding = visit.session is not None and visit.session.here is not None
    names = {} if adding else visit.single_sign_on.names
    return visit.form_page("sign_in.html", filled, following=following, adding=adding, providers=names)


async def _sign_in(visit: Visit, filled: Form) -> Response:
    """A sign-in opens a session under a new secret; another account is added to the one that is there."""
    sign_in = await open_sign_in(visit, grant_type=GRANT, apikey=filled.get("apikey"))
    secret, session = visit.sessions.begin()
    if visit.session is not None:
        session.sign_ins, session.operator = visit.session.sign_ins, visit.session.operator
        await visit.sessions.end(visit.secret)
    session.add(sign_in)
    await visit.sessions.keep(secret, session)
    return visit.remember(visit.to(following_page(filled.get("next"))), secret)


async def _switch_page(visit: Visit, filled: Form) -> Response:
    """The accounts that are open, and those that can be seen from here: whether one may enter, the API says."""
    session = visit.session
    known = {sign_in.account_id for sign_in in session.sign_ins} if session is not None else set()
    told = await visit.if_allowed("GET", "/v1/accounts") or {"resources": []}
    others = [(resource["id"], resource["name"]) for resource in told["resources"] if resource["id"] not in known]
    return visit.form_page("accounts.html", filled, others=others)


async def _switch(visit: Visit, filled: Form) -> Response:
    """To an account that is open, or into another one of which the user is a member."""
    session = visit.session
    account = filled.get("account") or filled.get("account_id")
    if session is None or session.here is None:
        raise Refused(401, "unauthorized", "The session has ended.")
    if account in {sign_in.account_id for sign_in in session.sign_ins}:
        session.active = account
    else:
        here = session.here
        grant = {"grant_type": "refresh_token", "refresh_token": here.refresh_token}
        sign_in = await open_sign_in(visit, **grant, bss_account=account)
        sign_in.rest_on(here)
        session.add(sign_in)
    await visit.sessions.keep(visit.secret, session)
    return visit.to("/")


async def _invitations(visit: Visit, filled: Form) -> Response:
    told = await visit.api.get("/v2/users/invitations")
    alone = visit.session is None or visit.session.here is None or not visit.session.here.account_id
    return visit.form_page("invitations.html", filled, invitations=told["invitations"], alone=alone)


async def _accept(visit: Visit, filled: Form) -> Response:
    """Into the account that has invited: whoever was in none is in it from now on."""
    session, account_id = visit.session, filled.get("account_id")
    if session is None or session.here is None:
        raise Refused(401, "unauthorized", "The session has ended.")
    await visit.api.send("POST", "/v2/users/accept", {"account_id": account_id})
    here = session.here
    session.drop("")
    grant = {"grant_type": "refresh_token", "refresh_token": here.refresh_token}
    sign_in = await open_sign_in(visit, **grant, bss_account=account_id)
    sign_in.rest_on(here)
    session.add(sign_in)
    await visit.sessions.keep(visit.secret, session)
    return visit.to("/", "You have accepted the invitation.")


async def _leave_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("sign_out.html", filled)


async def _leave(visit: Visit, _filled: Form) -> Response:
    """Ends the session here and in the browser, and every sign-in with a provider that it holds; on to where that of
    the provider is ended, too.
    """
    sign_ins = visit.session.sign_ins if visit.session is not None else []
    await visit.sessions.end(visit.secret)
    names = visit.single_sign_on.names
    for session_id in {sign_in.session_id for sign_in in sign_ins if sign_in.session_id}:
        await visit.single_sign_on.end(session_id)
    visit.session = None
    last = next((sign_in for sign_in in reversed(sign_ins) if sign_in.provider in names), None)
    answer = await leave_provider(visit, last) if last is not None else visit.to("/sign-in")
    visit.forget(answer, session_cookie(visit.secure), FLASH)
    return answer


async def _theme_page(visit: Visit, filled: Form) -> Response:
    return visit.form_page("theme.html", filled)


async def _theme(visit: Visit, filled: Form) -> Response:
    theme = filled.get("theme")
    if theme not in {"light", "dark", "auto"}:
        raise Refused(400, "bad_request", "Invalid theme. Choose auto, light or dark.", "theme")
    return visit.choose_theme(visit.to(following_page(filled.get("next"))), theme)


PAGES: tuple[Page, ...] = (
    *form("/sign-in", show_sign_in, _sign_in, "POST /identity/token", signed_in=False),
    *form("/account", _switch_page, _switch, "POST /identity/token", without_account=True),
    *form("/invitations", _invitations, _accept, "POST /v2/users/accept", without_account=True),
    *form("/sign-out", _leave_page, _leave, "", without_account=True),
    *form("/theme", _theme_page, _theme, "", signed_in=False),
)
