"""A cloud with a catalog in it, its worker running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.worlds import World
from unit.catalogs.shop import Shop
from unit.instances.cloud import Cloud


@pytest.fixture
def cloud(world: World, tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(world, tmp_path)
    made.worker.start()
    yield made
    made.worker.stop()


@pytest.fixture
def shop(cloud: Cloud) -> Shop:
    return Shop(cloud)
