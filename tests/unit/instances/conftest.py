"""The API in this process, on a store of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.app import open_app
from fixtures.worlds import World
from unit.instances.api_in_process import Api
from unit.instances.group_caller import Caller


@pytest.fixture
def idle(world: World, tmp_path: Path) -> Api:
    """The API in this process; its jobs wait until they are asked for."""
    return Api(world, tmp_path)


@pytest.fixture
def api(idle: Api) -> Iterator[Api]:
    idle.worker.start()
    yield idle
    idle.worker.stop()


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    """Calls of an account of a whole application, for stories of instance groups."""
    app = open_app(tmp_path / "data")
    yield Caller(app)
    app.close()
