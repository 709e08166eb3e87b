"""Sign-ins with providers, from the first redirection to a passcode that the token endpoint takes.

What a browser carries to the provider and back is sealed with the master key, so that any node may finish what another
has begun, and nobody but that browser can.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import msgspec

from kunsthalle.authz.context import Context
from kunsthalle.core.log import get_logger
from kunsthalle.core.trace_parents import traced
from kunsthalle.db.encryption import CannotDecrypt
from kunsthalle.db.engine import Store
from kunsthalle.db.rows import IntegrityError
from kunsthalle.db.session import Session
from kunsthalle.iam import federated_sign_ins as service
from kunsthalle.oidc.answers import MAX_SECONDS
from kunsthalle.oidc.code_flow import Client, Flow, Identity
from kunsthalle.oidc.farewells import Farewell
from kunsthalle.oidc.providers import Provider
from kunsthalle.oidc.sign_in_refusals import SignInRefused

log = get_logger("sign-in")
MAX_AT_ONCE = 32
"""Sign-ins that wait for a provider at the same time."""
_PURPOSE = "sign-in-flow"


class SignedIn(msgspec.Struct, frozen=True):
    """`passcode` is good for one token request; `following` is the page to go on to. With `id_token`, or with
    `logout_hint` where that is empty, the sign-out at the provider says whose session ends.
    """

    passcode: str
    following: str
    id_token: str
    logout_hint: str


class SingleSignOn:
    """All providers of the settings."""

    def __init__(
        self, store: Store, base: Context, providers: Iterable[Provider], seconds: float = MAX_SECONDS
    ) -> None:
        """`seconds` bounds a call to a provider."""
        self._store = store
        self._base = base
        self._clients = {provider.id: Client(provider, base.clock, base.ids, seconds) for provider in providers}
        self._waiting = 0

    @property
    def names(self) -> dict[str, str]:
        """The names that are shown, by the ids of the providers."""
        return {id_: client.provider.name for id_, client in self._clients.items()}

    async def begin(self, provider_id: str, redirect_uri: str, following: str, trace: str) -> tuple[str, str]:
        """Where the browser goes, and what it keeps meanwhile."""
        client = self._clients[provider_id]
        with self._turn("sign-in", trace):
            url, flow = await client.begin(redirect_uri, following)
        return url, self._store.cipher.encrypt(msgspec.json.encode(flow).decode(), _PURPOSE)

    async def finish(self, provider_id: str, sealed_flow: str, answer: dict[str, str], trace: str) -> SignedIn:
        """What comes of a provider's answer; SignInRefused unless it is somebody who may enter."""
        client = self._clients[provider_id]
        flow, email = self._opened(sealed_flow), ""
        try:
            with self._turn("sign-in", trace):
                identity = await client.finish(flow, answer)
            email = identity.email if identity.is_verified else ""
            passcode = await self._passcode(identity, trace)
        except SignInRefused as refusal:
            log.warning("sign-in refused", provider=provider_id, code=refusal.code, email=email[:255], trace=trace)
            raise
        log.info("signed in", provider=provider_id, email=email, trace=trace)
        return SignedIn(passcode, flow.following, identity.id_token, identity.logout_hint)

    async def _passcode(self, identity: Identity, trace: str) -> str:
        ctx = replace(self._base, trace=trace)

        def write(session: Session) -> str:
            sign_in = service.sign_in(session, identity)
            return service.make_passcode(session, service.Passcode(sign_in.id, "", sign_in.account_id))

        try:
            return await self._store.write_async(ctx, write)
        except IntegrityError:  # two sign-ins of somebody new at once: the other has made the user
            return await self._store.write_async(ctx, write)
        except SignInRefused as refusal:
            if refusal.code == service.DISABLED:
                await self._store.write_async(ctx, lambda session: service.note_refusal(session, identity))
            raise

    def _opened(self, sealed_flow: str) -> Flow:
        text = "This sign-in was not begun in this browser, or it ended already. Begin anew."
        try:
            return msgspec.json.decode(self._store.cipher.decrypt(sealed_flow, _PURPOSE), type=Flow)
        except (CannotDecrypt, msgspec.MsgspecError) as error:
            raise SignInRefused("wrong_state", text) from error

    async def end(self, session_id: str) -> None:
        """Sign out: every token of that sign-in ends."""
        await self._store.write_async(self._base, lambda session: service.end_sign_in(session, session_id))

    async def end_session_url(self, provider_id: str, farewell: Farewell, trace: str) -> str:
        """Where a browser ends its session at the provider; empty where there is no such page."""
        with traced(self._store.tracer, "sign-out", trace):
            return await self._clients[provider_id].end_session_url(farewell)

    async def back_channel_logout(self, provider_id: str, token: str, trace: str) -> int:
        """Sign out whom a provider has signed out; how many sign-ins have ended."""
        with self._turn("sign-out", trace):
            subject, sid = await self._clients[provider_id].logout(token)

        def write(session: Session) -> int:
            return service.end_sign_ins_of(session, provider_id, subject, sid)

        return await self._store.write_async(self._base, write)

    @contextmanager
    def _turn(self, name: str, trace: str) -> Iterator[None]:
        """One of those who wait for a provider, and its span."""
        if self._waiting >= MAX_AT_ONCE:
            text = "Too many people are signing in at this moment. Try again, or sign in with an API key."
            raise SignInRefused("busy", text, 503)
        self._waiting += 1
        try:
            with traced(self._store.tracer, name, trace):
                yield
        finally:
            self._waiting -= 1
