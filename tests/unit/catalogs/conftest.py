"""The API in this process with a catalog in it, its worker running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.worlds import World
from unit.catalogs.shop import Shop
from unit.instances.api_in_process import Api


@pytest.fixture
def api(world: World, tmp_path: Path) -> Iterator[Api]:
    made = Api(world, tmp_path)
    made.worker.start()
    yield made
    made.worker.stop()


@pytest.fixture
def shop(api: Api) -> Shop:
    return Shop(api)
