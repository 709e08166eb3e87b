"""The operator's verbs as people and programs meet them: on a world, without one, on a terminal and off it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
from click.testing import CliRunner

from fixtures.clients import Account, Product
from kunsthalle.cli.main import cli
from kunsthalle.local import folder
from kunsthalle.testing.served import Served

pytestmark = pytest.mark.by_turns(3)

PROGRAM = [sys.executable, "-m", "kunsthalle.cli.main"]
VERBS = [
    ("approvals", "list"),
    ("audit",),
    ("clock",),
    ("clock", "advance", "1d"),
    ("console", "any"),
    ("doctor",),
    ("fault", "list"),
    ("images", "watch", "any"),
    ("lineage", "any"),
    ("scenario", "list"),
    ("scenario", "save", "any"),
    ("status",),
    ("usage", "any"),
]
"""Every verb that talks to a server."""


@pytest.fixture(scope="module")
def golden(served: Served) -> dict[str, Any]:
    """An image that is published, shared with consumer-a, and runs there."""
    owner, consumer = Account(served, "publisher"), Account(served, "consumer-a")
    image = owner.import_image("golden")
    product = Product(owner, image)
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)
    consumer.boot("borrowed", catalog_offering={"version": {"crn": product.version["crn"]}})
    return image


def run(served: Served, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a verb."""
    result = CliRunner().invoke(cli, [*arguments, "--data", str(served.data)])
    return result.exit_code, result.output


def test_lineage_is_told_and_written_for_programs(served: Served, golden: dict[str, Any]) -> None:
    code, told = run(served, "lineage", "golden")
    lines = told.splitlines()
    assert code == 0
    assert lines[0] == f"golden  available  debian-12-amd64  {golden['id']}"
    assert lines[1] == "  version 1.0.0 of golden in the catalog golden catalog: consumable"
    consumer = next(line for line in lines if line.startswith("consumer-a "))
    assert consumer.split()[1:3] == ["yes", "1"]
    document = json.loads(run(served, "lineage", golden["id"], "--output", "json")[1])
    assert (document["totals"]["servers"], document["totals"]["accounts"]) == (1, 1)


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("tree", "golden (image, available)\n└─ "),
        ("dot", "digraph lineage {"),
        ("mermaid", "flowchart LR\n"),
        ("svg", "<svg xmlns="),
        ("json", "{"),
    ],
)
def test_lineage_in_every_format_names_who_runs_it(
    served: Served, golden: dict[str, Any], form: str, begins: str
) -> None:
    code, told = run(served, "lineage", golden["name"], "--format", form)
    assert code == 0
    assert told.startswith(begins)
    assert "consumer-a" in told


def test_who_still_runs_a_version_is_told_in_numbers(served: Served, golden: dict[str, Any]) -> None:
    code, told = run(served, "usage", "golden", "--version", "1.0")
    assert code == 0
    head, version, account = (line.split() for line in told.splitlines())
    assert head[:4] == ["VERSION", "STATE", "ACCOUNT", "INSTANCES"]
    assert version == ["1.0.0", "consumable", "1", "in", "all", "1", "1", "0", "0", "0", "1", "0"]
    assert account == ["consumer-a", "1", "1", "0", "0", "0", "1", "0"]
    assert run(served, "usage", "golden", "--version", "2")[1] == "'golden' has no version '2'.\n"
    document = json.loads(run(served, "usage", "golden", "--output", "json")[1])
    assert document["totals"]["running_servers"] == 1
    hidden = run(served, "usage", document["offering"]["id"], "--account", "consumer-b")
    absent = run(served, "usage", "6f6f9e0c-0b4e-4c43-9c86-3d1f4a1e5f10", "--account", "consumer-b")
    assert hidden == absent
    assert hidden[0] == 1


def test_lineage_is_the_owners_alone(served: Served, golden: dict[str, Any]) -> None:
    hidden = run(served, "lineage", golden["id"], "--account", "consumer-a")
    absent = run(served, "lineage", "r006-00000000-0000-4000-8000-000000000000", "--account", "consumer-a")
    assert hidden == absent
    assert hidden[0] == 1
    assert "golden" not in hidden[1]


def test_an_import_is_watched_to_its_end(served: Served, golden: dict[str, Any]) -> None:
    code, said = run(served, "images", "watch", "golden")
    assert (code, said.splitlines()[-1].split(" of ")[0]) == (0, "available: done 100 %")
    code, said = run(served, "images", "watch", golden["id"], "--output", "json")
    assert (code, json.loads(said.splitlines()[-1])["phase"]) == (0, "done")


def test_a_name_of_no_image_is_said_with_the_account(served: Served, golden: dict[str, Any]) -> None:
    for verb in (("images", "watch"), ("lineage",)):
        code, said = run(served, *verb, golden["name"], "--account", "consumer-a")
        assert code == 1
        assert f"Account 'consumer-a' has no image named '{golden['name']}'." in said


