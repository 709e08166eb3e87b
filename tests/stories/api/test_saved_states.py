"""A saved state as one file: from a server on SQLite to one on PostgreSQL and S3, and back."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures import postgres
from fixtures.clients import Account, Product, eventually
from fixtures.forked_served import ForkedServed
from fixtures.s3 import ENVIRONMENT, S3Server
from kunsthalle.cli.main import cli
from kunsthalle.testing import Served

pytestmark = pytest.mark.by_turns(3)

MANUAL = ("--hypervisor", "simulated", "--clock", "manual")


def verb(served: Served, *words: str, code: int = 0) -> str:
    """What a verb says, and ends with."""
    done = CliRunner().invoke(cli, ["scenario", *words, "--data", str(served.data)])
    assert done.exit_code == code, done.output
    assert "Traceback" not in done.output
    return done.output


def furnish(served: Served) -> None:
    """A published image that is shared with consumer-a, who runs it; a user; the clock a day later."""
    publisher, consumer = Account(served, "publisher"), Account(served, "consumer-a")
    image = publisher.import_image("golden", b"golden")
    product = Product(publisher, image)
    product.publish()
    product.share_with(consumer)
    product.accept_as(consumer)
    consumer.boot("borrowed", catalog_offering={"version": {"crn": product.version["crn"]}})
    served.advance("1d")


def world(served: Served) -> dict[str, Any]:
    """What a client of each account sees, ids and all."""
    found: dict[str, Any] = {"now": served.operate("GET", "/_kunsthalle/clock")["now"]}
    for name in ("publisher", "consumer-a"):
        vpc = Account(served, name).vpc
        images = vpc.list_images(visibility="private").get_result()["images"]
        instances = vpc.list_instances().get_result()["instances"]
        found[name] = {
            "images": sorted((one["id"], one["name"], one["status"]) for one in images),
            "instances": sorted((one["id"], one["name"], one["status"], one["image"]["id"]) for one in instances),
        }
    return found


def exported(served: Served, name: str) -> bytes:
    """The bytes of the publisher's image, which come from the blob store."""
    vpc = Account(served, "publisher").vpc
    image = vpc.list_images(name="golden").get_result()["images"][0]
    job = vpc.create_image_export_job(
        image_id=image["id"], storage_bucket={"name": "images"}, name=name, format="qcow2"
    ).get_result()
    served.advance("1s")

    def done() -> Any:
        found = vpc.get_image_export_job(image_id=image["id"], id=job["id"]).get_result()
        assert found["status"] in {"queued", "running", "succeeded"}, found["status_reasons"]
        return found if found["status"] == "succeeded" else None

    found = eventually(done, "an export")
    path: Path = served.bucket("publisher") / found["storage_object"]["name"]
    return path.read_bytes()


def healthy(served: Served) -> None:
    """Bytes, references, disks and jobs belong together. Disks name their base by its path, which is another one here;
    whatever uses a disk mends that.
    """
    done = CliRunner().invoke(cli, ["doctor", "--data", str(served.data), "--output", "json"])
    findings = json.loads(done.output)["findings"]
    assert {one["check"] for one in findings} <= {"wrong_backing"}, findings


@contextmanager
def elsewhere(folder: Path, cluster: postgres.Cluster, s3: S3Server) -> Iterator[Served]:
    """A server on PostgreSQL and S3, with accounts of its own."""
    database = cluster.url(cluster.create())
    before = dict(os.environ)
    os.environ |= ENVIRONMENT
    try:
        with ForkedServed(
            folder, *MANUAL, "--database", database, "--blobs", s3.address(s3.bucket(), ""), patience=120
        ) as served:
            yield served
    finally:
        os.environ.clear()
        os.environ.update(before)


@pytest.mark.by_turns(3)
@pytest.mark.needs_postgres
def test_a_state_moves_to_postgresql_and_s3_and_back(cluster: postgres.Cluster, s3: S3Server, tmp_path: Path) -> None:
    file, back = tmp_path / "shared.khs", tmp_path / "back.khs"
    with ExitStack() as stack:
        first = stack.enter_context(ForkedServed(tmp_path / "first", *MANUAL, patience=120))
        furnish(first)
        before, content = world(first), exported(first, "from-first")
        before["now"] = first.operate("GET", "/_kunsthalle/clock")["now"]
        verb(first, "save", "shared", "--file", str(file))
        first.stop()

        second = stack.enter_context(elsewhere(tmp_path / "second", cluster, s3))
        Account(second, "publisher").import_image("other", b"other")
        verb(second, "save", "own")
        own = world(second)
        assert "--without-secrets" in verb(second, "load", str(file), code=1)
        assert world(second) == own, "a state that is refused changes nothing"
        verb(second, "load", "shared", "--without-secrets")
        assert world(second) == before
        assert exported(second, "from-second") == content
        healthy(second)

        verb(second, "load", "own")
        assert world(second) == own
        verb(second, "load", "shared", "--without-secrets")
        verb(second, "save", "back", "--file", str(back))
        second.stop()
        second.start()
        assert world(second)["publisher"] == before["publisher"], "also after a restart"
        second.stop()

        third = stack.enter_context(ForkedServed(tmp_path / "third", *MANUAL, patience=120))
        verb(third, "load", str(back), "--without-secrets")
        assert {**world(third), "now": ""} == {**before, "now": ""}
        assert exported(third, "from-third") == content
        healthy(third)


def test_a_file_needs_a_name_that_is_free(tmp_path: Path) -> None:
    file = tmp_path / "state.khs"
    with ForkedServed(tmp_path / "data", *MANUAL, patience=120) as served:
        verb(served, "save", "mine", "--file", str(file))
        assert "--replace" in verb(served, "save", "other", "--file", str(file), code=2)
        assert "There is a scenario 'mine' already" in verb(served, "load", str(file), code=2)
        verb(served, "load", str(file), "--name", "copy")
        verb(served, "load", str(file), "--replace")
        assert "no saved scenario 'absent'" in verb(served, "pack", "absent", str(tmp_path / "x"), code=2)
        assert "there" not in verb(served, "pack", "copy", str(file), "--replace")
        file.write_bytes(file.read_bytes()[:1000])
        assert "cut off or damaged" in verb(served, "load", str(file), "--name", "broken", code=2)
        assert "No such file" in verb(served, "load", "./absent.khs", code=2)
        names = {one["name"] for one in json.loads(verb(served, "list", "--output", "json"))}
        assert names == {"mine", "copy"}
