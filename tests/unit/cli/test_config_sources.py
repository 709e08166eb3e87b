"""Settings from the file, the environment and options: which wins, what is refused, what is shown."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

from kunsthalle import settings as settings_table
from kunsthalle.cli.main import cli
from kunsthalle.config_example import example
from kunsthalle.config_sources import DEFAULT_FILE, BadSettings, Loaded, files_of, find_file, load
from kunsthalle.core import setting_rules
from kunsthalle.settings import Settings, check_fields, described, option, variable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kunsthalle.toml"


def _load(file: Path, text: str, environment: dict[str, str] | None = None, **options: object) -> Loaded:
    file.write_text(text)
    return load(file, environment or {}, options)


def test_an_option_wins_over_a_variable_and_a_variable_over_the_file(file: Path) -> None:
    text = 'port = 1000\nworkers = 5\nlog = "debug"\n'
    loaded = _load(file, text, {"KUNSTHALLE_PORT": "2000", "KUNSTHALLE_WORKERS": "6"}, port=3000)
    known = loaded.checked()
    assert (known.port, known.workers, known.log, known.host) == (3000, 6, "debug", "127.0.0.1")
    places = [loaded.source(name).place for name in ("port", "workers", "log", "host")]
    assert places == ["--port", "KUNSTHALLE_WORKERS", f"{file}, line 3: log", "default"]


def test_an_empty_variable_is_not_set(file: Path) -> None:
    assert _load(file, "port = 1000", {"KUNSTHALLE_PORT": ""}).checked().port == 1000


def test_every_setting_can_be_set_in_the_file_and_in_the_environment(file: Path) -> None:
    """A value that differs from the default, by the key, the variable and, where there is one, the option."""
    assert len({variable(setting.name) for setting in described()}) == len(described())
    for setting in described():
        if setting.section is not None:
            continue
        default = setting.default
        value: object = "x1"
        if isinstance(default, bool):
            value = not default
        elif isinstance(default, int):
            value = default + 1
        elif setting.choices:
            value = next(choice for choice in setting.choices if choice not in {default, ""})
        value = _SPECIAL.get(setting.name, value)
        written = json.dumps(value)
        expected = Path(str(value)) if isinstance(default, Path) else value
        more = {"tls_cert": "tls_key", "tls_key": "tls_cert"}.get(setting.name)
        rest = f'\n{more} = "y"' if more else ""
        assert getattr(_load(file, f"{setting.name} = {written}{rest}").checked(), setting.name) == expected
        text = written.strip('"')
        assert getattr(_load(file, rest, {variable(setting.name): text}).checked(), setting.name) == expected


_SPECIAL: dict[str, object] = {
    "account_quota": "images=1",
    "openstack_zones": "us-south-1=az1",
    "trusted_proxy": "10.0.0.7",
    "database": "postgresql://localhost/one",
    "traces": "http://127.0.0.1:4318/v1/traces",
    "traces_percent": 7,
    "region": "eu-de",
    "reclamation_period": "3d",
    "public_url": "https://catalog.example.com",
}

WRONG: list[tuple[str, str, str]] = [
    ("prot = 8", "line 1: prot: unknown key.", "Similar names are: port."),
    ("\n[server]\nport = 8", "line 2: server: unknown key.", "Similar"),
    ("\n\nport = '8'", "line 3: port '8': ", "a whole number, without quotes"),
    ("port = true", "line 1: port 'True': ", "a whole number, without quotes"),
    ("port = 8.5", "line 1: port '8.5': ", "a whole number"),
    ("port = 70000", "line 1: port '70000': ", "give a whole number, 0 to 65535"),
    ("allow_seeded_keys = 1", "line 1: allow_seeded_keys '1': ", "true or false, without quotes"),
    ("host = 127", "line 1: host '127': ", "give text in quotes"),
    ("data = 5", "line 1: data '5': ", "give text in quotes"),
    ("trusted_proxy = [1]", "line 1: trusted_proxy '[1]': ", "or a list of texts"),
    ("log = 'loud'", "line 1: log 'loud': ", "give one of 'debug'"),
    ("database = 'mysql://u:hidden@h/d'", "line 1: database 'mysql://***@h/d': ", "give postgresql://"),
    ("database = 'u:hidden@h'", "line 1: database '***': ", "give postgresql://"),
    ("blobs_secret_access_key = 'hid den'", "line 1: blobs_secret_access_key '***': ", "without blanks"),
    ("blobs_secret_access_key = 5", "line 1: blobs_secret_access_key '***': ", "give text in quotes"),
    ("blobs_secret_access_key_file = '/nowhere'", "blobs_secret_access_key_file '/nowhere': ", "No such file"),
    ("blobs_secret_access_key_file = '/dev/null'", "blobs_secret_access_key_file '/dev/null': ", "with the secret"),
    ("database_file = '/x'\ndatabase = 'postgresql://h/d'", "", "give one of them, not both."),
    ("port = \n", "Invalid value (at line 1, column 8)", ""),
    ("port = 1\nport = 2", "Cannot overwrite a value (at ", ""),
    ("tls_cert = 'a'", "line 1: tls_cert 'a': ", "give --tls-key, too, or neither"),
]


@pytest.mark.parametrize(("text", "place", "allowed"), WRONG)
def test_what_is_wrong_in_the_file_is_told_with_its_line(text: str, place: str, allowed: str, file: Path) -> None:
    loaded = _load(file, text)
    assert loaded.settings is None
    if "not both" not in allowed:
        assert len(loaded.errors) == 1, loaded.errors
    assert all(error.startswith(str(file)) and "\n" not in error and "hidden" not in error for error in loaded.errors)
    assert place in loaded.errors[-1]
    assert allowed in loaded.errors[-1]


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(BadSettings, match=rf"^{file}: No such file or directory\.$"):
        load(file, {}, {}).checked()


def test_a_file_that_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    assert len(load(file, {}, {}).errors) == 1


def test_all_errors_are_told_at_once(file: Path) -> None:
    file.write_text("prot = 1\nworkers = 1\n")
    result = CliRunner().invoke(cli, ["config", "check", str(file)], env={"KUNSTHALLE_LOG": "loud"})
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert [line.split(": ")[1] for line in lines] == [f"{file}, line 1", f"{file}, line 2", lines[2].split(": ")[1]]
    assert lines[2].startswith("Error: KUNSTHALLE_LOG 'loud': ")
    told = CliRunner().invoke(cli, ["config", "check", str(file), "--output", "json"])
    document = json.loads(told.output)
    assert (told.exit_code, document["valid"], len(document["errors"])) == (1, False, 2)


def test_check_also_looks_at_the_files_and_stores_that_settings_name(file: Path) -> None:
    text = "tls_cert = '/nowhere/c'\ntls_key = '/nowhere/k'\nblobs = 's3://bucket'\n"
    file.write_text(text)
    result = CliRunner().invoke(cli, ["config", "check", str(file)])
    assert result.exit_code == 1
    stores, tls = result.output.splitlines()
    assert stores.startswith(f"Error: {file}, line 3: blobs 's3://bucket': ")
    assert tls.startswith(f"Error: {file}, line 1: tls_cert '/nowhere/c': No such file")


def test_a_good_file_passes_the_check(file: Path) -> None:
    file.write_text("port = 0\n")
    result = CliRunner().invoke(cli, ["config", "check", str(file)])
    assert (result.exit_code, result.output) == (0, f"No error in {file}: 1 settings are set.\n")


def test_serve_refuses_a_wrong_file_before_anything_is_made(file: Path, tmp_path: Path) -> None:
    file.write_text(f"data = '{tmp_path / 'data'}'\nwrokers = 4\nlog = 'x'")
    result = CliRunner().invoke(cli, ["serve", "--config", str(file)])
    assert result.exit_code == 2
    expected = f"Error: {file}, line 2: wrokers: unknown key. Similar names are: workers, providers. 1 more error:"
    assert result.output.startswith(expected), result.output
    assert not (tmp_path / "data").exists()


def test_a_refusal_of_serve_names_the_place_of_the_setting(file: Path, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    file.write_text(f"port = 0\ndata = '{tmp_path / 'taken'}'\n")
    result = CliRunner().invoke(cli, ["serve", "--config", str(file)])
    assert result.output.startswith(f"Error: {file}, line 2: data '{tmp_path / 'taken'}': ")


def test_secrets_come_from_files(tmp_path: Path, file: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("one\n")
    assert _load(file, f"buckets_secret_access_key_file = '{secret}'").checked().buckets_secret_access_key == "one"
    known = _load(file, "", {"KUNSTHALLE_BLOBS_SECRET_ACCESS_KEY_FILE": str(secret)}).checked()
    assert known.s3_keys("blobs", {"A": "b"}) == {"A": "b", "KUNSTHALLE_BLOBS_SECRET_ACCESS_KEY": "one"}
    secret.write_text("postgresql://h/d")
    loaded = _load(file, "database = 'postgresql://other/d'", database_file=str(secret))
    assert (loaded.checked().database, loaded.source("database").place) == ("postgresql://h/d", "--database-file")


def test_show_tells_each_value_and_its_place_and_masks_secrets(file: Path) -> None:
    file.write_text("database = 'postgresql://u:hidden@h/d?password=hidden&x=1'\nblobs_secret_access_key = 'hidden'\n")
    words = ["config", "show", "--config", str(file), "--port", "9"]
    text = CliRunner().invoke(cli, words, env={"KUNSTHALLE_WORKERS": "7"}).output
    assert "hidden" not in text
    rows = {line.split()[0]: line for line in text.splitlines()[2:]}
    assert set(rows) == {"SETTING", *(setting.name for setting in described())}
    assert re.fullmatch(r"port +9 +--port", rows["port"])
    assert re.fullmatch(r"workers +7 +KUNSTHALLE_WORKERS", rows["workers"])
    assert "postgresql://***@h/d?password=***&x=1" in rows["database"]
    assert re.fullmatch(
        rf"blobs_secret_access_key +\*\*\* +{file}, line 2: blobs_secret_access_key", rows["blobs_secret_access_key"]
    )
    shown = json.loads(CliRunner().invoke(cli, [*words, "--output", "json", "--changed"]).output)
    assert shown["file"] == str(file)
    assert [(row["name"], row["source"]) for row in shown["settings"]] == [
        ("port", "option"), ("database", "file"), ("blobs_secret_access_key", "file"),
    ]  # fmt: skip


def test_the_file_is_that_of_the_option_or_of_the_environment_or_the_default(tmp_path: Path) -> None:
    assert find_file("a", {"KUNSTHALLE_CONFIG": "b"}) == Path("a")
    assert find_file(None, {"KUNSTHALLE_CONFIG": "b"}) == Path("b")
    assert find_file(None, {}) == (DEFAULT_FILE if DEFAULT_FILE.exists() else None)
    assert load(Path("/dev/null"), {}, {}).checked() == Settings()


def test_the_example_sets_nothing_and_without_its_marks_the_defaults(file: Path) -> None:
    text = example()
    assert tomllib.loads(text) == {}
    plain = re.sub(r"^# (?!\[\[)", "", text.partition("# [[")[0], flags=re.MULTILINE)
    loaded = _load(file, plain)
    assert loaded.errors == ()
    assert loaded.checked() == Settings()
    assert set(tomllib.loads(plain)) == {setting.name for setting in described() if setting.section is None}


def test_no_name_of_a_file_with_a_secret_is_a_setting() -> None:
    assert not set(files_of(Settings)) & {setting.name for setting in described()}


@dataclass(frozen=True, slots=True)
class _Sink:
    name: str = settings_table._setting("", "Its name")
    url: str = settings_table._setting("", "Where", allowed=setting_rules.public_url)
    seconds: int = settings_table._setting(5, "Seconds", least=1)
    token: str = settings_table._setting("", "Token", secret=True)

    def __post_init__(self) -> None:
        check_fields(self)


@dataclass(frozen=True, slots=True)
class _Table:
    sinks: tuple[_Sink, ...] = settings_table._sections(_Sink, "Sinks")

    def __post_init__(self) -> None:
        check_fields(self)


def _sections(file: Path, text: str, environment: dict[str, str] | None = None) -> Loaded:
    file.write_text(text)
    return load(file, environment or {}, {}, _Table)


def test_sections_become_records_of_their_own(file: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("secret\n")
    second = f"name = 'b'\nurl = 'http://h'\nseconds = 7\ntoken_file = '{tmp_path}/token'\n"
    text = f"[[sinks]]\nname = 'a'\n[[sinks]]\n{second}"
    expected = (_Sink("a"), _Sink("b", "http://h", 7, "secret"))
    assert _sections(file, text).checked().sinks == expected  # type: ignore[attr-defined]  # of this table
    value = json.dumps([{"name": "c", "seconds": 9}])
    loaded = _sections(file, text, {"KUNSTHALLE_SINKS": value})
    assert loaded.checked().sinks == (_Sink("c", seconds=9),)  # type: ignore[attr-defined]  # of this table
    assert loaded.source("sinks").place == "KUNSTHALLE_SINKS"


WRONG_SECTIONS: list[tuple[str, str]] = [
    ("sinks = 5", "line 1: sinks: give a list of tables, each as [[sinks]]."),
    ("[sinks]\nname = 'a'", "line 1: sinks: give a list of tables"),
    (
        "[[sinks]]\nname = 'a'\n[[sinks]]\nsecond = 1",
        "line 4: sinks[1].second: unknown key. Similar names are: seconds.",
    ),
    ("[[sinks]]\nseconds = '1'", "line 2: sinks[0].seconds '1': give a whole number, without quotes."),
    ("[[sinks]]\nseconds = 0", "line 2: sinks[0].seconds '0': give a whole number of 1 or more."),
    ("[[sinks]]\nurl = 'x'", "line 2: sinks[0].url 'x': give http://name"),
    ("[[sinks]]\ntoken = 5", "line 2: sinks[0].token '***': give text in quotes."),
    ("[[sinks]]\nname='a'\n[[sinks]]\nname='a'", "'a' comes more than once."),
]


@pytest.mark.parametrize(("text", "expected"), WRONG_SECTIONS)
def test_what_is_wrong_in_a_section_is_told_with_its_line(text: str, expected: str, file: Path) -> None:
    loaded = _sections(file, text)
    (error,) = loaded.errors
    assert error.startswith(str(file))
    assert expected in error


def test_what_is_wrong_in_a_variable_with_a_list_is_told(file: Path) -> None:
    for text, expected in (("{", "KUNSTHALLE_SINKS: give a list"), ('[{"name": 5}]', "KUNSTHALLE_SINKS[0].name")):
        (error,) = _sections(file, "", {"KUNSTHALLE_SINKS": text}).errors
        assert error.startswith(expected)


def test_options_of_settings_have_the_names_of_the_table() -> None:
    (serve,) = (command for name, command in cli.commands.items() if name == "serve")
    options = {word for parameter in serve.params for word in parameter.opts}
    assert options == {
        "--config",
        *(option(setting.name) for setting in described() if setting.option),
        *(option(name) for name in files_of(Settings)),
    }


WRONG_SINKS: list[tuple[str, str]] = [
    ("url = 'file:///a'", "name '': give a name of 1 to 32 lower-case letters"),
    ("name = 'A b'\nurl = 'file:///a'", "name 'A b': give a name"),
    ("name = 'a'", "url '': give file:///path"),
    ("name = 'a'\nurl = 'ftp://h/x'", "url 'ftp://h/x': give file:///path"),
    ("name = 'a'\nurl = 'file://host/x'", "give file:///path"),
    ("name = 'a'\nurl = 'https://u:hidden@h/'", "url 'https://***@h/': give"),
    ("name = 'a'\nurl = 'syslog+tcp://h:x'", "give file:///path"),
    ("name = 'a'\nurl = 'file:///a'\nbegin = 'then'", "begin 'then': give one of 'now', 'oldest'"),
    ("name = 'a'\nurl = 'file:///a'\ntimeout = 21", "timeout '21': give a whole number, 1 to 20"),
    ("name = 'a'\nurl = 'file:///a'\naccounts = [1]", "accounts '[1]': give text in quotes, or a list of texts"),
    ("name = 'a'\nurl = 'file:///a'\ntoken = 'hid den'", "token '***': give printable ASCII"),
    ("name = 'a'\nurls = 'file:///a'", "urls: unknown key. Similar names are: url."),
]


@pytest.mark.parametrize(("text", "expected"), WRONG_SINKS)
def test_what_is_wrong_with_a_sink_of_the_audit_is_told(text: str, expected: str, file: Path) -> None:
    errors = _load(file, f"[[audit_sinks]]\n{text}").errors
    assert expected in errors[0]
    assert errors[0].startswith(f"{file}, line ")
    assert "hidden" not in errors[0]
    assert "hid den" not in errors[0]


def test_a_sink_of_the_audit_is_read_and_shown_without_its_token(file: Path) -> None:
    text = "[[audit_sinks]]\nname = 'siem'\nurl = 'https://h/x'\naccounts = ['a', 'b']\ntoken = 'hidden'\n"
    (sink,) = _load(file, text).checked().audit_sinks
    assert (sink.accounts, sink.token, sink.timeout) == ("a,b", "hidden", 10)
    shown = CliRunner().invoke(cli, ["config", "show", "--config", str(file)]).output
    assert "name=siem, url=https://h/x, accounts=a,b, begin=now, token=***" in shown
    assert "hidden" not in shown
