"""The help of publishing: its examples run in their order, and accounts are named by name."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from kunsthalle.ibmcloud.commands import publishing_examples as examples
from unit.ibmcloud.canned import Canned, canned
from unit.ibmcloud.command_shell import Shell, ibmcloud

CATALOG = "/api/v1-beta/catalogs/11111111-1111-4111-8111-111111111111/offerings/22222222-2222-4222-8222-222222222222"
ALLOWLIST = ["catalog", "offering", "publish", "allowlist", "-c", CATALOG.split("/")[4], "-o", CATALOG.split("/")[6]]
IDS = ("a" * 32, "b" * 32, "c" * 32)


def _run(shell: Shell, line: str, **stand_ins: str) -> str:
    for name, value in stand_ins.items():
        line = line.replace(name, value)
    said = shell.run(*shlex.split(line)[1:], "--output", "json")
    assert said.code == 0, said.err
    return said.out


def test_the_examples_of_publishing_run_in_their_order(shell: Shell) -> None:
    """Import, validate, ready, share; each command of the way shows them."""
    known = {"CATALOG": "annexe", "ACCOUNT": shell.names["account_consumer"], "IMAGE_ID": shell.names["spare"]}
    assert shell.run("catalog", "create", "--name", "annexe").code == 0
    made = json.loads(_run(shell, examples.CREATE, **known))
    known["LOCATOR"] = made["kinds"][0]["versions"][0]["version_locator"]
    for line in (examples.VALIDATE, examples.READY, examples.SHARED):
        _run(shell, line, **known)
    listed = json.loads(shell.run("catalog", "offering", "get", "-c", "annexe", "-o", "web", "--output", "json").out)
    assert listed["kinds"][0]["versions"][0]["state"]["current"] == "consumable"
    assert listed["share_enabled"] is True
    _run(shell, "ibmcloud is instance-stop web -f")
    volume = json.loads(_run(shell, "ibmcloud is instance web"))["boot_volume_attachment"]["volume"]["id"]
    second = json.loads(_run(shell, f"ibmcloud is image-create second --source-volume {volume}"))["id"]
    _run(shell, examples.IMPORT, **{**known, "IMAGE_ID": second})


def test_help_shows_the_examples(shell: Shell) -> None:
    for words in ("create", "import-version", "version validate", "ready", "publish allowlist"):
        said = shell.run("catalog", "offering", *words.split(), "--help")
        shown = said.out.partition("EXAMPLES:\n")[2].splitlines()
        assert shown, words
        order = [examples.CREATE, examples.IMPORT, examples.VALIDATE, examples.READY, examples.SHARED]
        assert [line.strip() for line in shown] == [one for one in order if f"   {one}" in shown], words


def _accounts(*named: tuple[str, str]) -> dict[str, tuple[int, object]]:
    listed = {"resources": [{"id": id_, "name": name} for id_, name in named]}
    shared = {"share_with_ibm": False, "share_with_all": False, "share_enabled": True}
    answers: dict[str, tuple[int, object]] = {"/v1/accounts": (200, listed), CATALOG: (200, shared)}
    return answers | {f"{CATALOG}/access": (201, {}), f"{CATALOG}/share": (200, {})}


def _sent(server: Canned) -> object:
    return next(body for call, body in server.calls if call == f"POST {CATALOG}/access")


def test_accounts_are_named_by_name(tmp_path: Path) -> None:
    with canned(**_accounts((IDS[0], "north"), (IDS[1], "south"))) as server:
        said = ibmcloud(*ALLOWLIST, "--account-ids", f"south,{IDS[2]},-ent-{IDS[0]}", env=server.session(tmp_path))
    assert said.code == 0, said.err
    assert _sent(server) == [IDS[1], IDS[2], f"-ent-{IDS[0]}"]


def test_a_name_of_several_accounts_is_refused_with_their_ids(tmp_path: Path) -> None:
    with canned(**_accounts((IDS[0], "north"), (IDS[1], "north"))) as server:
        said = ibmcloud(*ALLOWLIST, "--account-ids", "north", env=server.session(tmp_path))
    assert said.code == 1
    assert f"2 accounts are named 'north': {IDS[0]}, {IDS[1]}. Use the ID instead." in said.err
    assert not [call for call, _ in server.calls if call.startswith("POST")]


def test_a_name_that_the_caller_cannot_see_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with canned(**_accounts((IDS[0], "north"))) as server:
        said = ibmcloud(*ALLOWLIST, "--account-ids", "north,south", env=server.session(tmp_path))
    assert said.code == 1
    assert "No account that you can view is named 'south'." in said.err
    assert "ibmcloud enterprise accounts" in said.err
    assert not [call for call, _ in server.calls if call.startswith("POST")]
