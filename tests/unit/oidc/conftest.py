"""An application whose people sign in with the provider of the test."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fixtures.app import App, open_app
from fixtures.frozen_app import Answer, asgi_answer
from fixtures.identity_provider import CLIENT, SECRET, IdentityProvider

HOST = "kunsthalle.localhost"


def provider_table(provider: IdentityProvider, folder: Path, name: str = "example", **more: Any) -> str:
    """A table of the providers' file; its values are written as TOML takes them."""
    secret = folder / f"{name}.secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    known = {
        "name": name.title(),
        "issuer": provider.issuer,
        "client_id": CLIENT,
        "client_secret_file": str(secret),
        "email_domains": ["example.com"],
        "leeway_seconds": 30,
        **more,
    }
    return f"[providers.{name}]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in known.items())


@dataclass
class Browser:
    """Somebody at the console, without scripts: follows what it is told, and keeps its cookies."""

    app: App
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **headers: str) -> Answer:
        return self._ask("GET", path, b"", headers)

    def post(self, path: str, body: str, **headers: str) -> Answer:
        return self._ask("POST", path, body.encode(), {"content-type": "application/x-www-form-urlencoded", **headers})

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        sent = {"host": HOST, **headers}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self.app.loop.run_until_complete(asgi_answer(self.app.server, method, path, sent, body))
        for name, value in answer.headers:
            if name.lower() == b"set-cookie":
                key, _, content = value.decode().partition(";")[0].partition("=")
                self.cookies.pop(key, None)
                if content not in ("", '""'):
                    self.cookies[key] = content
        return answer

    def begin(self, name: str = "example", following: str = "") -> str:
        """To the provider: its address."""
        answer = self.get(f"/console/sign-in/{name}" + (f"?next={following}" if following else ""))
        assert answer.status == 302, answer.body
        return header(answer, "location")

    def finish(self, query: str, name: str = "example") -> Answer:
        return self.get(f"/console/sign-in/{name}/callback?{query}")

    def sign_in(self, provider: IdentityProvider, name: str = "example", following: str = "") -> Answer:
        """All of it."""
        return self.finish(provider.authorize(self.begin(name, following)), name)


def header(answer: Answer, name: str) -> str:
    values = [value.decode() for key, value in answer.headers if key.lower() == name.encode()]
    assert len(values) == 1, (name, answer.headers)
    return values[0]


def words(answer: Answer) -> str:
    """What a page says."""
    text = re.sub(r"<(script|style)[^>]*>.*?</\1>|<[^>]+>", " ", answer.body.decode(), flags=re.DOTALL)
    return " ".join(text.replace("&#39;", "'").split())


Open = Callable[..., App]


@pytest.fixture
def open_with(tmp_path: Path) -> Iterator[Open]:
    """Opens an application with providers, each under its name: `open_with(example=provider)`. `tables` are further
    values of every provider, by its name.
    """
    opened: list[App] = []

    def open_(tables: dict[str, dict[str, Any]] | None = None, **providers: IdentityProvider) -> App:
        texts = [
            provider_table(provider, tmp_path, name, **(tables or {}).get(name, {}))
            for name, provider in providers.items()
        ]
        path = tmp_path / "providers.toml"
        path.write_text("\n".join(texts))
        app = open_app(tmp_path / "data", oidc_providers=str(path))
        opened.append(app)
        return app

    yield open_
    for app in opened:
        app.close()


@pytest.fixture
def signing_in(open_with: Open, provider: IdentityProvider) -> App:
    """An application with one provider, `example`, and the user someone@example.com of the owner's account."""
    app = open_with(example=provider)
    add_person(app, "someone@example.com")
    return app


def add_person(app: App, email: str, account: str = "owner", state: str = "ACTIVE") -> str:
    """A user of an account, by their login; the IAM ID."""
    from kunsthalle.accounts.service import add_user, new_iam_id

    ctx = app.server.base.as_system(app.accounts[account])

    def write(session: Any) -> str:
        return add_user(session, app.accounts[account], new_iam_id(session), email, "Some One", state).iam_id

    return app.server.store.write(ctx, write)
