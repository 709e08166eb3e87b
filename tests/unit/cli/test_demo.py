"""The demo tells its story to the end, and says no when a step answers otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kunsthalle.cli import demo


def test_every_step_is_as_it_should_be(tmp_path: Path) -> None:
    told: list[str] = []
    steps: list[dict[str, Any]] = []
    assert demo.tell(tmp_path / "data", told.append, steps.append)
    text = "".join(told)
    assert f"{len(steps)} steps, all" in text
    assert all(one["ok"] for one in steps)
    assert {"chapter": "1. The publisher imports an image", "method": "POST", "status": 201}.items() <= steps[0].items()
    assert "steps, all with the expected answer" in text
    assert "✗" not in text


def test_a_step_that_answers_otherwise_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(demo, "_masked", lambda teller, _image, _server: teller.check(False, "the image is not masked"))
    assert not demo.tell(tmp_path / "data", told.append)
    assert "The demo stopped: the image is not masked" in "".join(told)
