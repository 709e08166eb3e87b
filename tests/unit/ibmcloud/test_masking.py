"""A hidden image and one that never existed leave the same bytes, trace apart (cli.md 7.3)."""

from __future__ import annotations

import re

import pytest

from unit.ibmcloud.command_shell import Said, Shell

MODES = ((), ("--output", "JSON"), ("-q",))
COMMANDS = (
    ("is", "image", "{ref}"),
    ("is", "image-update", "{ref}", "--name", "mine"),
    ("is", "image-delete", "{ref}", "-f"),
    ("is", "image-deprecate", "{ref}"),
    ("is", "image-export-jobs", "{ref}"),
    ("is", "image-instance-profiles", "{ref}"),
    ("is", "instance-create", "own", "default", "us-south-1", "bx2-2x8", "default", "--image", "{ref}"),
)


def _told(said: Said, ref: str) -> tuple[int, str, str]:
    """What was said, with the trace and the word that was typed taken out."""

    def plain(text: str) -> str:
        return re.sub(r"Trace ID: [0-9a-f-]{36}", "Trace ID: TRACE", text).replace(ref, "REF")

    return said.code, plain(said.out), plain(said.err)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: " ".join(mode) or "plain")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[1])
def test_hidden_is_absent(shared: Shell, command: tuple[str, ...], mode: tuple[str, ...]) -> None:
    told = []
    for ref in (shared.names["golden"], "r006-00000000-0000-4000-8000-000000000000", "golden", "never-was"):
        words = [word.format(ref=ref) for word in command]
        told.append(_told(shared.run(*words, *mode, who="consumer"), ref))
    assert told[0] == told[1]
    assert told[2] == told[3]
    if command[1] == "image":
        assert told[0] == told[2]
        assert told[0][0] == 1


def test_the_reference_is_there_and_does_not_open(shared: Shell) -> None:
    listed = shared.run("is", "instances", who="consumer").out
    assert re.search(r"borrowed +running +\S+ +- +bx2-2x8 +golden ", listed)
    assert shared.names["golden"] in shared.run("is", "instance", "borrowed", who="consumer").out
    assert shared.run("is", "image", shared.names["golden"], who="consumer").code == 1


def test_a_name_is_ones_own_image_or_nothing(shell: Shell) -> None:
    bucket = shell.server.drivers.buckets.folder(shell.names["account_consumer"]) / "images"
    source = shell.server.drivers.buckets.folder(shell.names["account_owner"]) / "images" / "spare.qcow2"
    (bucket / "own.qcow2").write_bytes(source.read_bytes())
    made = shell.run(
        "is", "image-create", "golden", "--file", "cos://us-south/images/own.qcow2", "--os-name", "debian-12-amd64",
        who="consumer",
    )  # fmt: skip
    assert made.code == 0, made.err
    shown = shell.run("is", "image", "golden", who="consumer").out
    assert shell.names["golden"] not in shown
    assert shell.names["golden"] in shell.run("is", "instance", "borrowed", who="consumer").out
