"""What a server adds: whose images are, what manages them, and which versions are on their way out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from kunsthalle.cli.main import cli
from kunsthalle.testing import World, WorldServer
from kunsthalle.testing.persona import Persona
from unit.automation_checks.documents import Change, crn, plan, state

pytestmark = pytest.mark.by_turns(3)

RUNNING = """
description: An instance of another account's version, whose image has a name that the account uses, too.
images:
  - {name: golden, account: publisher}
  - {name: golden, account: consumer-a}
  - {name: free, account: publisher}
catalogs:
  - label: golden images
    account: publisher
    offerings:
      - name: golden
        versions: [{version: 1.0.0, image: golden}]
        shares: [{account: consumer-a}]
instances:
  - {name: web, account: consumer-a, version: golden images/golden/1.0.0}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[WorldServer]:
    with WorldServer() as running:
        yield running


@pytest.fixture
def store(server: WorldServer) -> Iterator[World]:
    """A clean world."""
    with server.world() as made:
        yield made


@pytest.fixture
def running(store: World, tmp_path: Path) -> World:
    """A world with an instance of another account's version."""
    path = tmp_path / "running.yaml"
    path.write_text(RUNNING)
    store.apply(str(path))
    return store


def _check(folder: Path, text: str, *arguments: str, env: dict[str, str] | None = None) -> dict[str, Any]:
    path = folder / "given"
    path.write_text(text)
    done = CliRunner().invoke(cli, ["check", str(path), "--format", "json", *arguments], env=env)
    assert done.exit_code in {0, 1}, done.output
    return dict(json.loads(done.stdout))


def _found(report: dict[str, Any]) -> list[str]:
    return [one["rule"] for one in report["findings"]]


def _with_and_without(
    store: World, folder: Path, text: str, account: str = "consumer-a"
) -> tuple[list[str], list[str]]:
    """The rules that are found with the server, and by the file alone."""
    known = ("--data", str(store.data), "--account", account)
    asked = _check(folder, text, *known)
    assert asked["server"] == store.url
    alone = _check(folder, text, *known, "--offline")
    assert alone["server"] is None
    return _found(asked), _found(alone)


def _instances(persona: Persona) -> Any:
    return persona.vpc.list_instances().get_result()


def _image(persona: Persona, name: str) -> str:
    return str(persona.vpc.list_images(name=name).get_result()["images"][0]["id"])


@pytest.mark.parametrize(
    ("scenario", "rule"),
    [
        ("deprecated-with-successor", "deprecated-image"),
        ("archived-while-instances-run", "obsolete-image"),
    ],
)
def test_the_state_of_the_version_that_an_instance_runs(store: World, tmp_path: Path, scenario: str, rule: str) -> None:
    store.apply(scenario)
    found, alone = _with_and_without(store, tmp_path, json.dumps(_instances(store.consumer_a)))
    assert rule in found
    assert rule not in alone


def test_a_catalog_that_was_deleted(running: World, tmp_path: Path) -> None:
    text = json.dumps(_instances(running.consumer_a))
    catalog = _version_of(running.consumer_a).split(":")[7]
    client = running.publisher.catalog_management
    client.send(client.prepare_request(method="DELETE", url=f"/catalogs/{catalog}"))
    report = _check(tmp_path, text, "--data", str(running.data))
    [told] = [one["message"] for one in report["findings"] if one["rule"] == "gone-version"]
    assert "whose catalog is deleted. The deletion becomes final at 20" in told


def test_a_version_that_is_in_use_is_no_finding(running: World, tmp_path: Path) -> None:
    found, alone = _with_and_without(running, tmp_path, json.dumps(_instances(running.consumer_a)))
    assert found == alone == ["masked-image"]


def test_a_version_that_was_deleted(running: World, tmp_path: Path) -> None:
    text = json.dumps(_instances(running.consumer_a))
    locator = _version_of(running.consumer_a).replace(":version:", ":").split(":")
    path = f"/versions/{locator[7]}.{locator[8].split('/')[1]}"
    client = running.publisher.catalog_management
    for method, end in (("POST", "/suspend"), ("DELETE", "")):
        client.send(client.prepare_request(method=method, url=path + end))
    assert "gone-version" in _with_and_without(running, tmp_path, text)[0]


def _version_of(persona: Persona) -> str:
    return str(_instances(persona)["instances"][0]["catalog_offering"]["version"]["crn"])


