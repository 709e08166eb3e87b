"""A served process for the stories of a file, and the accounts of its scenario."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kunsthalle.testing import Served
from stories.api.clients import Account


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("wire") / "data"
    with Served(folder, "--hypervisor", "simulated") as server:
        yield server


@pytest.fixture
def publisher(served: Served) -> Account:
    return Account(served, "publisher")


@pytest.fixture
def consumer(served: Served) -> Account:
    return Account(served, "consumer-a")


@pytest.fixture
def sibling(served: Served) -> Account:
    return Account(served, "consumer-b")


@pytest.fixture
def outsider(served: Served) -> Account:
    return Account(served, "outsider")
