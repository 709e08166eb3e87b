"""Data that an older release wrote with its own code is this release's after an upgrade, and both work side by side."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fixtures.clients import Account, Product
from fixtures.databases import ENGINES
from fixtures.nodes import Node, free_port
from fixtures.postgres import Cluster
from fixtures.releases import RELEASES, OlderServed
from fixtures.s3 import S3Server
from kunsthalle.db.prepare import HEAD
from kunsthalle.testing import Served
from kunsthalle.testing.served import DidNotStart

PATIENCE = 120


def kunsthalle(*words: str) -> tuple[int, str]:
    """Exit code and output of a verb, without a terminal."""
    command = [sys.executable, "-m", "kunsthalle.cli.main", *words]
    ran = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE, check=False, env=os.environ
    )
    return ran.returncode, ran.stdout + ran.stderr


def furnish(served: Served) -> tuple[Product, dict[str, Any]]:
    """A published image on a consumer's server."""
    publisher, consumer = Account(served, "publisher"), Account(served, "consumer-a")
    product = Product(publisher, publisher.import_image("golden", b"golden"))
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)
    return product, consumer.boot("borrowed", **offer(product))


def offer(product: Product) -> dict[str, Any]:
    return {"catalog_offering": {"version": {"crn": product.version["crn"]}}}


def seen(served: Served, server: dict[str, Any]) -> dict[str, Any]:
    """What both accounts see of it, without addresses."""
    publisher, consumer = Account(served, "publisher"), Account(served, "consumer-a")
    image = publisher.vpc.list_images(name="golden").get_result()["images"][0]
    shown = consumer.vpc.get_instance(server["id"]).get_result()
    keys = publisher.identity.list_api_keys(account_id=publisher.id, iam_id=publisher.iam_id).get_result()["apikeys"]
    return {
        "image": {name: image[name] for name in ("id", "crn", "status", "file", "created_at")},
        "system": image["operating_system"]["name"],
        "server": {name: shown[name] for name in ("id", "crn", "status", "created_at", "name")},
        "reference": shown["image"]["crn"],
        "keys": [key["id"] for key in keys],
    }


def doctor(served: Served) -> Any:
    return served.operate("GET", "/_kunsthalle/doctor")["findings"]


@pytest.mark.by_turns(6)
@pytest.mark.parametrize("schema", RELEASES)
@pytest.mark.parametrize("engine", ENGINES)
def test_what_an_older_release_wrote_is_upgraded(
    request: pytest.FixtureRequest, engine: str, schema: str, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    place: tuple[str, ...] = ()
    if engine == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        place = ("--database", cluster.url(cluster.create()))
    with OlderServed(schema, data, *place) as older:
        product, server = furnish(older)
        before = seen(older, server)

    with pytest.raises(DidNotStart, match=f"is at schema {schema}, this release needs {HEAD}; make a backup"):
        Served(data, "--schema-upgrade", "never", *place).start()
    here = ("migrate", "--data", str(data), *place)
    code, text = kunsthalle(*here, "--dry-run", "--sql")
    assert (code, f"is at schema {schema}; this release has {HEAD}" in text) == (0, True), text
    assert re.findall(r"^  (\d{4})  ", text, re.MULTILINE) == [
        f"{number:04}" for number in range(int(schema) + 1, int(HEAD) + 1)
    ]
    assert "CREATE TABLE protected_keys" in text
    assert "no way back" in text
    code, text = kunsthalle(*here)
    assert (code != 0, "Nothing was changed. Make a backup, then give --yes." in text) == (True, True), text
    assert f"is at schema {schema};" in kunsthalle(*here, "--dry-run")[1], "trying it out and refusing change nothing"
    assert kunsthalle(*here, "--yes") == (0, f"The database was at schema {schema} and is at {HEAD} now.\n")
    assert "There is nothing to do" in kunsthalle(*here, "--yes")[1]

    with Served(data, "--hypervisor", "simulated", *place, patience=PATIENCE) as served:
        assert seen(served, server) == before
        another = Account(served, "consumer-a").boot("another", **offer(product))
        assert another["image"]["crn"] == before["image"]["crn"]
        assert doctor(served) == []
        code, text = kunsthalle(*here, "--dry-run") if not place else (2, "a server works on this folder")
        assert (code != 0, "a server works on this folder" in text) == (True, True)
    with pytest.raises(DidNotStart, match="A later release has worked on this data"):
        OlderServed(schema, data, *place).start()


@pytest.mark.by_turns(6)
@pytest.mark.needs_postgres
@pytest.mark.parametrize("schema", RELEASES)
def test_old_and_new_nodes_work_side_by_side(cluster: Cluster, s3: S3Server, schema: str, tmp_path: Path) -> None:
    """The new one migrates the database while the old one serves; then each goes on with what the other has made."""
    place = ("--database", cluster.url(cluster.create()), "--blobs", s3.address(s3.bucket()))
    with OlderServed(schema, tmp_path / "old", *place) as old:
        product, server = furnish(old)
        before = seen(old, server)
        shared = ("--shared-folder", str(tmp_path / "old"), "--hypervisor", "simulated")
        with Node(tmp_path / "new" / "data", free_port(), *place, *shared) as new:
            assert f'"from_schema": "{schema}"' in new.log.read_text(), "it says what it does"
            assert seen(new, server) == before == seen(old, server)
            for here, there, name in ((old, new, "old"), (new, old, "new")):
                image = Account(here, "publisher").import_image(f"of-{name}", name.encode())
                booted = Account(there, "publisher").boot(f"of-{name}", image={"id": image["id"]})
                assert Account(here, "publisher").vpc.get_instance(booted["id"]).get_result()["status"] == "running"
                borrowed = Account(here, "consumer-a").boot(f"borrowed-{name}", **offer(product))
                assert seen(there, borrowed)["reference"] == before["image"]["crn"]
            assert old.ended is None
            assert doctor(new) == []
