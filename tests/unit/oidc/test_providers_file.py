"""Providers of a file, and of the settings: a line for each mistake, with the field, what it is, what is allowed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from kunsthalle.app import build
from kunsthalle.cli.main import cli
from kunsthalle.config_sources import load
from kunsthalle.oidc.providers import BadProviders, of_settings, read
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


def _settings(folder: Path, text: str) -> Path:
    path = folder / "kunsthalle.toml"
    path.write_text(text)
    return path


def _record(name: str | None = '"example"', /, **changes: str | None) -> str:
    """A table of the settings."""
    lines = {**GOOD, "name": name, **changes}
    return "[[providers]]\n" + "".join(f"{key} = {value}\n" for key, value in lines.items() if value is not None)


def test_the_settings_have_tables_of_providers_beside_the_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hidden\n")
    others = _file(tmp_path, _table("other", realm='"other"'))
    text = f"oidc_providers = '{others}'\n" + _record(
        label='"Example Inc."', client_secret_file=f"'{secret}'", scopes='["openid", "groups"]', email_claim='"mail"'
    )
    path = _settings(tmp_path, text + _record('"second"', realm='"second"', client_secret_env='"OIDC_SECRET"'))
    settings = load(path, {}, {}).checked()
    first, second, other = of_settings(settings, {"OIDC_SECRET": "also hidden"})
    assert (first.id, first.name, first.client_secret) == ("example", "Example Inc.", "hidden")
    assert (first.scopes, first.claims.email, first.leeway) == (("openid", "groups"), "mail", 60)
    assert first.email_domains == {"example.com"}
    assert (second.name, second.scopes) == ("second", ("openid", "email", "profile"))
    assert (second.client_secret, other.id) == ("also hidden", "other")
    shown = CliRunner().invoke(cli, ["config", "show", "--config", str(path)]).output
    assert "name=example, label=Example Inc., issuer=https://login.example.com, client_id=kunsthalle" in shown
    assert "client_secret=***" in shown
    assert "hidden" not in shown + repr(settings.providers[1])


WRONG_RECORDS: dict[str, tuple[str, str]] = {
    "no name": (_record(None), "providers[0].name '': give a name of 1 to 32"),
    "a name with an end": (
        _record('"example-"'),
        "providers.example-.name 'example-': the name of a table has 1 to 32",
    ),
    "an unknown key": (_record(client_ids='"x"'), "client_ids: unknown key. Similar names are: client_id"),
    "a leeway of a day": (_record(leeway_seconds="86400"), "leeway_seconds '86400': give a whole number, 0 to 600"),
    "a number in quotes": (_record(leeway_seconds='"60"'), "leeway_seconds '60': give a whole number, without quotes"),
    "no issuer": (_record(issuer=None), "providers.example.issuer '': give https://host"),
    "no client": (_record(client_id=None), "providers.example.client_id '': give 1 to 255 printable characters"),
    "no domain": (_record(email_domains=None), "providers.example.email_domains '[]': give the domains"),
    "no openid": (_record(scopes='["email"]'), "scopes \"['email']\": give a list of scopes with 'openid'"),
    "an empty claim": (_record(name_claim='""'), "providers.example.name_claim '': give 1 to 255"),
    "a long label": (_record(label=f'"{"x" * 61}"'), f"providers.example.label '{'x' * 61}': give 1 to 60"),
    "no such secret": (_record(client_secret_file='"nowhere"'), "client_secret_file 'nowhere': No such file"),
    "no such variable": (_record(client_secret_env='"NOWHERE"'), "providers.example.client_secret_env 'NOWHERE': the"),
    "two secrets": (
        _record(client_secret_env='"HIDDEN"', client_secret='"hidden"'),
        "client_secret_env 'HIDDEN': give client_secret or client_secret_env, not both",
    ),
    "twice": (
        _record(client_secret='"hidden"') + _record(realm='"b"'),
        "providers 'example, example': give each a name of its own; 'example' comes more than once",
    ),
    "one realm for two": (_record() + _record('"b"'), "providers.b.realm 'https://login.example.com': two providers"),
}


@pytest.mark.parametrize("name", WRONG_RECORDS)
def test_a_mistake_in_the_settings_is_told_with_its_key(name: str, tmp_path: Path) -> None:
    text, told = WRONG_RECORDS[name]
    path = _settings(tmp_path, text)
    answer = CliRunner().invoke(cli, ["config", "check", str(path)])
    assert answer.exit_code == 1, answer.output
    (line,) = answer.output.splitlines()
    assert told in line
    assert "hidden" not in line


def test_a_provider_of_both_is_named_once(tmp_path: Path) -> None:
    others = _file(tmp_path, _table(realm='"x"'))
    text = f"oidc_providers = '{others}'\n" + _record()
    with pytest.raises(BadSetting, match=r"providers.example.name 'example': the file of oidc_providers has this"):
        of_settings(load(_settings(tmp_path, text), {}, {}).checked(), {})


def test_a_server_with_a_wrong_table_does_not_start_and_makes_nothing(tmp_path: Path) -> None:
    settings = load(_settings(tmp_path, _record(issuer='"http://x"')), {}, {"data": tmp_path / "data"})
    with pytest.raises(BadSetting, match=r"providers.example.issuer 'http://x': give https://host"):
        build(settings.checked(), "operator")
    assert not (tmp_path / "data").exists()
