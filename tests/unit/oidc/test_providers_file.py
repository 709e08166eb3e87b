"""The file of providers: one line for each mistake, with the field, what it is, and what is allowed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kunsthalle.app import build
from kunsthalle.oidc.providers import BadProviders, read
from kunsthalle.settings import BadSetting, Settings

GOOD = {
    "name": '"Example"',
    "issuer": '"https://login.example.com"',
    "client_id": '"kunsthalle"',
    "email_domains": '["example.com"]',
}


def _file(folder: Path, text: str) -> Path:
    path = folder / "providers.toml"
    path.write_text(text)
    return path


def _table(table_id: str = "example", /, **changes: str | None) -> str:
    lines = {**GOOD, **changes}
    return f"[providers.{table_id}]\n" + "".join(
        f"{key} = {value}\n" for key, value in lines.items() if value is not None
    )


WRONG: dict[str, tuple[str, str]] = {
    "no TOML": ("[providers", "is no TOML"),
    "no table": ("", "required field `providers`"),
    "another table": (_table() + "[more]\n", "unknown field `more`"),
    "no issuer": (_table(issuer=None), "required field `issuer` - at `$.providers[...]`"),
    "an unknown field": (_table(client_secret='"hidden"'), "unknown field `client_secret`"),
    "a number for a text": (_table(name="7"), "Expected `str`, got `int` - at `$.providers[...].name`"),
    "a bad id": (_table('"Ex ample"'), "the name of a table has 1 to 32 of a-z, 0-9 and -"),
    "http": (_table(issuer='"http://login.example.com"'), "issuer 'http://login.example.com': give https://host"),
    "a query": (_table(issuer='"https://login.example.com?x"'), "give https://host without a query"),
    "a user": (_table(issuer='"https://a:b@login.example.com"'), "give https://host"),
    "no address": (_table(issuer='"https://["'), "give https://host"),
    "no domain": (_table(email_domains="[]"), "email_domains []: give the domains"),
    "a domain in capitals": (_table(email_domains='["Example.com"]'), "email_domains 'Example.com'"),
    "an address": (_table(email_domains='["a@example.com"]'), "email_domains 'a@example.com'"),
    "scopes without openid": (_table(scopes='["email"]'), "scopes ['email']: give a list of scopes with 'openid'"),
    "a scope with a space": (_table(scopes='["openid", "a b"]'), "scopes 'a b'"),
    "an empty name": (_table(name='""'), "name '': give 1 to 60 printable characters"),
    "a name of two lines": (_table(name='"a\\nb"'), "name 'a\\nb': give 1 to 60 printable characters"),
    "a leeway of a day": (_table(leeway_seconds="86400"), "leeway_seconds 86400: give a whole number of seconds"),
    "no such file": (_table(client_secret_file='"nowhere"'), "client_secret_file 'nowhere': the file cannot be read"),
    "no such variable": (_table(client_secret_env='"NOWHERE"'), "client_secret_env 'NOWHERE': the environment has no"),
    "both": (_table(client_secret_env='"A"', client_secret_file='"b"'), "give client_secret_file or client_secret_env"),
    "no certificates": (_table(ca_file='"nowhere.pem"'), "ca_file 'nowhere.pem': there is no such file"),
    "one realm for two": (_table("a") + _table("b"), "two providers have this realm"),
    "more than anybody has": ("".join(_table(f"p{n}", realm=f'"{n}"') for n in range(33)), "at most 32 are allowed"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_is_told_in_one_line(name: str, tmp_path: Path) -> None:
    text, told = WRONG[name]
    with pytest.raises(BadProviders) as error:
        read(_file(tmp_path, text), {})
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_secret_is_read_from_a_file_that_others_cannot_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden\n")
    secret.chmod(0o644)
    path = _file(tmp_path, _table(client_secret_file='"secret"'))
    with pytest.raises(BadProviders, match="chmod 600 it") as error:
        read(path, {})
    assert "hidden" not in str(error.value)
    secret.chmod(0o600)
    (provider,) = read(path, {})
    assert provider.client_secret == "hidden"
    assert "hidden" not in repr(provider)
    secret.write_text("")
    with pytest.raises(BadProviders, match="the file must hold the secret alone"):
        read(path, {})


def test_a_secret_is_read_from_the_environment(tmp_path: Path) -> None:
    path = _file(tmp_path, _table(client_secret_env='"OIDC_SECRET"'))
    (provider,) = read(path, {"OIDC_SECRET": "hidden"})
    assert provider.client_secret == "hidden"
    assert provider.realm == "https://login.example.com"


def test_a_server_with_a_wrong_file_does_not_start_and_makes_nothing(tmp_path: Path) -> None:
    path, data = tmp_path / "nowhere.toml", tmp_path / "data"
    with pytest.raises(BadSetting, match=r"--oidc-providers '.*nowhere.toml': cannot be read: No such file"):
        build(Settings(data=data, oidc_providers=os.fspath(path)), "operator")
    assert not data.exists()


def test_a_file_without_an_end_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(BadProviders, match="has more than 1048576 bytes"):
        read(_file(tmp_path, "#" * 1_100_000), {})
