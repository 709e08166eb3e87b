"""Scenario files: what ships is made, applied twice changes nothing, and what is wrong is told by its line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from ibm_cloud_sdk_core import ApiException

from kunsthalle.cli.main import cli
from kunsthalle.core.clock import SECOND, moment
from kunsthalle.scenario_files.scenario_reading import BadScenario, read, shipped
from kunsthalle.scenario_files.schemas import json_schema
from kunsthalle.testing import World, WorldServer
from kunsthalle.testing.persona import Persona

pytestmark = pytest.mark.by_turns(3)


@pytest.fixture(scope="module")
def server() -> Iterator[WorldServer]:
    with WorldServer() as running:
        yield running


@pytest.fixture
def store(server: WorldServer) -> Iterator[World]:
    """A clean world."""
    with server.world() as made:
        yield made


def _offered(persona: Persona) -> list[Any]:
    client = persona.catalog_management
    answer = client.send(client.prepare_request(method="GET", url="/offerings")).get_result()
    return list(answer["resources"])


def _pending_share(store: World) -> None:
    assert _offered(store.consumer_a) == []
    store.apply("share-pending")
    assert _offered(store.consumer_a) == []
    client = store.consumer_a.catalog_management
    path = "/shareapproval/offering/access/source/approved"
    client.send(
        client.prepare_request(method="POST", url=path, data=json.dumps([f"-acct-{store.publisher.account_id}"]))
    )
    assert [one["name"] for one in _offered(store.consumer_a)] == ["golden"]


def _same_name(store: World) -> None:
    ids = {persona.vpc.list_images(name="golden").get_result()["images"][0]["id"] for persona in _two(store)}
    assert len(ids) == 2


def _two(store: World) -> tuple[Persona, Persona]:
    return store.publisher, store.consumer_a


def _catalog_deleted(store: World) -> None:
    vpc = store.publisher.vpc
    image = vpc.list_images(name="golden").get_result()["images"][0]["id"]
    with pytest.raises(ApiException) as refused:
        vpc.delete_image(image)
    assert refused.value.status_code == 409
    store.clock.advance("1d")
    assert vpc.delete_image(image).get_status_code() == 202


def _deprecated(store: World) -> None:
    images = store.publisher.vpc.list_images(visibility="private").get_result()["images"]
    assert {one["name"]: one["status"] for one in images} == {"golden-1": "deprecated", "golden-2": "available"}
    versions = _offered(store.consumer_a)[0]["kinds"][0]["versions"]
    assert {one["version"] for one in versions} == {"1.0.0", "2.0.0"}
    assert _statuses(store) == {"web": "running"}


def _statuses(store: World) -> dict[str, str]:
    found = store.consumer_a.vpc.list_instances().get_result()["instances"]
    return {one["name"]: one["status"] for one in found}


def _archived(store: World) -> None:
    assert _statuses(store) == {"web": "running"}
    assert store.publisher.vpc.list_images(name="golden").get_result()["images"][0]["status"] == "obsolete"


def _authorization(store: World) -> None:
    counts = [len(_authorizations(persona)) for persona in (store.consumer_a, store.consumer_b)]
    assert counts == [1, 0]


def _authorizations(persona: Persona) -> list[Any]:
    found = persona.iam_policy_management.list_v2_policies(persona.account_id).get_result()["policies"]
    return [one for one in found if one["type"] == "authorization"]


def _vanished(store: World) -> None:
    left = store.publisher.vpc.list_images(visibility="private").get_result()["images"]
    assert [one["name"] for one in left] == ["golden-2"]
    assert _statuses(store) == {"web": "running"}
    reference = store.consumer_a.vpc.list_instances().get_result()["instances"][0]["image"]
    assert reference["name"] == "golden-1"


def _auditor(store: World) -> None:
    auditor = store.persona("auditor")
    assert auditor.account_id == store.publisher.account_id
    image = auditor.vpc.list_images(name="golden").get_result()["images"][0]["id"]
    with pytest.raises(ApiException) as refused:
        auditor.vpc.update_image(image, {"name": "mine"})
    assert refused.value.status_code == 403


def _publishers(store: World) -> None:
    assert [one["name"] for one in _offered(store.consumer_a)] == ["golden", "golden"]
    assert store.persona("second-publisher").account_id != store.publisher.account_id


def _faults(store: World) -> None:
    assert {one["name"] for one in store.faults.list()} == {"bad-day"}
    store.faults.clear()
    assert len(_offered(store.consumer_a)) == 1


def _fresh(store: World) -> None:
    assert store.publisher.vpc.list_images(visibility="private").get_result()["images"] == []


def _left(store: World) -> None:
    assert _statuses(store) == {"web": "running"}
    assert _offered(store.consumer_a) == []
    instance = store.consumer_a.vpc.list_instances().get_result()["instances"][0]
    assert instance["image"]["name"] == "golden"
    with pytest.raises(ApiException):
        store.persona("leaver").vpc.list_images()


def _fleet(store: World) -> None:
    vpc = store.consumer_a.vpc
    (group,) = vpc.list_instance_groups().get_result()["instance_groups"]
    assert (group["name"], group["membership_count"], group["instance_template"]["name"]) == ("fleet", 2, "web")
    assert set(_statuses(store).values()) == {"running"}
    assert len(_statuses(store)) == 2
    assert len(_offered(store.consumer_a)[0]["kinds"][0]["versions"]) == 2


def _tree(store: World) -> None:
    tree = store.persona("enterprise").enterprise_management
    enterprise = tree.list_enterprises().get_result()["resources"][0]
    groups = tree.list_account_groups(enterprise_id=enterprise["id"]).get_result()["resources"]
    crns = {one["name"]: one["crn"] for one in groups}
    parents = {one["name"]: one["parent"] for one in groups}
    accounts = tree.list_accounts(enterprise_id=enterprise["id"], limit=100).get_result()["resources"]
    parents |= {one["name"]: one["parent"] for one in accounts}
    assert parents["Europe"] == enterprise["crn"]
    assert parents["Germany"] == parents["paris"] == crns["Europe"]
    assert parents["berlin"] == crns["Germany"]


CHECKS: dict[str, Callable[[World], None]] = {
    "archived-while-instances-run": _archived,
    "authorization-missing": _authorization,
    "bad-day": _faults,
    "catalog-deleted": _catalog_deleted,
    "deprecated-with-successor": _deprecated,
    "fresh-enterprise": _fresh,
    "image-vanished": _vanished,
    "instance-group-of-a-catalog-image": _fleet,
    "owner-left-the-enterprise": _left,
    "read-only-auditor": _auditor,
    "same-name-twice": _same_name,
    "share-pending": _pending_share,
    "tree-of-account-groups": _tree,
    "two-publishers": _publishers,
}


def test_every_scenario_that_ships_is_checked() -> None:
    assert shipped().keys() == {*CHECKS, "ten-thousand-images"}


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", CHECKS)
def test_a_scenario_that_ships_is_as_it_says_and_applied_again_changes_nothing(store: World, name: str) -> None:
    if name != "share-pending":  # whose check applies it itself
        made = store.apply(name)
        assert bool(made) == (name != "fresh-enterprise")
    before = moment(store.clock.now)
    again = _verb(store, "apply", name)
    if name != "share-pending":
        assert again.output == "Nothing to do: everything is there.\n"
        assert moment(store.clock.now) - before < 3_600 * SECOND
    CHECKS[name](store)


def test_many_images_are_made_of_one_line(store: World, tmp_path: Path) -> None:
    text = shipped()["ten-thousand-images"].read_text()
    file = tmp_path / "many.yaml"
    file.write_text(text.replace("10000", "12"))
    assert len(store.apply(str(file))) == 12
    found = store.publisher.vpc.list_images(visibility="private").get_result()["images"]
    assert {one["name"] for one in found} == {f"image-{number}" for number in range(1, 13)}


def test_notes_go_with_a_saved_state(store: World) -> None:
    store.operate("POST", "/_kunsthalle/scenarios", {"name": "before"})
    assert store.apply("catalog-deleted")
    store.operate("POST", "/_kunsthalle/scenarios/before/load")
    assert store.apply("catalog-deleted")


def _verb(store: World, *words: str) -> Result:
    done = CliRunner().invoke(cli, ["scenario", *words, "--data", str(store.data)])
    assert done.exit_code == 0, done.output
    return done


GOOD = """description: what it is for
images:
  - {name: golden, account: publisher}
