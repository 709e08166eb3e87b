"""Whatever a server says, no terminal obeys it: in tables, in JSON, in failures, in traces, of both command lines."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from kunsthalle.cli import common
from kunsthalle.ibmcloud.terminal import Terminal
from kunsthalle.local.display import escape, escape_all_but_colours, to_json
from unit.ibmcloud.canned import canned
from unit.ibmcloud.command_shell import Screen, ibmcloud

EVIL = "a\x1b[2Jb\x9b31mc\x85d\x7fe\u202ef\u2066g\u2028h\x00i"


def _obeyed(text: str) -> set[str]:
    """Characters in it that a terminal would obey."""
    return {one for one in text if unicodedata.category(one) in {"Cc", "Cf", "Zl", "Zp"} and one not in "\n\t"}


def test_what_is_escaped_is_read_as_written() -> None:
    assert escape(EVIL) == "a\\x1b[2Jb\\x9b31mc\\x85d\\x7fe\\u202ef\\u2066g\\u2028h\\x00i"
    assert escape("naïve 名前 \U0001f5bc\tx\n") == "naïve 名前 \U0001f5bc\tx\n"
    assert escape_all_but_colours("\x1b[36;1mID\x1b[0m \x1b[2J\x9b0m") == "\x1b[36;1mID\x1b[0m \\x1b[2J\\x9b0m"


@pytest.mark.parametrize("document", [EVIL, [EVIL], {EVIL: EVIL}, {"名": "ïe"}, "\\\x9b", "\\u009b", '"\x9b"'])
def test_json_is_the_same_document_for_programs(document: Any) -> None:
    for written in (to_json(document, indent=4), common.as_json(document)):
        assert not _obeyed(written)
        assert json.loads(written) == document
    assert "名" in to_json({"名": 1}, indent=4)


@pytest.mark.parametrize("form", [(), ("--output", "json")])
def test_names_of_others_are_written_out(tmp_path: Path, form: tuple[str, ...]) -> None:
    keys = [{"id": "r006-1", "name": EVIL, "fingerprint": "SHA256:x", "type": "rsa", "length": 2048}]
    with canned(**{"/v1/keys": (200, {"keys": keys})}) as server:
        said = ibmcloud("is", "keys", *form, env=server.session(tmp_path))
    assert (said.code, _obeyed(said.out + said.err)) == (0, set())
    assert "9b" in said.out
    if form:
        assert json.loads(said.out)[0]["name"] == EVIL


def test_so_are_failures_and_whatever_else_is_said() -> None:
    out, err = Screen(), Screen()
    terminal = Terminal(Screen("y\n"), out, err)
    terminal.say(EVIL)
    terminal.lines([EVIL])
    terminal.warn(EVIL)
    terminal.failed(EVIL)
    assert terminal.confirm(EVIL)
    assert not _obeyed(out.getvalue() + err.getvalue())


def test_a_trace_on_the_terminal_is_written_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with canned(**{"/v1/keys": (200, ('{"keys": [], "x": "' + "\x9b31m\u202e" + '"}').encode())}) as server:
        ibmcloud("is", "keys", env={**server.session(tmp_path), "IBMCLOUD_TRACE": "true"})
    traced = capsys.readouterr().err
    assert "\\x9b31m" in traced
    assert not _obeyed(traced)
