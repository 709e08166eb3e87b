"""A whole server in this process, and somebody who calls it as each account's owner."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.frozen_app import Answer, asgi_answer
from fixtures.seeded import seeded_copy
from kunsthalle.accounts.models import Account, Person
from kunsthalle.accounts.service import new_iam_id, open_account
from kunsthalle.app import Server, build
from kunsthalle.authz.context import Actor, Context
from kunsthalle.authz.roles import ADMINISTRATOR
from kunsthalle.db.session import Session
from kunsthalle.iam.authentication import create_api_key, create_policy
from kunsthalle.operator.scenarios import Credential
from kunsthalle.settings import Settings

OPERATOR = "operator-token-of-the-accounts"


@dataclass(frozen=True)
class Client:
    """Calls with one token."""

    people: People
    token: str
    account_id: str = ""
    iam_id: str = ""
    secret: str = ""
    name: str = ""

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"host": "kunsthalle.test", **headers}
        if self.token:
            sent["authorization"] = f"Bearer {self.token}"
        return self.people.loop.run_until_complete(asgi_answer(self.people.server, method, path, sent, raw))

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = self(method, path, body)
        assert answer.status < 300, (method, path, answer.status, answer.body)
        return answer.json if answer.body else None

    def refused(self, status: int, method: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = self(method, path, body)
        assert answer.status == status, (method, path, answer.status, answer.body)
        return dict(answer.json["errors"][0])


@dataclass
class People:
    """The `enterprise` scenario, served in this process."""

    server: Server
    seeded: dict[str, Credential]
    loop: asyncio.AbstractEventLoop

    def login(self, secret: str, account_id: str = "", iam_id: str = "") -> Client:
        form = f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={secret}".encode()
        token = Client(self, "").ok("POST", "/identity/token", form)["access_token"]
        return Client(self, str(token), account_id, iam_id, secret)

    def owner(self, name: str) -> Client:
        """The owner of a seeded account."""
        one = self.seeded[name]
        return self.login(one.api_key, one.account_id, one.iam_id)

    def operator(self) -> Client:
        return Client(self, OPERATOR)

    def system(self, account_id: str) -> Context:
        return self.server.base.as_system(account_id)

    def write(self, account_id: str, function: Callable[[Session], Any]) -> Any:
        return self.server.store.write(self.system(account_id), function)

    def keyed(self, account_id: str, iam_id: str) -> Client:
        """A user of an account with a key of their own, signed in."""

        def make(session: Session) -> str:
            own = replace(session.ctx, actor=Actor(iam_id, "somebody"))
            return create_api_key(session.as_context(own), account_id, iam_id, "key")[1]

        return self.login(self.write(account_id, make), account_id, iam_id)

    def person(self, login: str) -> Client:
        """Somebody new, signed in in an account of their own."""

        def found(session: Session) -> Account:
            who = Person(new_iam_id(session), login, login.partition("@")[0])
            return open_account(session, who.name, None, owner=who)

        made: Account = self.server.store.write(self.server.base, found)
        return self.keyed(made.id, made.owner_iam_id)

    def within(self, client: Client, account_id: str) -> Client:
        """The same person in another account of which they are a member."""
        grant = f"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey={client.secret}&bss_account={account_id}"
        token = Client(self, "").ok("POST", "/identity/token", grant.encode())["access_token"]
        return replace(client, token=str(token), account_id=account_id)

    def guest(self, host: Client, login: str, **invitation: Any) -> Client:
        """Somebody new, who was invited to an account and has accepted."""
        users = f"/v2/accounts/{host.account_id}/users"
        host.ok("POST", users, {"users": [{"email": login}], **invitation})
        person = self.person(login)
        person.ok("POST", "/v2/users/accept", {"account_id": host.account_id})
        return self.within(person, host.account_id)

    def allow(self, account_id: str, iam_id: str, *conditions: tuple[str, str], role: str = ADMINISTRATOR) -> None:
        """Gives somebody a role on what all conditions describe."""
        resource = [{"key": key, "operator": "stringEquals", "value": value} for key, value in conditions]
        subject = [{"key": "iam_id", "operator": "stringEquals", "value": iam_id}]
        self.write(account_id, lambda session: create_policy(session, "access", subject, [role], resource))


@contextmanager
def opened(folder: Path) -> Iterator[People]:
    """A server of the `enterprise` scenario with its state in a folder, until its end."""
    made = {one.account: one for one in seeded_copy(folder / "data").owners}
    server = build(Settings(data=folder / "data", hypervisor="simulated", refusal_pause=0), OPERATOR)
    server.start()
    loop = asyncio.new_event_loop()
    yield People(server, made, loop)
    loop.close()
    server.stop()


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    with opened(tmp_path) as made:
        yield made
