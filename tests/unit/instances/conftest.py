"""A cloud for each test, its worker running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.app import open_app
from fixtures.worlds import World
from unit.instances.cloud import Cloud
from unit.instances.crowd import Crowd


@pytest.fixture
def still(world: World, tmp_path: Path) -> Cloud:
    """A cloud whose jobs wait."""
    return Cloud(world, tmp_path)


@pytest.fixture
def cloud(still: Cloud) -> Iterator[Cloud]:
    still.worker.start()
    yield still
    still.worker.stop()


@pytest.fixture
def crowd(tmp_path: Path) -> Iterator[Crowd]:
    """A whole server with a template, for stories of instance groups."""
    app = open_app(tmp_path / "data")
    yield Crowd(app)
    app.close()
