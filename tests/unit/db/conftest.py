"""Both engines in each run: what all other packages stand on."""

from __future__ import annotations

import pytest

from fixtures.databases import ENGINES, url_of_engine


@pytest.fixture(params=ENGINES)
def database_url(request: pytest.FixtureRequest) -> str:
    """A database with the schema, once on each engine."""
    return url_of_engine(request)
