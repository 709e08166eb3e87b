"""A cloud for each test, its worker running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.worlds import World
from unit.instances.cloud import Cloud


@pytest.fixture
def still(world: World, tmp_path: Path) -> Cloud:
    """A cloud whose jobs wait."""
    return Cloud(world, tmp_path)


@pytest.fixture
def cloud(still: Cloud) -> Iterator[Cloud]:
    still.worker.start()
    yield still
    still.worker.stop()