def test_an_import_that_failed_is_an_exit_code(served: Served) -> None:
    owner = Account(served, "publisher")
    (served.bucket("publisher") / "broken.qcow2").write_bytes(b"no image at all" * 100)
    file, system = {"href": "cos://us-south/images/broken.qcow2"}, {"name": "debian-12-amd64"}
    made = owner.vpc.create_image({"name": "broken", "file": file, "operating_system": system}).get_result()
    owner.settled_image(made["id"])
    code, said = run(served, "images", "watch", "broken")
    assert code == 1
    assert said.startswith("failed: failed 0 %")


def test_a_terminal_is_shown_a_bar(served: Served, golden: dict[str, Any]) -> None:
    arguments = [*PROGRAM[1:], "images", "watch", "golden", "--data", str(served.data)]
    screen = pexpect.spawn(PROGRAM[0], arguments, env={"TERM": "xterm", "PATH": "/usr/bin:/bin"}, timeout=30)
    screen.expect(r"done\s+\[#+\]\s+100%")
    screen.expect("available: done 100 %")
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus == 0


def test_a_dumb_terminal_is_shown_lines(served: Served, golden: dict[str, Any]) -> None:
    arguments = [*PROGRAM[1:], "images", "watch", "golden", "--data", str(served.data)]
    screen = pexpect.spawn(PROGRAM[0], arguments, env={"TERM": "dumb", "PATH": "/usr/bin:/bin"}, timeout=30)
    screen.expect(pexpect.EOF)
    screen.close()
    assert (screen.exitstatus, b"\x1b" in screen.before, b"[#" in screen.before) == (0, False, False)


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_without_a_world_every_verb_says_how_to_make_one(verb: tuple[str, ...], tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, [*verb, "--data", str(tmp_path / "none")])
    assert (result.exit_code, "kunsthalle serve --scenario enterprise" in result.output) == (1, True), result.output
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_without_a_server_every_verb_says_how_to_start_one(verb: tuple[str, ...], tmp_path: Path) -> None:
    account = {"publisher": {"account_id": "a" * 32, "iam_id": "IBMid-1", "api_key": "key"}}
    folder.write(tmp_path, folder.CREDENTIALS, {"operator_token": "x", "accounts": account})
    folder.write(tmp_path, folder.SERVER, {"url": "http://127.0.0.1:9", "pid": 1})
    result = CliRunner().invoke(cli, [*verb, "--data", str(tmp_path)])
    assert (result.exit_code, f"No server runs on {tmp_path}. Start it" in result.output) == (1, True), result.output


@pytest.mark.parametrize("verb", [(), *((one,) for one in sorted({verb[0] for verb in VERBS}))], ids=" ".join)
def test_help_has_an_example(verb: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*verb, "--help"], prog_name="kunsthalle")
    assert result.exit_code == 0
    assert not verb or f"kunsthalle {verb[0]}" in result.output.partition("Options:")[0].partition("\n")[2]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_verbs(shell: str) -> None:
    script = CliRunner().invoke(cli, ["completion", shell]).output
    assert f"_KUNSTHALLE_COMPLETE={shell}_complete" in script
    asked = {"_KUNSTHALLE_COMPLETE": f"{shell}_complete", "COMP_WORDS": "kunsthalle sc", "COMP_CWORD": "1"}
    asked |= {"PATH": "/usr/bin:/bin"} if shell != "fish" else {"PATH": "/usr/bin:/bin", "COMP_CWORD": "sc"}
    answer = subprocess.run(PROGRAM, env=asked, capture_output=True, text=True, check=False).stdout
    assert "scenario" in answer


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        (["is", "image-cr"], "image-create"),
        (["catalog", "offering", "publish", "allow"], "allowlist"),
        (["is", "image-create", "--os"], "--os-name"),
        (["is", "image-export-job-create", "--format", "q"], "qcow2"),
    ],
)
def test_shells_complete_ibmcloud(shell: str, typed: list[str], wanted: str) -> None:
    script = CliRunner().invoke(cli, ["completion", shell, "--program", "ibmcloud"]).output
    assert f"_IBMCLOUD_COMPLETE={shell}_complete" in script
    assert "kunsthalle" not in script
    words = " ".join(["ibmcloud", *typed])
    asked = {"_IBMCLOUD_COMPLETE": f"{shell}_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(typed))}
    if shell == "fish":
        asked |= {"COMP_WORDS": words.rpartition(" ")[0], "COMP_CWORD": typed[-1]}
    program = [sys.executable, "-m", "kunsthalle.ibmcloud.main"]
    answer = subprocess.run(program, env=asked, capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")
    assert wanted in answer.stdout


@pytest.mark.parametrize(("typed", "meant"), [("statsu", "status"), ("lineag", "lineage"), ("srve", "serve")])
def test_a_misspelt_verb_is_told_the_one_that_is_like_it(typed: str, meant: str) -> None:
    done = CliRunner().invoke(cli, [typed])
    assert done.exit_code == 2
    assert f"No such command '{typed}'. Did you mean '{meant}'?" in done.output
