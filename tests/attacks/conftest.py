"""A served process that is attacked from outside, over its socket alone; each file of this folder is one attack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fixtures.clients import Account
from fixtures.forked_served import ForkedServed
from kunsthalle.testing import Served

SHORT = ("--header-timeout", "1", "--body-timeout", "1", "--write-timeout", "1", "--log", "error")


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that waits for nobody longer than a second."""
    folder = tmp_path_factory.mktemp("hasty") / "data"
    with ForkedServed(folder, "--hypervisor", "simulated", *SHORT) as server:
        yield server


@pytest.fixture
def attacker(served: Served) -> Account:
    """A tenant with bad intentions: the account outside the enterprise."""
    return Account(served, "outsider")


@pytest.fixture
def victim(served: Served) -> Account:
    """A tenant that has done nothing."""
    return Account(served, "publisher")
