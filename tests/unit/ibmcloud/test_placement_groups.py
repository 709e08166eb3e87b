"""Placement groups on the command line."""

from __future__ import annotations

import json
from typing import Any

from unit.ibmcloud.command_shell import Shell


def told(shell: Shell, *words: str) -> Any:
    """What a command says as JSON."""
    said = shell.run("is", *words, "--output", "JSON")
    assert said.code == 0, said.err
    return json.loads(said.out)


def test_a_placement_group_is_made_listed_shown_renamed_and_deleted(shell: Shell) -> None:
    made = told(shell, "placement-group-create", "--strategy", "host_spread", "--name", "apart")
    assert (made["name"], made["strategy"]) == ("apart", "host_spread")
    header, row = shell.run("is", "placement-groups", "-q").out.splitlines()
    assert header.split() == "ID Name Strategy Lifecycle state Resource group".split()
    assert row.split()[:4] == [made["id"], "apart", "host_spread", "stable"]
    assert made["crn"] in shell.run("is", "placement-group", "apart").out
    assert told(shell, "placement-group-update", "apart", "--name", "other")["name"] == "other"
    assert "has been accepted" in shell.run("is", "placement-group-delete", "other", "-f").out


def test_a_strategy_is_needed_and_one_that_there_is(shell: Shell) -> None:
    for words in (("--name", "x"), ("--strategy", "anywhere")):
        said = shell.run("is", "placement-group-create", *words)
        assert said.code != 0
        assert "strategy" in said.err + said.out
