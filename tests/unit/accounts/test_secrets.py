"""Secrets: every route that takes or gives one is called with one, and none is found where it does not belong.

API keys and tokens are in no byte of the database; what servers are given at their first start is kept for them alone.
Neither is in the audit, nor in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import insert, select, text

from fixtures.frozen_app import FrozenApp, make_frozen_app, path_of, token_of
from fixtures.worlds import World
from kunsthalle.accounts.resources import ACCOUNT
from kunsthalle.cli.log_format import set_up
from kunsthalle.core.ids import Ids
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.tables import audit, facts, jobs
from kunsthalle.db.visibility import unscoped
from kunsthalle.iam.authentication import create_api_key

GRANT = "urn:ibm:params:oauth:grant-type:"
USER_DATA = "user-data-that-nobody-else-may-read"
GIVING = frozenset({"apikey", "iam_apikey", "access_token", "refresh_token"})
"""Fields of answers that are secrets."""
TAKING = {
    "POST /v1/accounts",
    "POST /v1/apikeys",
    "POST /v1/serviceids",
    "POST /v1/instances",
    "POST /v1/instance/templates",
    "POST /api/v1-beta/versions/{version_loc_id}/validation/install",
}
"""Routes that take a secret or give one, and must have done so here."""


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[FrozenApp]:
    rows = import_module("matrix.rows")
    made = make_frozen_app(tmp_path / "data", rows.furnish)
    made.server.store.__class__ = Store  # what happens from here on is kept
    secret = made.server.store.write(made.server.base, _enterprise)
    made.tokens["enterprise"], made.secrets = token_of(made, secret), [*made.secrets, secret]
    yield made
    made.loop.close()


def _enterprise(session: Session) -> str:
    """A key of the owner of the enterprise's own account."""
    own = unscoped(session, ACCOUNT, ACCOUNT.table.c.is_enterprise)[0]
    return create_api_key(session.as_context(session.ctx.as_system(own.id)), own.id, own.owner_iam_id, "enterprise")[1]


@pytest.fixture(autouse=True)
def _default_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def given(answer: Any) -> set[str]:
    """The secrets in an answer, at whatever depth."""
    if isinstance(answer, list):
        return set().union(*map(given, answer))
    if not isinstance(answer, dict):
        return set()
    here = {value for name, value in answer.items() if name in GIVING and isinstance(value, str) and value}
    return here.union(*map(given, answer.values()))


def _by_key(secret: str) -> bytes:
    return f"grant_type={GRANT}apikey&apikey={secret}".encode()


class Knocking:
    """Calls routes with secrets, and keeps all that were sent and all that came back."""

    def __init__(self, frozen: FrozenApp) -> None:
        self.frozen, self.bodies = frozen, import_module("matrix.rows").BODIES
        self.sent = {USER_DATA, *frozen.secrets}
        self.got: set[str] = set()
        self.numbers = iter(range(10**6))
        self.taken = set[str]()

    def own(self) -> str:
        """A key's value of the caller's choice."""
        made = f"own-secret-value-{next(self.numbers):06}"
        self.sent.add(made)
        return made

    def body(self, name: str) -> Any:
        body = self.bodies[name](self.frozen) if name in self.bodies else None
        if not isinstance(body, dict):
            return body
        if name.rstrip("/") == "POST /v1/serviceids":
            return {**body, "apikey": {"name": "minted"}}
        if name == "POST /v1/accounts":
            return {**body, "options": {"create_iam_service_id_with_apikey_and_owner_policies": True}}
        return {**body, "user_data": USER_DATA, "apikey": self.own()}

    def knock(self, persona: str, method: str, path: str, body: Any, **headers: str) -> int:
        answer = self.frozen.call(persona, method, path, body, **headers)
        if answer.status < 300 and answer.body.startswith((b"{", b"[")):
            self.got |= given(answer.json)
        return answer.status

    def tokens(self, secret: str) -> None:
        """The token endpoint, with all that it takes: good ones, and ones that it refuses."""
        first = self.frozen.ok("", "POST", "/identity/token", _by_key(secret))
        self.got |= given(first)
        access, refresh = first["access_token"], first["refresh_token"]
        for form in (
            f"grant_type=refresh_token&refresh_token={refresh}",
            f"grant_type=refresh_token&refresh_token={refresh}x",
            f"grant_type={GRANT}assume&access_token={access}&profile_id=none",
            f"grant_type={GRANT}apikey&apikey={secret}&bss_account=none",
            f"grant_type={GRANT}apikey&apikey={self.own()}",
            f"grant_type=password&username=somebody&password={self.own()}",
        ):
            self.knock("", "POST", "/identity/token", form.encode())

    def ended(self) -> None:
        """A key that is not valid any more, and the tokens that it got before."""
        body = {"name": "ended", "iam_id": self.frozen.ids["iam_id"], "apikey": self.own()}
        made = self.frozen.ok("owner", "POST", "/v1/apikeys", body)
        self.tokens(made["apikey"])
        refresh = self.frozen.ok("", "POST", "/identity/token", _by_key(made["apikey"]))["refresh_token"]
        self.frozen.ok("owner", "POST", f"/v1/apikeys/{made['id']}/disable")
        for form in (_by_key(made["apikey"]), f"grant_type=refresh_token&refresh_token={refresh}".encode()):
            assert self.frozen.call("", "POST", "/identity/token", form).status == 400
        self.got |= {made["apikey"], refresh}

    def everything(self, persona: str) -> int:
        """Every route of the API, those last that end the callers' own standing; how many were called.

        Those that take or give a secret come first, while all that they name is as it was.
        """
        routes = [one for one in self.frozen.server.pipeline.router if not one.access.operator]
        routes.sort(key=lambda one: (one.name not in TAKING, "apikeys" in one.path, one.method == "DELETE"))
        headers = {"x_auth_refresh_token": self.own(), "iam_apikey": self.frozen.secrets[0], "if_match": '"stale"'}
        for route in routes:
            path = path_of(self.frozen, route.path)
            status = self.knock(persona, route.method, path, self.body(route.name), **headers)
            assert status < 500 or status == 501, route.name
            self.taken |= {route.name} if status < 300 else set()
        return len(routes)


