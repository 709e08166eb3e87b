"""Delete the catalog, seven days, delete the image: with one client of each SDK, whose tokens are kept meanwhile."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.clients import Account, Product
from fixtures.forked_served import ForkedServed
from kunsthalle.testing import Served
from stories.api.test_catalog import refused

CLIENTS = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["system", "manual"])
def served(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("across") / "data"
    with ForkedServed(folder, "--hypervisor", "simulated", "--clock", request.param) as server:
        yield server


def token_of(account: Account) -> str:
    """What the SDK keeps; it asks for another one only when this one is over by its own clock."""
    return str(account.authenticator.token_manager.access_token)


def published(account: Account, name: str) -> tuple[dict[str, Any], Product]:
    """An image, and the product in a catalog that holds it."""
    image = account.import_image(name, name.encode())
    return image, Product(account, image, name)


@pytest.mark.by_turns(2)
def test_with_the_python_sdk(served: Served, publisher: Account) -> None:
    image, product = published(publisher, "python")
    publisher.catalog.delete_catalog(product.catalog["id"])
    assert refused(publisher.vpc.delete_image, image["id"]).status_code == 409
    before = token_of(publisher)
    served.advance("7d")
    assert not publisher.vpc.get_image(image["id"]).get_result()["catalog_offering"]["managed"]
    assert publisher.controller.list_reclamations().get_result()["resources"] == []
    publisher.vpc.delete_image(image["id"])
    assert token_of(publisher) == before, "it has not signed in again"


def _talk(command: list[str], given: dict[str, Any], served: Served, **more: Any) -> dict[str, Any]:
    """Runs a program until it has deleted the catalog, moves the clock, and lets it go on; what it has seen."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen([*command, json.dumps(given)], **pipes, **more) as program:
        try:
            assert program.stdout is not None
            line = program.stdout.readline()
            if line == "deleted\n":
                served.advance("7d")
            told, error = program.communicate("\n", timeout=120)
        finally:
            program.kill()
    assert (line, program.returncode) == ("deleted\n", 0), error
    return dict(json.loads(told))


def _given(account: Account, name: str) -> dict[str, Any]:
    image, product = published(account, name)
    return {
        "url": account.url,
        "vpc": account.env["IBMCLOUD_IS_NG_API_ENDPOINT"],
        "catalog": account.env["IBMCLOUD_CATALOG_MANAGEMENT_API_ENDPOINT"],
        "key": account.env["IBMCLOUD_API_KEY"],
        "catalogId": product.catalog["id"],
        "image": image["id"],
    }


SEEN = {"held": 409, "free": True, "records": 0, "gone": 202, "same": True}


@pytest.mark.by_turns(2)
@pytest.mark.needs_node
def test_with_the_node_sdk(served: Served, publisher: Account) -> None:
    node = shutil.which("node")
    assert node is not None
    program = [node, str(CLIENTS / "node" / "across_time.mjs")]
    assert _talk(program, _given(publisher, "node"), served) == SEEN


@pytest.mark.needs_go
def test_with_the_go_sdks(served: Served, publisher: Account, go_programs: Path) -> None:
    assert _talk([str(go_programs / "across_time")], _given(publisher, "go"), served) == SEEN


def test_expired_tokens_are_what_automation_can_be_tried_with(served: Served, publisher: Account) -> None:
    publisher.vpc.list_images()
    served.operate("POST", "/_kunsthalle/faults", {"on": "tokens", "effect": "expire"})
    assert refused(publisher.vpc.list_images).status_code == 401
    publisher.authenticator.token_manager.expire_time = 0  # as automation that signs in again
    publisher.vpc.list_images()
