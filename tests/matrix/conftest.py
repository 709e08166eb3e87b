"""One frozen world for the whole matrix."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from world import World, make


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = make(tmp_path_factory.mktemp("matrix") / "data")
    yield made
    made.loop.close()