"""


@pytest.mark.by_turns(3)
@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("", 1, "the file is empty"),
        ("- one\n", 1, "the file: Expected `object`, got `array`. Allowed: description, account_groups, accounts"),
        ("images: []\n", 1, "missing required field `description`"),
        (GOOD + "imags: []\n", 4, "unknown field 'imags'. Similar names are: images. Allowed: description"),
        (GOOD + "  - name: x\n    account: publisher\n    sate: deleted\n", 6, "images[1]: unknown field 'sate'"),
        (
            GOOD + "  - name: x\n    account: publisher\n    state: gone\n",
            6,
            "images[1].state: Invalid enum value 'gone'. Allowed: available, deprecated, obsolete, deleted.",
        ),
        (GOOD + "  - name: x\n    account: publisher\n    size: big\n", 6, "images[1].size: Expected `int`, got `str`"),
        (GOOD + "  - name: x\n    account: publishr\n", 5, "images[1].account: unknown account 'publishr'."),
        (GOOD + "  - {name: golden, account: publisher}\n", 4, "images[1]: 'golden of publisher' is there twice."),
        (GOOD + "  - name: y\n    account: publisher\n    file: no.qcow2\n", 6, "there is no file 'no.qcow2' beside"),
        (GOOD + "instances:\n  - {name: web, account: publisher}\n", 5, "instances[0]: give either image or version."),
        (
            GOOD + "instances:\n  - name: web\n    account: consumer-a\n    image: golden\n",
            7,
            "instances[0].image: unknown image of consumer-a 'golden'. There is none.",
        ),
        (
            GOOD
            + "catalogs:\n  - label: c\n    account: publisher\n    offerings:\n      - name: o\n        versions:\n"
            "          - {version: 1.0.0, image: golden}\n          - version: 2.0.0\n            image: golden\n",
            12,
            "is in another version already",
        ),
        (
            GOOD + "templates:\n  - {name: web, account: publisher, image: golden}\n"
            "instance_groups:\n  - {name: fleet, account: publisher, template: wob}\n",
            7,
            "instance_groups[0].template: unknown template of publisher 'wob'. Similar names are: web.",
        ),
        (GOOD + "templates:\n  - {name: web, account: publisher}\n", 5, "templates[0]: give either image or version."),
        (
            GOOD + "accounts:\n  - name: gone\n    in_enterprise: false\n    deleted: true\n",
            7,
            "accounts[0].deleted: only an account in the enterprise is deleted",
        ),
        (
            GOOD + "account_groups:\n  - name: Germany\n    parent: Europe\n  - name: Europe\n",
            6,
            "account_groups[0].parent: unknown account group before it 'Europe'. There is none.",
        ),
        (
            GOOD + "account_groups:\n  - name: Europe\n  - name: Europe\n",
            6,
            "account_groups[1]: 'Europe' is there twice.",
        ),
        (
            GOOD + "account_groups:\n  - name: Europe\naccounts:\n  - name: paris\n    parent: Europa\n",
            8,
            "accounts[0].parent: unknown account group 'Europa'. Similar names are: Europe.",
        ),
        (
            GOOD + "accounts:\n  - name: paris\n    in_enterprise: false\n    parent: Europe\n",
            7,
            "accounts[0].parent: only an account in the enterprise is in an account group.",
        ),
        (GOOD + "description: again\n", 4, "'description' is there twice"),
        ("description: &x a\n", 1, "anchors, aliases and tags are not allowed"),
        ("description: !!python/name:os.system x\n", 1, "anchors, aliases and tags are not allowed"),
        ("description: [\n", 2, "this is not YAML"),
        ("description: a\n\timages: []\n", 2, "this is not YAML"),
        ("[" * 5_000, 1, "YAML"),
        ("description: a\nimages: \x07\n", 2, "this is not YAML: special characters are not allowed"),
        ("description: 2026-99-99\n", 1, "this is not YAML: month must be"),
        (GOOD + "clock: {advance: soon}\n", 4, "clock.advance"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(BadScenario) as refused:
        read(file)
    assert str(refused.value).startswith(f"{file}:{line}: "), refused.value
    assert said.replace("nested", "") in str(refused.value) or "nested too deeply" in str(refused.value)


def test_a_file_that_is_wrong_changes_nothing(store: World, tmp_path: Path) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text(GOOD + "instances:\n  - {name: web, account: publisher, image: absent}\n")
    done = CliRunner().invoke(cli, ["scenario", "apply", str(file), "--data", str(store.data)])
    assert done.exit_code == 2
    assert f"{file}:5: instances[0].image: unknown image of publisher 'absent'. There is: golden." in done.output
    _fresh(store)


def test_what_the_server_refuses_names_the_part(store: World, tmp_path: Path) -> None:
    file = tmp_path / "refused.yaml"
    file.write_text(GOOD.replace("account: publisher", "account: publisher, operating_system: beos-5"))
    done = CliRunner().invoke(cli, ["scenario", "apply", str(file), "--data", str(store.data)])
    assert done.exit_code == 1
    assert re.search(r"refused\.yaml: image golden of publisher: The requested resource does not exist", done.output)


def test_validate_and_the_list_of_what_ships() -> None:
    done = CliRunner().invoke(cli, ["scenario", "validate", *shipped()])
    assert done.exit_code == 0, done.output
    assert done.output.count("\n") == len(shipped())
    done = CliRunner().invoke(cli, ["scenario", "validate", "nowhere.yaml"])
    assert "no scenario of that name ships: archived-while-instances-run" in done.output
    listed = json.loads(CliRunner().invoke(cli, ["scenario", "shipped", "--output", "json"]).output)
    assert listed.keys() == shipped().keys()


def test_the_schema_is_of_the_fields_that_there_are() -> None:
    done = CliRunner().invoke(cli, ["scenario", "schema"])
    assert json.loads(done.output) == json_schema()
    image = json_schema()["$defs"]["ImagePart"]
    assert image["properties"]["state"]["enum"] == ["available", "deleted", "deprecated", "obsolete"]
    assert image["additionalProperties"] is False


EXPORTED = (
    "archived-while-instances-run",
    "authorization-missing",
    "deprecated-with-successor",
    "fresh-enterprise",
    "instance-group-of-a-catalog-image",
    "read-only-auditor",
    "share-pending",
    "tree-of-account-groups",
    "two-publishers",
)


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", EXPORTED)
def test_what_is_exported_makes_the_same_again(server: WorldServer, store: World, tmp_path: Path, name: str) -> None:
    store.apply(name)
    text = _verb(store, "export", "--description", "again").output
    file = tmp_path / "again.yaml"
    file.write_text(text)
    exported, given = read(file).scenario, read(shipped()[name]).scenario
    for kind in (
        "account_groups",
        "accounts",
        "users",
        "catalogs",
        "instances",
        "authorizations",
        "templates",
        "instance_groups",
    ):
        assert getattr(exported, kind) == getattr(given, kind), text
    assert {one.name for one in exported.images} == {one.name for one in given.images}
    with server.world() as other:
        other.apply(str(file))
        assert _verb(other, "export", "--description", "again").output == text
        assert _verb(other, "apply", str(file)).output == "Nothing to do: everything is there.\n"


def test_faults_are_exported_and_set_again(server: WorldServer, store: World, tmp_path: Path) -> None:
    store.faults.call("GET /v1/vpcs", "refuse", percent=50, seed=4, times=0, account="consumer-a")
    file = tmp_path / "faults.yaml"
    file.write_text(_verb(store, "export").output)
    with server.world() as other:
        other.apply(str(file))
        [fault] = other.faults.list()
        known = {"match": "GET /v1/vpcs", "percent": 50, "seed": 4, "account_id": other.consumer_a.account_id}
        assert known.items() <= fault.items()
