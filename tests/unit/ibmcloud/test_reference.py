"""The table of the reference: every option of every command is known, and every command works."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kunsthalle.core.clock import HOUR
from kunsthalle.ibmcloud.grammar import Command, Flag
from kunsthalle.ibmcloud.http_client import Api
from kunsthalle.ibmcloud.registry import everything
from kunsthalle.local import list_parameters
from unit.ibmcloud.command_shell import Shell
from unit.ibmcloud.test_verbs import UNSUPPORTED, VERBS

pytestmark = pytest.mark.by_turns(3)

_GROUP = ("--resource-group-id", "--resource-group-name")
_SHORT = {"@f": ("--force", "-f"), "@rg": _GROUP, "@all": (*_GROUP, "--all-resource-groups")}
_AREAS = ("catalog ", "account ", "resource ", "enterprise ", "iam ", "kp ")
_SHARED = ("--output", "--quiet", "-q")


class Row(NamedTuple):
    """A call of a command, and the options that the reference names for it."""

    words: str
    options: tuple[str, ...]
    call: str


def rows() -> list[Row]:
    """The table, in its order."""
    found, source = [], ""
    for line in (Path(__file__).parent / "reference.txt").read_text().splitlines():
        if line.startswith("["):
            source = line
        elif line.startswith("> "):
            words, _, call = line.removeprefix("> ").partition(" ")
            if f"{words} " in _AREAS:
                verb, _, call = call.partition(" ")
                words = f"{words} {verb}"
            else:
                words = f"is {words}"
            found.append(Row(words, (), call))
        elif line and not line.startswith("#"):
            assert source, "every row has a source"
            words, options, call = (part.strip() for part in line.split("|", 2))
            words = words if words.startswith(_AREAS) else f"is {words}"
            found.append(Row(words, _options(options.split()), call))
    return found


def _options(given: list[str]) -> tuple[str, ...]:
    shared = ("--quiet", "-q") if "@no-output" in given else _SHARED
    return (*shared, *(one for name in given if name != "@no-output" for one in _SHORT.get(name, (name,))))


def _known(command: Command) -> set[str]:
    return {name for one in command.all_flags() for name in (one.name, *one.also)}


def test_every_option_of_the_reference_is_known() -> None:
    commands = {" ".join(path): command for path, command in everything().items()}
    missing = [
        f"{row.words} {option}"
        for row in rows()
        for option in row.options
        if option.lstrip("-") not in _known(commands[row.words])
    ]
    assert missing == []


def test_every_command_has_one_row_and_is_served() -> None:
    named = [row.words for row in rows() if row.options]
    assert len(named) == len(set(named)) > 120
    assert [words for words in named if not VERBS[words]] == []


def test_every_served_command_has_a_row() -> None:
    named = {row.words for row in rows() if row.options}
    assert [words for words, is_served in VERBS.items() if is_served and words not in named] == []


def test_every_call_of_the_reference_works(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, over HTTP; what a call needs of another's answer is asked for when its turn comes.

    A list is asked for nothing that it does not know: the server passes over such a parameter, and so would a mistake.
    """
    asked, failed = _recorded(monkeypatch), []
    for row in rows():
        if row.call.startswith("["):
            continue
        argv = [_resolved(shell, word) for word in shlex.split(_named(row.call))]
        said = shell.run(*row.words.split(), *argv, who=_who(row.words))
        if said.code != 0 or UNSUPPORTED in said.err:
            failed.append((row.words, argv, said.err or said.out))
    assert failed == [], "\n".join(map(str, failed))
    assert len(asked) > 25
    assert {(path, name) for path, name in asked if name not in _parameters_of(path)} == set()


_ANYWHERE = frozenset({"name", "version", "generation"})
"""What every read may be asked: a look-up by name compares the names itself, where the list does not."""


