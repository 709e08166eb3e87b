"""The server is killed while encrypted images are imported; by night more often."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.clients import Account, eventually
from fixtures.forked_served import ForkedServed
from fixtures.served_vault import Vault
from fixtures.vault import SYSTEM, encrypted_with
from fixtures.walks import share
from hostile_images.builders_luks import luks_qcow2
from kunsthalle.testing import Served

KILLS = share(2, 40)
LONGEST = 0.3


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated") as server:
        yield server


@pytest.mark.by_turns(3)
def test_every_encrypted_image_arrives_and_keeps_its_key(served: Served, walk_seed: int) -> None:
    account = Account(served, "publisher")
    vault, chance = Vault(account), random.Random(walk_seed)
    key = vault.key("images")
    (served.bucket("publisher") / "secret.qcow2").write_bytes(luks_qcow2())
    file = {"href": "cos://us-south/images/secret.qcow2"}
    for number in range(KILLS):
        wish = {"name": f"secret-{number}", "file": file, "operating_system": SYSTEM}
        image = account.vpc.create_image({**wish, **encrypted_with(key, vault.wrap(key))}).get_result()
        time.sleep(chance.uniform(0, LONGEST))
        served.kill()
        served.start()
        account = Account(served, "publisher")
        vault = Vault(account, vault.instance)
        eventually(
            lambda a=account, i=image: a.vpc.get_image(i["id"]).get_result()["status"] == "available",
            "the end of the import",
        )
        assert len(vault.protected(key)) == number + 1
        assert image["crn"] in vault.protected(key)
        assert served.operate("POST", "/_kunsthalle/doctor", {})["findings"] == []
