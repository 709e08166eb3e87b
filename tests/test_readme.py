"""README.md as somebody follows it who has a fresh clone and nothing else: every block, in order, in one shell."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fixtures.reader import Block, Failed, Shell, blocks, checkout, environment
from fixtures.tools import ROOT
from kunsthalle.cli import setting_options
from kunsthalle.cli.main import cli

README = ROOT / "README.md"
DEADLINE = 400
"""Seconds for a block; the longest install what they need, which takes a machine without caches a minute or two."""
SERVE = "kunsthalle serve --scenario enterprise --hypervisor simulated > server.log 2>&1 &"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _on_port(block: Block, port: int) -> Block:
    """Other servers may run on this machine: the reader's gets a port of its own."""
    return Block(block.language, block.text.replace(SERVE, SERVE.replace(" > ", f" --port {port} > ")))


@pytest.mark.by_turns(6)
def test_every_block_runs_as_pasted_in_the_order_of_the_page(tmp_path: Path) -> None:
    page = blocks(README)
    assert {block.language for block in page} == {"sh", "python"}
    assert sum(block.text.count(SERVE) for block in page) == 1
    home, port = tmp_path / "home", _free_port()
    tools = Path(sys.executable).parent
    python = Path(getattr(sys, "_base_executable", sys.executable))
    variables = environment(home, {"python3": python, "pipx": tools / "pipx", "uv": tools / "uv"})
    # The commands of pipx and uv would have the same place; a reader takes one of the ways.
    variables |= {"PIPX_BIN_DIR": str(home / "pipx-bin"), "UV_PYTHON": str(python), "PIPX_DEFAULT_PYTHON": str(python)}
    printed = {}
    with Shell(checkout(tmp_path / "kunsthalle"), variables) as shell:
        for number, block in enumerate(page):
            printed[number] = shell.paste(_on_port(block, port), deadline=DEADLINE)
    said = {block.text.splitlines()[0]: printed[number] for number, block in enumerate(page)}

    assert "steps, all with the expected answer" in said["./dev demo"]
    for place in (home / "kunsthalle-venv" / "bin", home / "pipx-bin", home / ".local" / "bin"):
        assert (place / "kunsthalle").exists(), place
        assert (place / "ibmcloud").exists(), place
    (with_sdk,) = (printed[number] for number, block in enumerate(page) if block.language == "python")
    shown, answer = with_sdk.splitlines()
    assert re.fullmatch(r"the instance shows r006-[0-9a-f-]{36}", shown)
    assert answer == "404 The requested resource does not exist, or cannot be accessed."
    with_command = next(text for text in printed.values() if "no such image" in text)
    assert re.search(r"Status +(?:starting|running|pending)", with_command)
    assert "Error code: not_found" in with_command
    clock = next(text for text in printed.values() if "still held" in text)
    assert "image_managed_by_catalog" in clock
    assert (home / "kunsthalle-first" / "kunsthalle-data" / "kunsthalle.sqlite").exists()


def test_a_block_that_hangs_fails_and_what_it_began_is_stopped(tmp_path: Path) -> None:
    variables = environment(tmp_path / "home", {})
    with Shell(tmp_path, variables) as shell:
        assert shell.paste(Block("sh", "sleep 600 & echo $! > pid\ncat\n"), deadline=20) == ""
        with pytest.raises(Failed, match=r"block 2 did not end within 0\.5 seconds:\nbegun\n"):
            shell.paste(Block("sh", "echo begun\nwait\n"), deadline=0.5)
    process = Path("/proc", (tmp_path / "pid").read_text().strip(), "cmdline")
    assert not process.exists() or process.read_bytes() == b"", "it runs no more; nobody need have asked how it ended"


def test_a_block_that_fails_ends_the_reading(tmp_path: Path) -> None:
    with Shell(tmp_path, environment(tmp_path / "home", {})) as shell:
        shell.paste(Block("sh", "WORD=kept\n"), deadline=20)
        assert shell.paste(Block("sh", "echo $WORD\n"), deadline=20) == "kept\n"
        with pytest.raises(Failed, match=r"a command of block 3 failed:\nfirst\n"):
            shell.paste(Block("sh", "sleep 600 &\necho first\nfalse\necho second\n"), deadline=20)


def test_the_readme_is_for_five_minutes() -> None:
    """Two sentences on what it is, a picture, and nothing that is not there."""
    text = README.read_text()
    first = text.split("\n\n")[1]
    assert len(re.findall(r"\.(?: |$)", first)) == 2
    assert "pip install kunsthalle" not in text, "it is not published"
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    assert [one for one in targets if not urlsplit(one).scheme and not (ROOT / one).exists()] == []
    code = next(block for block in blocks(README) if block.language == "python").text
    lines = [line for line in code.splitlines() if line.strip() and not line.startswith(("#", "import", "from"))]
    assert len(lines) <= 38


def test_the_picture_is_readable_in_light_and_dark() -> None:
    """Its colours are classes, and each has a second value for dark pages; no text is without a description."""
    (name,) = re.findall(r"!\[[^\]]+\]\((\S+\.svg)\)", README.read_text())
    picture = ET.fromstring((ROOT / name).read_text())  # noqa: S314  our own file
    space = "{http://www.w3.org/2000/svg}"
    assert picture.find(f"{space}title") is not None
    assert picture.find(f"{space}desc") is not None
    light, _, dark = str(picture.findtext(f"{space}style")).partition("@media (prefers-color-scheme: dark)")
    assert dark
    styles = [set(re.findall(r"\.(\w+)[^{}]*\{[^}]*(?:fill|stroke): #", part)) for part in (light, dark)]
    assert styles[0] - {"code"} == styles[1]
    assert not [one for one in picture.iter() if one.get("fill", "none") != "none" or one.get("stroke")]


def test_the_container_is_made_of_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files that it copies and installs, and the options and variables that it gives the server."""
    text = (ROOT / "Containerfile").read_text()
    copied = [word for line in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for word in line.split()]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []
    assert {f"requirements/{name}" for name in re.findall(r"-r /source/requirements/(\S+)", text)} <= set(copied)
    for line in re.findall(r"^ENV (.+)$", text, re.MULTILINE):
        for name, value in (pair.split("=") for pair in line.split()):
            monkeypatch.setenv(name, value)
    (command,) = re.findall(r"^CMD (.+)$", text, re.MULTILINE)
    verb, *words = json.loads(command)
    options = setting_options.given(cli.commands[verb].make_context(verb, words))
    settings = setting_options.load(os.devnull, options).checked()
    assert settings.allow_seeded_keys is True
    shown = (settings.host, str(settings.data), settings.scenario)
    assert shown == ("0.0.0.0", "/data", "enterprise")  # noqa: S104  in a container