def _recorded(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """The path and each parameter of the reads that commands make from now on, but those that turn pages."""
    seen, call = set[tuple[str, str]](), Api.call

    def recording(self: Api, method: str, path: str, body: Any = None, query: Any = None, headers: Any = None) -> Any:
        if method == "GET":
            said = {name for name, value in (query or {}).items() if value not in {None, ""} and name not in _ANYWHERE}
            seen.update((path, name) for name in said if list_parameters.narrows(name))
        return call(self, method, path, body, query, headers)

    monkeypatch.setattr(Api, "call", recording)
    return seen


def _parameters_of(path: str) -> set[str]:
    """The parameters of the list at a path, of those that the routes of the server declare."""
    parts = path.split("/")
    found = [
        template
        for template in json.loads(list_parameters.FILE.read_text())
        if len(template.split("/")) == len(parts)
        and all(one in {"{}", part} for one, part in zip(template.split("/"), parts, strict=True))
    ]
    return {name for template in found for name in list_parameters.parameters_of(template)}


def _who(words: str) -> str:
    """Who gives the command: enterprises are founded by an account outside of one, and grow by their own account."""
    if words == "enterprise create":
        return "outsider"
    return "enterprise" if words.startswith("enterprise ") else "owner"


def _named(call: str) -> str:
    """The call with each `{…}` that is no JSON as one word."""
    return re.sub(r"(?<!')\{[a-z][^{}\"]*\}", lambda found: shlex.quote(found[0]), call)


def _of_keys(shell: Shell, what: str) -> str:
    """Something of the instance of Key Protect: its ID, of its import token, or what a key of it has wrapped."""
    shown = shell.run("resource", "service-instance", "reference-keys", "--output", "json").out
    instance = str(json.loads(shown)["guid"])
    if what == "kms":
        return instance
    if what == "deleted key":  # asked for when it is there still
        listed = json.loads(shell.run("kp", "keys", "-i", instance, "-o", "json").out)
        shell.names[what] = str(next(key["id"] for key in listed if key["name"] == "kp-second"))
        return shell.names[what]
    if what == "deleted key, later":
        shell.server.clock.set(shell.server.clock.now() + 5 * HOUR)
        return shell.names["deleted key"]
    wrap = ("key", "wrap", "kp-key", "-a", "image", "-o", "json")
    command = wrap if what == "ciphertext" else ("import-token", "show")
    answer = json.loads(shell.run("kp", *command, "-i", instance).out)
    return str(answer["Ciphertext" if what == "ciphertext" else what])


def _resolved(shell: Shell, word: str) -> str:
    """`{command arguments}` is the id of the last that the list shows; `:field=value` chooses."""
    if "IMAGE_ID" in word:
        return word.replace("IMAGE_ID", _resolved(shell, "{images:name=my-image}"))
    found = re.fullmatch(r"\{([a-z][^{}\"]*)\}", word)
    if found is None:
        return word
    if found[1] in shell.names and found[1] != "locator":
        return shell.names[found[1]]
    if found[1] == "locator":
        get = ("catalog", "offering", "get", "-c", "dev-catalog", "-o", "virtual-server-image", "--output", "json")
        return str(json.loads(shell.run(*get).out)["kinds"][0]["versions"][0]["version_locator"])
    if found[1] in ("kms", "nonce", "payload", "ciphertext", "deleted key", "deleted key, later"):
        return _of_keys(shell, found[1])
    if found[1] == "boot volume of web":
        web = json.loads(shell.run("is", "instance", "web", "--output", "json").out)
        return str(web["boot_volume_attachment"]["volume"]["id"])
    if found[1].startswith("policy of "):
        of = {
            "viewer": ("user-policies", "viewer@publisher.example"),
            "service": ("service-policies", "policy-test"),
            "profile": ("trusted-profile-policies", "my-profile"),
            "group": ("access-group-policies", "hello_world_group"),
        }
        listed = json.loads(shell.run("iam", *of[found[1].removeprefix("policy of ")], "--output", "json").out)
        others = [one["id"] for one in listed if one["roles"][0]["display_name"] != "Administrator"]
        return str(others[0] if others else listed[0]["id"])
    if found[1] == "authorization":
        listed = json.loads(shell.run("iam", "authorization-policies", "--output", "json").out)
        return str(listed[-1]["id"])
    if found[1] == "user viewer":
        users = json.loads(shell.run("account", "users", "--output", "json").out)
        return str(next(one["iam_id"] for one in users if one["user_id"] == "viewer@publisher.example"))
    asked, _, wanted = found[1].partition(":")
    field, _, value = wanted.partition("=")
    listed = json.loads(shell.run("is", *asked.split(), "--output", "json").out)
    return str(next(one["id"] for one in listed if not wanted or one[field] == value))


def test_an_option_that_changes_nothing_says_ignored(shell: Shell) -> None:
    said = shell.run("is", "vpc-create", "classic", "--classic-access")
    assert (said.code, said.err) == (0, "--classic-access is ignored: there is no classic infrastructure.\n")
    assert shell.run("is", "vpc-create", "quiet", "--classic-access", "-q").err == ""
    for command in everything().values():
        for one in command.flags:
            assert "ccepted" not in one.help, (command.words, one.name)
            assert not one.ignored or one.ignored.endswith("."), (command.words, one.name)


def test_a_filter_hides_the_public_catalog(shell: Shell) -> None:
    said = shell.run("catalog", "filter", "create", "--hide-ibm-catalog", "-c", "gallery")
    assert (said.code, said.err) == (0, "--catalog is ignored: filters are an account's own.\n")
    assert json.loads(shell.run("catalog", "filter", "get", "--output", "json").out)["hide_IBM_cloud_catalog"] is True


def test_offerings_are_searched_by_words_and_by_options(shell: Shell) -> None:
    for options, found in (((), 1), (("golden",), 1), (("nothing",), 0), (("--offering", "none"), 0)):
        said = shell.run("catalog", "offering", "search", *options, "--catalog", "gallery", "--output", "json")
        assert (said.code, len(json.loads(said.out))) == (0, found), options


def test_ignored_is_a_reason() -> None:
    assert Flag("old", help="Ignored: there is none.").ignored == "there is none."
    assert Flag("new", help="Not ignored.").ignored == ""


def test_a_search_is_sorted_and_shown_in_part(shell: Shell) -> None:
    def names(*options: str) -> list[str]:
        said = shell.run("resource", "search", "family:is", "--sort-by", "name", *options, "--output", "json")
        assert (said.code, said.err) == (0, "")
        return [one["name"] for one in json.loads(said.out)]

    every = names()
    assert every == sorted(every)
    assert len(every) > 3
    assert names("--offset", "1", "--limit", "2") == every[1:3]
    assert names("-o", str(len(every))) == []
