"""A server for each test of images."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.hall import Hall, opened


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    made = opened(tmp_path / "data")
    yield made
    made.close()
