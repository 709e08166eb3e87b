"""The server is killed while the data keys of many volumes are wrapped anew; by night more often."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.clients import Account, eventually
from fixtures.forked_served import ForkedServed
from fixtures.served_vault import Vault
from fixtures.walks import share
from kunsthalle.testing import Served

KILLS = share(2, 30)
VOLUMES = 120
"""More than are rewrapped in one transaction."""
LONGEST = 0.2


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated", "--clock", "manual") as server:
        yield server


@pytest.mark.by_turns(3)
def test_every_data_key_opens_however_often_the_server_dies(served: Served, walk_seed: int) -> None:
    account = Account(served, "publisher")
    vault, chance = Vault(account), random.Random(walk_seed)
    key = vault.key("rotated")
    wish = {"profile": {"name": "general-purpose"}, "zone": {"name": "us-south-1"}, "capacity": 10}
    for _ in range(VOLUMES):
        account.vpc.create_volume({**wish, "encryption_key": {"crn": key["crn"]}})
    for _ in range(KILLS):
        served.advance("2h")  # a key is rotated once an hour
        vault = Vault(Account(served, "publisher"), vault.instance)
        vault.ask("rotate_key", id=key["id"])
        time.sleep(chance.uniform(0, LONGEST))
        served.kill()
        served.start()
        vault = Vault(Account(served, "publisher"), vault.instance)
        newest = vault.ask("get_key", id=key["id"])["resources"][0]["keyVersion"]["id"]
        eventually(lambda v=vault, n=newest: set(v.versions(key)) == {n}, "the rewrapping of every data key")
        assert len(vault.versions(key)) == VOLUMES
        assert served.operate("POST", "/_kunsthalle/doctor", {})["findings"] == []
