"""The server is killed while everything secret is encrypted with a new master key: while it serves, and before it does.

Each time some secrets are under the new key and some under an older one. The next start ends it before it serves: the
doctor counts none under an older key, every secret opens, and the older keys can go. By night it is killed more often.
"""

from __future__ import annotations

import base64
import contextlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from attacks.people import send, token
from fixtures.app import open_app
from fixtures.backups import system
from fixtures.databases import ENGINES
from fixtures.forked_served import SIMULATED
from fixtures.postgres import Cluster
from fixtures.tools import ROOT
from fixtures.vault import Vault, key_body
from fixtures.walks import share
from kunsthalle.db.encryption import Cipher
from kunsthalle.db.engine import Store
from kunsthalle.db.reencryption import census
from kunsthalle.local import master_keys
from kunsthalle.operator.master_key_rotation import secret_places
from kunsthalle.testing import Served
from kunsthalle.testing.served import DidNotStart

KILLS = share(1, 12)
KEYS = 150
"""Enough for a kill in the middle: each is a transaction of its own."""
PLAINTEXT = base64.b64encode(b"what the root key wraps").decode()


class SmallSlices(Served):
    """A process that encrypts anew one row after another."""

    _program = (*Served._program[:1], "-m", "crash.small_slices")

    def environment(self) -> dict[str, str]:
        return {**super().environment(), "PYTHONPATH": str(ROOT / "tests")}


class Installation:
    """Many root keys, one of which has wrapped something; a server on them, and the secrets as another process counts
    them.
    """

    def __init__(self, folder: Path, database: str) -> None:
        place = ("--database", database) if database else ()
        app = open_app(folder / "data", database=database)
        try:
            vault = Vault(app)
            for number in range(KEYS):
                vault.ask("POST", "keys", key_body(f"key-{number}"))
            self.key = vault.key("wraps")["id"]
            self._wrapped = vault.ask("POST", f"keys/{self.key}/actions/wrap", {"plaintext": PLAINTEXT})["ciphertext"]
            self._api_key, self._instance = app.keys["owner"], vault.instance
            self.key_file, self._url = app.server.settings.master_key_path, app.server.settings.database_url
        finally:
            app.close()
        self.served = SmallSlices(folder / "data", *SIMULATED, *place, scenario="", patience=180)

    def counts(self) -> Counter[str]:
        """How many secrets there are under each master key."""
        with closing(Store(self._url, Cipher(None), reading=True)) as store:
            return census(partial(store.read, system()), secret_places())

    def kill_in_the_middle(self, old: str) -> None:
        """As soon as one secret is under another key than the older one."""
        with closing(Store(self._url, Cipher(None), reading=True)) as store:
            read = partial(store.read, system())
            while set(census(read, secret_places())) <= {old}:
                assert self.served.ended is None, self.served.log.read_text()
            self.served.kill()
        left = self.counts()
        assert len(left) == 2, "it was killed in the middle"
        assert left[old] > 0

    def opens(self) -> bool:
        """Whether the wrapped text is what it was."""
        bearer = token(self.served.url, self._api_key).json["access_token"]
        headers = {"Authorization": f"Bearer {bearer}", "bluemix-instance": self._instance}
        path = f"/api/v2/keys/{self.key}/actions/unwrap"
        answer = send(self.served.url, "POST", path, {"ciphertext": self._wrapped}, **headers)
        return bool(answer.json["plaintext"] == PLAINTEXT)


@pytest.fixture(params=ENGINES)
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    database = ""
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        database = cluster.url(cluster.create())
    made = Installation(tmp_path, database)
    yield made
    made.served.kill()


def rotate(installation: Installation) -> None:
    """While it serves: it answers at once, and a job does the work."""
    installation.served.start()
    installation.served.operate("POST", "/_kunsthalle/signing_keys/rotate")


def start_with_a_newer_key(installation: Installation) -> None:
    """Before it serves: the start does the work."""
    master_keys.add(installation.key_file)

    def start() -> None:
        with contextlib.suppress(DidNotStart):  # it is killed
            installation.served.start()

    threading.Thread(target=start).start()
    while not _begun(installation.served):
        pass


def _begun(served: Served) -> bool:
    with contextlib.suppress(DidNotStart):
        return served.pid > 0
    return False


@pytest.mark.by_turns(4)
@pytest.mark.parametrize("begin", [rotate, start_with_a_newer_key])
def test_killed_in_the_middle_the_next_start_ends_it(
    installation: Installation, begin: Callable[[Installation], None]
) -> None:
    for _ in range(KILLS):
        ((old, total),) = installation.counts().items()
        begin(installation)
        installation.kill_in_the_middle(old)
        with installation.served as served:
            (new,) = installation.counts()
            assert new != old
            report = served.operate("GET", "/_kunsthalle/doctor")
            assert (report["findings"], report["examined"]["secrets"]) == ([], installation.counts()[new])
            assert installation.counts()[new] >= total, "none was lost"
            assert installation.opens()
    lines = installation.key_file.read_text().splitlines()
    installation.key_file.write_text(lines[-1] + os.linesep)
    with installation.served:
        assert installation.opens(), "the older keys can go"
