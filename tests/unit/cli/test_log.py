"""The log of an internal error: where it happened, and nothing of what was in hand."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from kunsthalle.cli.serve import Refusal, log_level, log_to_stderr
from kunsthalle.core.log import get_logger


@pytest.fixture(autouse=True)
def _default_log() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def _authenticate(apikey: str) -> None:
    raise ValueError(f"a key of {len(apikey)} characters")


def test_an_error_is_logged_with_its_frames_and_without_their_variables(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("info")
    try:
        _authenticate("a-secret-api-key")
    except ValueError:
        get_logger("http").exception("internal error")
    told = capsys.readouterr().err
    entry = json.loads(told)["exception"][0]
    assert [frame["name"] for frame in entry["frames"]][-1] == "_authenticate"
    assert entry["exc_value"] == "a key of 16 characters"
    assert "a-secret-api-key" not in told


def test_an_unknown_level_is_refused_by_name() -> None:
    assert [log_level(name) for name in ("debug", "info", "Warning", "ERROR")] == [10, 20, 30, 40]
    for name in ("loud", "basicConfig", ""):
        with pytest.raises(
            Refusal, match=f"Invalid log level '{name}': one of debug, info, warning, error is allowed."
        ):
            log_level(name)
