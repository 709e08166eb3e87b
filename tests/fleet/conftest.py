"""Only `./dev fleet` collects what is here: it needs the OpenStack that this verb starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.fleet import FOLDER, Fleet

collect_ignore_glob = [] if FOLDER else ["test_*.py"]


@pytest.fixture(scope="module")
def fleet() -> Iterator[Fleet]:
    """The lab, whose project is empty before and afterwards."""
    lab = Fleet(Path(FOLDER))
    lab.empty()
    yield lab
    lab.empty()