def everywhere(frozen: FrozenApp) -> bytes:
    """Every byte of the database."""
    folder = frozen.server.settings.data
    return b"".join(path.read_bytes() for path in folder.rglob("*.sqlite*"))


def rows(frozen: FrozenApp, table: Any) -> str:
    with frozen.server.store.engine.connect() as connection:
        return "\n".join(str(tuple(row)) for row in connection.execute(select(table)).all())


def test_no_secret_stays_after_every_route_was_called_with_one(
    frozen: FrozenApp, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    set_up("debug")
    knocking = Knocking(frozen)
    knocking.tokens(frozen.secrets[0])
    knocking.ended()
    recorded = rows(frozen, audit)
    signed = ("user-apikey.login", "user-refreshtoken.login", "trustedprofile-apikey.login")
    assert all(f"iam-identity.{one}" in recorded for one in signed)
    assert all(code in recorded for code in ("BXNIM0106E", "BXNIM0133E", "BXNIM0438E"))
    for persona in ("owner", "viewer", "outsider", "enterprise"):
        assert knocking.everything(persona) > 300
    assert knocking.taken >= TAKING
    keys = [one for one in knocking.got if one.count(".") != 2]
    assert len(keys) >= 3, "keys of users, of service IDs and of owners were given"
    assert len(knocking.got) - len(keys) >= 3, "so were tokens"

    secrets = {*knocking.sent, *knocking.got, *(one for one in frozen.tokens.values() if one.count(".") == 2)}
    secrets -= {frozen.tokens["bad token"]}
    captured = capfd.readouterr()
    told = "\n".join((rows(frozen, audit), rows(frozen, jobs), captured.out, captured.err, caplog.text))
    assert len(rows(frozen, audit)) > 10_000
    assert not [one for one in secrets if one in told]
    whole = everywhere(frozen)
    assert not [one for one in secrets - {USER_DATA} if one.encode() in whole]


def test_what_a_database_refuses_is_told_without_the_values(both: World, capfd: pytest.CaptureFixture[str]) -> None:
    row = {"key": "twice", "value": {"apikey": USER_DATA}}

    def twice(session: Any) -> None:
        session.execute(insert(facts).values(**row))
        session.execute(text("INSERT INTO nowhere VALUES (:secret)"), {"secret": USER_DATA})

    with pytest.raises(Exception, match="nowhere") as caught:
        both.write(both.base, twice)
    assert USER_DATA not in str(caught.value)


def test_secrets_are_long_and_never_the_same() -> None:
    made = {Ids().secret() for _ in range(1_000)}
    assert len(made) == 1_000
    assert min(map(len, made)) >= 40
