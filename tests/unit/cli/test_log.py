"""The log of an internal error: where it happened, and nothing of what was in hand."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from kunsthalle.cli.log_format import set_up, tell
from kunsthalle.core.log import get_logger
from kunsthalle.settings import Settings


@pytest.fixture(autouse=True)
def _default_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def _authenticate(apikey: str) -> None:
    raise ValueError(f"a key of {len(apikey)} characters")


def test_an_error_is_logged_with_its_frames_and_without_their_variables(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("info")
    try:
        _authenticate("a-secret-api-key")
    except ValueError:
        get_logger("http").exception("internal error")
    told = capsys.readouterr().err
    entry = json.loads(told)["exception"][0]
    assert [frame["name"] for frame in entry["frames"]][-1] == "_authenticate"
    assert entry["exc_value"] == "a key of 16 characters"
    assert "a-secret-api-key" not in told


def test_a_program_that_embeds_the_server_and_sets_up_no_log_sees_no_variables(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """structlog's own default shows local variables where `rich` is installed, as it is for the tests."""
    assert not structlog.is_configured()
    try:
        _authenticate("ssenkcol-terces-a"[::-1])  # source lines are shown, variables are not
    except ValueError:
        structlog.get_logger("http").exception("internal error")
        assert "a-secret-lockness" in capsys.readouterr().out
        get_logger("http").exception("internal error")
    told = capsys.readouterr().out
    assert "a key of 17 characters" in told
    assert "_authenticate" in told
    assert "a-secret-lockness" not in told


def test_people_read_lines_in_which_no_name_is_a_command_of_their_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("info", text=True)
    get_logger("http").warning("slow write", of="image \x1b[2J\x9b31m of a stranger")
    try:
        _authenticate("ssenkcol-terces-a"[::-1])  # source lines are shown, variables are not
    except ValueError:
        get_logger("http").exception("internal error")
    told = capsys.readouterr().err
    assert "slow write" in told
    assert not set("\x1b\x9b") & set(told)
    assert "x1b[2J" in told
    assert "a key of 17 characters" in told
    assert "a-secret-lockness" not in told


class Pieces(io.StringIO):
    """A file that keeps what each write gave it: between two of them another thread's line would come."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[str] = []

    def write(self, text: str) -> int:
        self.written.append(text)
        return super().write(text)


WAYS: dict[str, Callable[[Settings], None]] = {
    "before what writes the log is loaded": lambda settings: tell(settings, "listening"),
    "by what writes the log": lambda _settings: get_logger("http").info("listening"),
}


@pytest.mark.parametrize("form", ["json", "text"])
@pytest.mark.parametrize("way", WAYS)
def test_a_line_is_written_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, way: str, form: str) -> None:
    pieces = Pieces()
    monkeypatch.setattr(sys, "stderr", pieces)
    settings = Settings(data=tmp_path, log_format=form)
    set_up("info", text=form == "text")
    WAYS[way](settings)
    (line,) = pieces.written
    assert "listening" in line
    assert line.endswith("\n")
