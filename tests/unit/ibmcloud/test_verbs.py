"""Every command of the two reference pages is known: it is served, or it says that it is not supported."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

from kunsthalle.ibmcloud.registry import AREAS, CORE, everything
from unit.ibmcloud.command_shell import ibmcloud

UNKNOWN, UNSUPPORTED = "is not a registered command", "is not supported by Kunsthalle."


def _listed() -> list[tuple[str, bool]]:
    """Each command of verbs.txt, and whether it is served."""
    found, area, served = [], "", True
    for line in (Path(__file__).parent / "verbs.txt").read_text().splitlines():
        if head := re.fullmatch(r"\[(\w+)(, not supported)?\]", line):
            area, served = head[1], head[2] is None
        elif line and not line.startswith("#"):
            verbs = line.split(", ") if area in ("catalog", "kp") else line.split()
            found += [(f"{area} {verb.strip()}", served) for verb in verbs]
    return found


VERBS = dict(_listed())


def test_no_command_is_listed_twice() -> None:
    assert [words for words, times in Counter(words for words, _ in _listed()).items() if times > 1] == []


@pytest.mark.parametrize("served", [True, False], ids=["served", "not supported"])
def test_every_command_of_the_reference_is_known(tmp_path: Path, served: bool) -> None:
    env = {"IBMCLOUD_HOME": str(tmp_path)}
    told = {words: ibmcloud(*words.split(), env=env) for words, is_served in VERBS.items() if is_served is served}
    assert [words for words, said in told.items() if UNKNOWN in said.err] == []
    assert [words for words, said in told.items() if (UNSUPPORTED in said.err) is served] == []
    assert {said.code for said in told.values() if UNSUPPORTED in said.err} == (set() if served else {1})


def test_a_served_command_has_help(tmp_path: Path) -> None:
    for words in (words for words, served in VERBS.items() if served):
        said = ibmcloud(*words.split(), "--help", env={"IBMCLOUD_HOME": str(tmp_path)})
        assert (said.code, said.err, "USAGE:" in said.out) == (0, "", True), words


def test_no_name_means_two_commands() -> None:
    """What is not supported must not stand in the way of what is served."""
    every = Counter(
        name
        for modules in (*AREAS.values(), CORE)
        for module in modules
        for command in import_module(f"kunsthalle.ibmcloud.commands.{module}").COMMANDS
        for name in (command.words, *command.also)
    )
    assert [name for name, times in every.items() if times > 1] == []
    assert len(every) == len(everything())


def test_a_command_that_does_not_exist_is_told_so(tmp_path: Path) -> None:
    for words in ("is load-balancerx", "is nothing", "catalog offering nothing"):
        said = ibmcloud(*words.split(), env={"IBMCLOUD_HOME": str(tmp_path)})
        assert (said.code, UNKNOWN in said.err) == (1, True), words
