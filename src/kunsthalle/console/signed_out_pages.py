"""Signing out at a provider (OpenID Connect RP-Initiated Logout 1.0), and the page that a browser comes back to."""

from __future__ import annotations

import hmac

from starlette.responses import RedirectResponse, Response

from kunsthalle.console.api_client import Refused
from kunsthalle.console.browser_sessions import SignIn
from kunsthalle.console.page_frame import ROOT, Page, Visit, page, session_cookie
from kunsthalle.core.errors import NOT_FOUND
from kunsthalle.oidc.farewells import Farewell

LEAVING = "kunsthalle_leaving"
_AT_PROVIDER = 600
"""Seconds that the provider's own page may take."""


def named_provider(visit: Visit) -> str:
    """The provider that the path names; 404 for one that there is not."""
    id_ = str(visit.request.path_params["provider_id"])
    if id_ not in visit.single_sign_on.names:
        raise Refused(404, "not_found", NOT_FOUND)
    return id_


async def leave_provider(visit: Visit, sign_in: SignIn) -> Response:
    """On to where the provider ends its session; where it has no such page, to the one that says what is left to do.

    The ID token of the sign-in has been in the session until here, and goes to the provider that has issued it.
    """
    id_, state = sign_in.provider, visit.sessions.secret()
    back = f"{visit.origin}{ROOT}/signed-out/{id_}"
    farewell = Farewell(sign_in.id_token, sign_in.logout_hint, back, state)
    url = await visit.single_sign_on.end_session_url(id_, farewell, visit.trace)
    if not url:
        return visit.to(f"/signed-out/{id_}")
    answer = _onward(visit, id_, url)
    visit.set_cookie(answer, _leaving_cookie(visit), state, samesite="lax", max_age=_AT_PROVIDER)
    return answer


def _onward(visit: Visit, provider_id: str, url: str) -> Response:
    """To another site. The script of a dialog is told where; without it a page goes on by itself, as the policy of
    pages lets no form lead elsewhere.
    """
    if visit.request.headers.get("x-dialog"):
        return RedirectResponse(url, 303)
    return visit.page("leaving.html", name=visit.single_sign_on.names[provider_id], url=url)


def _leaving_cookie(visit: Visit) -> str:
    return session_cookie(visit.secure, LEAVING)


async def _signed_out(visit: Visit) -> Response:
    """Where somebody has signed out; whether they come back from the provider, the state says that went along."""
    id_, states = named_provider(visit), visit.query.getlist("state")
    expected = visit.request.cookies.get(_leaving_cookie(visit), "")
    is_back = len(states) == 1 and expected != "" and hmac.compare_digest(states[0].encode(), expected.encode())
    answer = visit.page("signed_out.html", name=visit.single_sign_on.names[id_], is_back=is_back)
    if is_back:
        visit.forget(answer, _leaving_cookie(visit))
    return answer


PAGES: tuple[Page, ...] = (page("/signed-out/{provider_id}", _signed_out, "", signed_in=False),)
