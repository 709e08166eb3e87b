"""A served process that is attacked from outside, over its socket alone; each file of this folder is one attack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kunsthalle.testing import Served
from stories.api.clients import Account

SHORT = ("--header-timeout", "1", "--body-timeout", "1", "--write-timeout", "1", "--log", "error")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server of the file's own, with the `enterprise` scenario and simulated machines."""
    folder: Path = tmp_path_factory.mktemp("attacks") / "data"
    with Served(folder, "--hypervisor", "simulated") as server:
        yield server


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that waits for nobody longer than a second."""
    folder = tmp_path_factory.mktemp("hasty") / "data"
    with Served(folder, "--hypervisor", "simulated", *SHORT) as server:
        yield server


@pytest.fixture
def attacker(served: Served) -> Account:
    """A tenant with bad intentions: the account outside the enterprise."""
    return Account(served, "outsider")


@pytest.fixture
def victim(served: Served) -> Account:
    """A tenant that has done nothing."""
    return Account(served, "publisher")
