"""Sessions: what a browser is signed in to, kept so that only its cookie opens it.

A session holds tokens of the token endpoint and no API key. It ends when its owner signs out, a day after it began (by
real time: a rehearsal may move the product clock by weeks), or when none of its sign-ins can be renewed any more.
"""

from __future__ import annotations

import base64
import hashlib

import msgspec

from kunsthalle.authz.context import Context
from kunsthalle.console.browser_session_table import console_sessions as table
from kunsthalle.core.clock import DAY
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session as DbSession
from kunsthalle.db.unscoped import finder, put_row, remove_rows

LONGEST = DAY
MOST_SIGN_INS = 20
_REMEMBERED = 1_000
_BY_ID = finder(table.c.id, table.c.sealed, table.c.ends_at)


class SignIn(msgspec.Struct):
    """One account, opened with a key of it, or by a sign-in with a provider, whose session it then names. `expires` is
    in seconds since the epoch, real time. With `id_token`, or with `logout_hint`, one signs out at the provider.
    """

    account_id: str
    account: str
    name: str
    iam_id: str
    access_token: str
    refresh_token: str
    expires: int
    session_id: str = ""
    provider: str = ""
    id_token: str = ""
    logout_hint: str = ""

    def rest_on(self, other: SignIn) -> None:
        """Another account, entered by the same sign-in with a provider."""
        self.provider, self.id_token, self.logout_hint = other.provider, other.id_token, other.logout_hint


class BrowserSession(msgspec.Struct):
    """What a browser is signed in to. `active` is the account whose pages it sees; `operator` the operator's token."""

    began: int
    active: str = ""
    sign_ins: list[SignIn] = []
    operator: str = ""

    @property
    def here(self) -> SignIn | None:
        """The sign-in of the active account."""
        return next((sign_in for sign_in in self.sign_ins if sign_in.account_id == self.active), None)

    def add(self, sign_in: SignIn) -> None:
        """Takes a sign-in in, in the place of an older one to the same account, and makes it the active one."""
        sign_ins = [entry for entry in self.sign_ins if entry.account_id != sign_in.account_id]
        self.sign_ins = [*sign_ins[-MOST_SIGN_INS + 1 :], sign_in]
        self.active = sign_in.account_id

    def drop(self, account_id: str) -> None:
        """Lets go of a sign-in; another one becomes active, if there is any."""
        self.sign_ins = [sign_in for sign_in in self.sign_ins if sign_in.account_id != account_id]
        if self.active == account_id:
            self.active = self.sign_ins[-1].account_id if self.sign_ins else ""


def _hash(purpose: str, secret: str) -> bytes:
    """The secrets are random and long, so that one round is enough."""
    return hashlib.sha256(f"kunsthalle console {purpose}\0{secret}".encode()).digest()


def form_token(secret: str) -> str:
    """What every form of a session carries, so that no other site can send one."""
    return base64.urlsafe_b64encode(_hash("form", secret)[:24]).decode()


class Sessions:
    """Reads and writes sessions by the secret in a browser's cookie."""

    def __init__(self, store: Store, ctx: Context) -> None:
        self._store = store
        self._ctx = ctx
        self._opened: dict[tuple[str, str], bytes] = {}

    def begin(self) -> tuple[str, BrowserSession]:
        """A new session that is not kept yet, and its secret."""
        return self.secret(), BrowserSession(began=self._ctx.clock.real())

    def secret(self) -> str:
        """Something that nobody can guess."""
        return self._ctx.ids.secret()

    def now(self) -> int:
        """The present moment in seconds since the epoch, real time, as tokens count it."""
        return self._ctx.clock.real() // 1_000_000

    async def find(self, secret: str) -> BrowserSession | None:
        """The session that a cookie opens; None for one that has ended or never was."""
        if not secret:
            return None
        key = _hash("session", secret).hex()
        row = await self._store.read_async(self._ctx, lambda db_session: _BY_ID.first(db_session, {"key": key}))
        if row is None:
            return None
        sealed, ends_at = row
        return self._open(secret, sealed) if ends_at > self._ctx.clock.real() else None

    def _open(self, secret: str, sealed: str) -> BrowserSession | None:
        """What is sealed; remembered, bounded, as it takes longer to open than all else that finds a session."""
        known = self._opened.get((secret, sealed))
        if known is None:
            known = _unseal(secret, sealed)
            if len(self._opened) >= _REMEMBERED:
                self._opened.clear()
            self._opened[secret, sealed] = known
        try:
            return msgspec.json.decode(known, type=BrowserSession)
        except msgspec.MsgspecError:  # written by an older release, or sealed by another secret
            return None

    async def keep(self, secret: str, session: BrowserSession) -> None:
        """Writes a session down; what has ended meanwhile is swept."""
        row = {
            "id": _hash("session", secret).hex(),
            "sealed": _seal(secret, session),
            "ends_at": session.began + LONGEST,
        }

        def write(db_session: DbSession) -> None:
            remove_rows(db_session, table, table.c.ends_at <= self._ctx.clock.real())
            put_row(db_session, table, ("id",), replacing=("sealed",), **row)

        await self._store.write_async(self._ctx, write)

    async def end(self, secret: str) -> None:
        """Delete a session; its cookie is not valid any more."""
        here = table.c.id == _hash("session", secret).hex()
        await self._store.write_async(self._ctx, lambda db_session: remove_rows(db_session, table, here))


def _seal(secret: str, session: BrowserSession) -> str:
    from cryptography.fernet import Fernet

    key = base64.urlsafe_b64encode(_hash("seal", secret))
    return Fernet(key).encrypt(msgspec.json.encode(session)).decode()


def _unseal(secret: str, sealed: str) -> bytes:
    """What was sealed with that secret; nothing for any other."""
    from cryptography.fernet import Fernet, InvalidToken

    key = base64.urlsafe_b64encode(_hash("seal", secret))
    try:
        return Fernet(key).decrypt(sealed.encode())
    except InvalidToken:
        return b""
