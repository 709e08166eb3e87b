"""One frozen application for the whole matrix."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.realm import Realm, make
from matrix.rows import furnish


@pytest.fixture(scope="session")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    made = make(tmp_path_factory.mktemp("matrix") / "data", furnish)
    yield made
    made.loop.close()