def test_a_version_that_is_not_shared_with_the_account(running: World, tmp_path: Path) -> None:
    version = _version_of(running.consumer_a)
    template = plan(
        ibm_is_instance_template__web=Change("create", after={"catalog_offering": [{"version_crn": version}]})
    )
    found, alone = _with_and_without(running, tmp_path, template, "consumer-b")
    assert (found, alone) == (["unshared-version"], [])
    assert _with_and_without(running, tmp_path, template, "consumer-a") == ([], [])
    assert _with_and_without(running, tmp_path, template, "publisher") == ([], [])


def test_an_image_of_another_account_by_its_id(running: World, tmp_path: Path) -> None:
    foreign, own = (_image(one, "golden") for one in (running.publisher, running.consumer_a))
    text = state(
        ibm_is_instance_template__web={
            "crn": crn("instance-template", "t", running.consumer_a.account_id),
            "image": foreign,
        }
    )
    assert _with_and_without(running, tmp_path, text) == (["foreign-image"], [])
    assert _with_and_without(running, tmp_path, text.replace(foreign, own)) == ([], [])


def test_a_name_that_two_accounts_use(running: World, tmp_path: Path) -> None:
    [instance] = _instances(running.consumer_a)["instances"]
    web = {
        "crn": instance["crn"],
        "image": instance["image"]["id"],
        "catalog_offering": [{"version_crn": instance["catalog_offering"]["version"]["crn"]}],
    }
    image = {"name": "golden", "id": _image(running.consumer_a, "golden"), "visibility": "private"}
    text = state(ibm_is_instance__web=web, data__ibm_is_image__golden=image)
    found, alone = _with_and_without(running, tmp_path, text)
    assert (found, alone) == (["masked-image", "ambiguous-image-name"], ["masked-image"])


def test_the_deletion_of_a_managed_image(running: World, tmp_path: Path) -> None:
    def deletion(name: str) -> str:
        image = {"id": _image(running.publisher, name)}
        return plan(ibm_is_image__golden=Change("delete", before=image))

    assert _with_and_without(running, tmp_path, deletion("golden"), "publisher") == (["managed-image-delete"], [])
    assert _with_and_without(running, tmp_path, deletion("free"), "publisher") == ([], [])


def test_images_of_another_server_are_unknown_and_no_finding(running: World, tmp_path: Path) -> None:
    text = state(ibm_is_instance_template__web={"crn": crn("instance-template", "t"), "image": "r006-elsewhere"})
    assert _with_and_without(running, tmp_path, text) == ([], [])


def test_a_server_at_an_address_is_asked_with_the_keys_of_the_environment(
    running: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUNSTHALLE_DATA", raising=False)
    foreign = _image(running.publisher, "golden")
    text = state(
        ibm_is_instance_template__web={
            "crn": crn("instance-template", "t", running.consumer_a.account_id),
            "image": foreign,
        }
    )
    operator = {"KUNSTHALLE_OPERATOR_TOKEN": running.operator_token}
    report = _check(tmp_path, text, "--url", running.url, env=operator)
    assert (report["server"], _found(report)) == (running.url, ["foreign-image"])
    report = _check(tmp_path, text, env={**operator, "KUNSTHALLE_URL": running.url})
    assert (report["server"], _found(report)) == (running.url, ["foreign-image"])
    key = {"IBMCLOUD_API_KEY": running.publisher.api_key}
    report = _check(tmp_path, json.dumps(_instances(running.consumer_a)), "--url", running.url, env=key)
    assert _found(report) == ["masked-image"]


def test_a_key_that_is_refused_is_told(running: World, tmp_path: Path) -> None:
    path = tmp_path / "given"
    path.write_text(state())
    done = CliRunner().invoke(
        cli,
        ["check", str(path), "--url", running.url],
        env={"IBMCLOUD_API_KEY": "wrong", "KUNSTHALLE_OPERATOR_TOKEN": ""},
    )
    assert (done.exit_code, done.stderr.startswith("Error: --url: ")) == (2, True), done.output


def test_a_check_changes_nothing(running: World, tmp_path: Path) -> None:
    text = json.dumps(_instances(running.consumer_a))
    asked = len(running.calls())
    _check(tmp_path, text, "--data", str(running.data))
    made = running.calls()[asked:]
    assert made
    assert {one["method"] for one in made if not one["path"].startswith("/identity/")} == {"GET"}
