"""A seeded server whose changes are kept, and somebody in the publisher's account who holds nothing at first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fixtures.frozen_app import Answer, FrozenApp, make_frozen_app
from kunsthalle.accounts.service import add_user
from kunsthalle.core.clock import ManualClock
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.iam.authentication import create_api_key

GRANT = "urn:ibm:params:oauth:grant-type:"
ROLE = "crn:v1:bluemix:public:iam::::role:"
SOMEBODY = "IBMid-SOMEBODY01"


@dataclass
class Desk:
    """What tests of this package do: exchange keys, grant, and ask as somebody."""

    frozen: FrozenApp

    def token(self, **form: str) -> Answer:
        return self.frozen.call("", "POST", "/identity/token", "&".join(f"{k}={v}" for k, v in form.items()).encode())

    def by_key(self, secret: str) -> dict[str, Any]:
        answer = self.token(grant_type=f"{GRANT}apikey", apikey=secret)
        assert answer.status == 200, answer.body
        return dict(answer.json)

    def renewed(self, refresh: str) -> Answer:
        return self.token(grant_type="refresh_token", refresh_token=refresh)

    def become(self, name: str, secret: str) -> str:
        """From here on `name` calls with a token of this key; the refresh token."""
        made = self.by_key(secret)
        self.frozen.tokens[name] = made["access_token"]
        return str(made["refresh_token"])

    def grant(self, subject: str, role: str, by: str = "owner", *, key: str = "iam_id", **resource: str) -> Answer:
        attributes = [{"name": name, "value": value} for name, value in resource.items()]
        body = {
            "type": "access",
            "subjects": [{"attributes": [{"name": key, "value": subject}]}],
            "roles": [{"role_id": role if ":" in role else f"{ROLE}{role}"}],
            "resources": [{"attributes": attributes}],
        }
        return self.frozen.call(by, "POST", "/v1/policies", body)

    def may_place(self, subject: str, group: str | None = None) -> Answer:
        """What an administrator gives to whoever is to place resources in resource groups: Viewer on them, or on
        one."""
        return self.grant(subject, "Viewer", resourceType="resource-group", **({"resource": group} if group else {}))

    def travel(self, seconds: int) -> None:
        clock = self.frozen.server.clock
        assert not isinstance(clock, ManualClock)
        clock.offset += seconds * 1_000_000

    @property
    def account(self) -> str:
        return self.frozen.accounts["owner"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    frozen = make_frozen_app(tmp_path_factory.mktemp("identity") / "data")
    frozen.server.store.__class__ = Store  # what is changed here is kept
    made = Desk(frozen)
    account = made.account

    def join(session: Session) -> str:
        system = session.as_context(session.ctx.as_system(account))
        add_user(system, account, SOMEBODY, "somebody@publisher.example", "Some Body")
        return create_api_key(system, account, SOMEBODY, "somebody")[1]

    made.become("somebody", frozen.server.store.write(frozen.server.base, join))
    yield made
    frozen.loop.close()


@pytest.fixture
def image(desk: Desk) -> str:
    return str(desk.frozen.ids["free image"])


def claims_of(token: str) -> dict[str, Any]:
    """The claims, unverified."""
    import base64
    import json

    body = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))))
