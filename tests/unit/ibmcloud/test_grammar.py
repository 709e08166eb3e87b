"""The grammar of flags (cli.md 1.5), as a table; and every command there is, wrongly used."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.walks import share
from kunsthalle.ibmcloud import registry
from kunsthalle.ibmcloud.grammar import FORCE, Command, WrongUsage, flag, parse
from unit.ibmcloud.command_shell import ibmcloud

COMMAND = Command(
    "is widget",
    "A widget.",
    lambda _run: None,
    "NAME [MORE]",
    (
        flag("file", "FILE"),
        flag("os-name", "NAME"),
        flag("count", "N", kind="int"),
        flag("keys", "LIST", kind="list", also=("key-ids",)),
        flag("sg", "LIST", kind="list", also=("sgs",), repeated=True),
        flag("rule", "RULE", repeated=True),
        flag("body", "JSON|@FILE", kind="json"),
        flag("data", "TEXT|@FILE", kind="file"),
        flag("format", choices=("qcow2", "vhd")),
        flag("on", "true|false"),
        flag("c", "NAME"),
        FORCE,
    ),
    alone=(("file", "data"),),
)

FITS: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("x", {"NAME": "x", "MORE": None}, {}),
    ("x y", {"NAME": "x", "MORE": "y"}, {}),
    ("--file a x", {"NAME": "x"}, {"file": "a"}),
    ("x --file=a", {"NAME": "x"}, {"file": "a"}),
    ("-file a x -os-name=b", {"NAME": "x"}, {"file": "a", "os-name": "b"}),
    ("--output json x -q", {"NAME": "x"}, {"output": "json", "quiet": True}),
    ("x --quiet=false", {"NAME": "x"}, {"quiet": False}),
    ("x --json", {"NAME": "x"}, {"output": "JSON"}),
    ("x -f", {"NAME": "x"}, {"force": True}),
    ("x --force=True", {"NAME": "x"}, {"force": True}),
    ("x --force=false", {"NAME": "x"}, {"force": False}),
    ("x --count 3 --count=4", {"NAME": "x"}, {"count": 4}),
    ("x --keys a,b,,c", {"NAME": "x"}, {"keys": ["a", "b", "c"]}),
    ("x --key-ids a", {"NAME": "x"}, {"keys": ["a"]}),
    ("x --keys a --keys b", {"NAME": "x"}, {"keys": ["b"]}),
    ("x --sg a,b --sgs=c", {"NAME": "x"}, {"sg": ["a", "b", "c"]}),
    ("x --rule a,b --rule c", {"NAME": "x"}, {"rule": ["a,b", "c"]}),
    ("x --body '{\"a\": 1}'", {"NAME": "x"}, {"body": {"a": 1}}),
    ("x --body @body.json", {"NAME": "x"}, {"body": [1]}),
    ("x --data @text.txt", {"NAME": "x"}, {"data": "hello\n"}),
    ("x --data plain", {"NAME": "x"}, {"data": "plain"}),
    ("x --format VHD", {"NAME": "x"}, {"format": "vhd"}),
    ("x --on TRUE", {"NAME": "x"}, {"on": True}),
    ("x --on=false", {"NAME": "x"}, {"on": False}),
    ("x -c one", {"NAME": "x"}, {"c": "one"}),
    ("x --file -ent-1", {"NAME": "x"}, {"file": "-ent-1"}),
    ("x --file ''", {"NAME": "x"}, {"file": ""}),
    ("-- -x", {"NAME": "-x"}, {}),
    ("x -- -q", {"NAME": "x", "MORE": "-q"}, {}),
    ("-", {"NAME": "-"}, {}),
    ("--help", {}, {"help": True}),
    ("-h x y z", {}, {"help": True}),
)
MISFITS = (
    ("", "NAME is missing"),
    ("''", "NAME is empty"),
    ("x y z", "too many arguments: z"),
    ("x --nothing", "flag provided but not defined: -nothing"),
    ("x --file", "flag needs an argument: -file"),
    ("x --count many", "invalid value 'many' for --count"),
    ("x --format raw", "one of qcow2, vhd"),
    ("x --on perhaps", "true or false"),
    ("x --force=perhaps", "true or false"),
    ("x --body '{'", "not valid JSON"),
    ("x --body @absent.json", "could not be read"),
    ("x --file a --data b", "--file and --data exclude each other"),
    ("x --output yaml", "invalid output format 'yaml'"),
    ("x -c", "flag needs an argument: -c"),
)


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "body.json").write_text("[1]")
    (tmp_path / "text.txt").write_text("hello\n")


@pytest.mark.parametrize(("line", "words", "flags"), FITS, ids=[row[0] for row in FITS])
def test_fits(line: str, words: dict[str, Any], flags: dict[str, Any]) -> None:
    found = parse(COMMAND, shlex.split(line))
    assert {name: found.words.get(name) for name in words} == words
    assert found.flags == flags


@pytest.mark.parametrize(("line", "reason"), MISFITS, ids=[row[0] for row in MISFITS])
def test_does_not_fit(line: str, reason: str) -> None:
    with pytest.raises(WrongUsage, match=reason.replace("(", r"\(")):
        parse(COMMAND, shlex.split(line))


COMMANDS = sorted({one.words: one for one in registry.everything().values()}.items())
TAKING = [(words, one) for words, one in COMMANDS if not one.anything]


@pytest.mark.by_turns(4)
@pytest.mark.parametrize(("words", "command"), TAKING, ids=[words for words, _ in TAKING])
def test_wrong_usage_and_help_of_every_command(tmp_path: Path, words: str, command: Command) -> None:
    env = {"IBMCLOUD_HOME": str(tmp_path)}
    wrong = ibmcloud(*words.split(), "--no-such-flag", env=env)
    assert (wrong.code, wrong.out) == (1, "")
    assert wrong.err.startswith("FAILED\nIncorrect Usage: flag provided but not defined: -no-such-flag\n\nNAME:\n")
    assert "\nUSAGE:\n" in wrong.err
    assert "\nOPTIONS:\n" in wrong.err
    quiet = ibmcloud(*words.split(), "--no-such-flag", "-q", env=env)
    assert quiet.err.startswith("Incorrect Usage: ")
    asked = ibmcloud(*words.split(), "--help", env=env)
    assert (asked.code, asked.err) == (0, "")
    assert asked.out.startswith(f"NAME:\n   {words} - {command.summary}\n")
    assert ibmcloud("help", *words.split(), env=env) == asked
    for other in command.also:
        assert ibmcloud(*other.split(), "-h", env=env) == asked
    assert not list(tmp_path.glob(".bluemix"))


@pytest.mark.by_turns(4)
@pytest.mark.parametrize(("words", "command"), TAKING, ids=[words for words, _ in TAKING])
def test_who_is_not_logged_in_is_told(tmp_path: Path, words: str, command: Command) -> None:
    if command.offline:
        return
    given = [name.strip("[]").removesuffix("...") for name in command.takes.split()]
    needed = [one for one in command.flags if one.required]
    needed += [one for some in command.any_of for one in command.flags if one.name == some[0]]
    flags = [word for one in needed for word in (f"--{one.name}", *([_example(one)] if one.value else []))]
    said = ibmcloud(*words.split(), *given, *flags, env={"IBMCLOUD_HOME": str(tmp_path)})
    assert (said.code, said.out) == (1, "")
    assert said.err == "FAILED\nNot logged in. Use 'ibmcloud login' to log in.\n\n"


def _example(one: Any) -> str:
    return one.choices[0] if one.choices else {"json": "{}", "int": "1", "bool": "true"}.get(one.kind, "x")


def test_every_flag_of_a_command_has_one_name() -> None:
    for words, command in COMMANDS:
        names = [name for one in command.all_flags() for name in (one.name, *one.also)]
        assert len(names) == len(set(names)), words
        known = {one.name for one in command.flags}
        assert {name for some in (*command.alone, *command.any_of) for name in some} <= known, words


WORDS = st.sampled_from(
    [
        *"is catalog iam resource account enterprise help login api target config plugin offering version".split(),
        *"images image instance-create image-delete instances keys key-create vpcs list get publish groups".split(),
        *"--output --output=json -q -f --force=maybe -- - --file @ @/ --vl -c --name= --keys , = === --image".split(),
        *"--status --body {} [] --visibility=private --limit -1 ../../etc ~ %00 crn:v1:::".split(),
        "",
        " ",
        "\x1b[31m",
        "\udcff",
        "é",
        "a" * 5_000,
    ]
)


@settings(max_examples=share(60, 5_000), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.lists(WORDS | st.text(max_size=8), max_size=7))
def test_whatever_is_typed_is_answered(tmp_path: Path, line: list[str]) -> None:
    env = {"IBMCLOUD_HOME": str(tmp_path / "nowhere"), "KUNSTHALLE_URL": "http://127.0.0.1:9"}
    said = ibmcloud(*line, env=env)
    assert said.code in {0, 1}
    assert said.code == 0 or said.err
    assert "Traceback" not in said.out + said.err
    assert "could not be finished" not in said.err
    assert "\x1b" not in said.out + said.err
