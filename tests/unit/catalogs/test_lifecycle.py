"""The publish state machine, cell by cell: every step from every state, with what becomes of version and image."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fixtures.worlds import make_world
from kunsthalle.catalogs import states
from unit.catalogs.shop import BASE, Edition, Product, Shop
from unit.instances.api_in_process import Api

DAY = 86_400
ILLEGAL = "A version cannot take the step {step}: current state {state}"
UNVALIDATED = "The version is not consumable: it must be validated first (current state {state})"
ENDING = "The version is being deprecated; restore it first: current state {state}"
NOT_ENDING = "The version is not being deprecated: current state {state}"
ARCHIVED = "An archived version cannot be validated: current state deprecated"

STATES: dict[str, tuple[str, ...]] = {
    "new": (),
    "validated": ("validate",),
    "test": ("test",),
    "prerelease": ("prerelease-publish",),
    "prerelease, valid": ("validate", "prerelease-publish"),
    "consumable": ("validate", "consume-publish"),
    "consumable, ending": ("validate", "consume-publish", "deprecate/true"),
    "prerelease, ending": ("prerelease-publish", "deprecate/true"),
    "deprecated": ("validate", "consume-publish", "archive"),
}
"""How a version gets into each state."""

Outcome = tuple[str, str] | str
"""The state and the image's status that a step ends in, or what it is refused with."""
TABLE: dict[str, dict[str, Outcome]] = {
    "validate": {
        "new": ("validated", "available"),
        "validated": ("validated", "available"),
        "test": ("test", "available"),
        "prerelease": ("prerelease", "available"),
        "prerelease, valid": ("prerelease", "available"),
        "consumable": ("consumable", "available"),
        "consumable, ending": ("consumable", "deprecated"),
        "prerelease, ending": ("prerelease", "deprecated"),
        "deprecated": ARCHIVED,
    },
    "prerelease-publish": {
        "new": ("prerelease", "available"),
        "validated": ("prerelease", "available"),
        "test": ILLEGAL,
        "prerelease": "The version is prerelease already: current state prerelease",
        "prerelease, valid": "The version is prerelease already: current state prerelease",
        "consumable": ILLEGAL,
        "consumable, ending": ILLEGAL,
        "prerelease, ending": "The version is prerelease already: current state prerelease",
        "deprecated": ILLEGAL,
    },
    "consume-publish": {
        "new": UNVALIDATED,
        "validated": ("consumable", "available"),
        "test": UNVALIDATED,
        "prerelease": UNVALIDATED,
        "prerelease, valid": ("consumable", "available"),
        "consumable": "The version is published already: current state consumable",
        "consumable, ending": "The version is published already: current state consumable",
        "prerelease, ending": ENDING,
        "deprecated": UNVALIDATED,
    },
    "test": {
        "new": ("test", "available"),
        "validated": ("test", "available"),
        "prerelease": ILLEGAL,
        "prerelease, valid": ILLEGAL,
        "consumable": ILLEGAL,
        "consumable, ending": ILLEGAL,
        "prerelease, ending": ILLEGAL,
        "deprecated": ILLEGAL,
    },
    "suspend": {
        "new": ILLEGAL,
        "validated": ILLEGAL,
        "test": ("new", "available"),
        "prerelease": ("new", "available"),
        "prerelease, valid": ("validated", "available"),
        "consumable": ("validated", "available"),
        "consumable, ending": ("validated", "available"),
        "prerelease, ending": ("new", "available"),
        "deprecated": ILLEGAL,
    },
    "deprecate/true": {
        "new": ILLEGAL,
        "validated": ILLEGAL,
        "test": ILLEGAL,
        "prerelease": ("prerelease", "deprecated"),
        "prerelease, valid": ("prerelease", "deprecated"),
        "consumable": ("consumable", "deprecated"),
        "consumable, ending": ENDING,
        "prerelease, ending": ENDING,
        "deprecated": ILLEGAL,
    },
    "deprecate/false": {
        "new": ILLEGAL,
        "validated": ILLEGAL,
        "test": ILLEGAL,
        "prerelease": NOT_ENDING,
        "prerelease, valid": NOT_ENDING,
        "consumable": NOT_ENDING,
        "consumable, ending": ("consumable", "available"),
        "prerelease, ending": ("prerelease", "available"),
        "deprecated": ILLEGAL,
    },
    "archive": {
        "new": ILLEGAL,
        "validated": ("deprecated", "obsolete"),
        "test": ILLEGAL,
        "prerelease": ("deprecated", "obsolete"),
        "prerelease, valid": ("deprecated", "obsolete"),
        "consumable": ("deprecated", "obsolete"),
        "consumable, ending": ("deprecated", "obsolete"),
        "prerelease, ending": ("deprecated", "obsolete"),
        "deprecated": "The version is deprecated already: current state deprecated",
    },
}
NUMBERS = itertools.count()
CELLS = [(step, state) for step, row in TABLE.items() for state in row]


def _step(edition: Edition, step: str) -> Any:
    """The answer to a step, each by the call that takes it."""
    call = edition.shop.api.answer
    if step == "validate":
        answer = call("POST", f"{edition.path}/validation/install", {})
        edition.shop.api.settle()
        return answer
    if step == "test":
        rev = edition.shop.api.call("GET", edition.path, status=200)["_rev"]
        patch = [{"op": "replace", "path": "/kinds/0/versions/0/state/current", "value": "test"}]
        return call("PATCH", edition.path, patch, if_match=f'"{rev}"')
    return call("POST", f"{edition.path}/{step}")


@pytest.fixture(scope="module")
def gallery(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """One shop for all cells, each of which has a product of its own."""
    folder = tmp_path_factory.mktemp("gallery")
    shutil.copy(sqlite_template, folder / "kunsthalle.sqlite")
    api = Api(make_world(f"sqlite:///{folder / 'kunsthalle.sqlite'}"), folder)
    api.worker.start()
    yield Shop(api)
    api.worker.stop()
    api.world.store.close()


@pytest.fixture
def edition(gallery: Shop) -> Callable[[str], Edition]:
    """A version brought into a state."""

    def bring(state: str) -> Edition:
        name = f"cell-{next(NUMBERS)}"
        made = gallery.product(name).version(gallery.api.image(name))
        for step in STATES[state]:
            assert _step(made, step).is_success
        return made

    return bring


@pytest.mark.by_turns(3)
@pytest.mark.parametrize(("step", "state"), CELLS)
def test_a_step_goes_where_the_table_says(edition: Callable[[str], Edition], step: str, state: str) -> None:
    made, expected = edition(state), TABLE[step][state]
    before, image = made.get(), made.image_now
    offering = made.shop.api.call("GET", made.path, status=200)
    answer = _step(made, step)
    after = made.shop.api.call("GET", made.path, status=200)
    if isinstance(expected, str):
        current = before["state"]["current"]
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"] == expected.format(step=step, state=current)
        assert (made.get(), made.image_now) == (before, image), "a refused step leaves everything as it was"
        assert after["_rev"] == offering["_rev"]
        return
    assert answer.is_success, answer.text
    assert (made.state, made.image_now["status"]) == expected
    assert made.image_now["catalog_offering"]["version"]["crn"] == made.crn, "the image stays managed"
    assert after["_rev"] != offering["_rev"], "every step counts the offering's revision up"


def test_every_edge_of_the_machine_is_in_the_table() -> None:
    """`import` begins a version, the end of a period is the clock's, and a change of images is told elsewhere."""
    apart = {"import", "end of the period", "change of images"}
    assert {edge.step for edge in states.EDGES} - apart == set(TABLE)
    for edge in states.EDGES:
        for source in edge.sources if edge.step in TABLE else ():
            to = source if edge.to == states.STAY else edge.to
            policy_filter = [TABLE[edge.step][state] for state in TABLE[edge.step] if state.split(",")[0] == source]
            assert any(one[0] == to for one in policy_filter if isinstance(one, tuple)), edge


def test_publishing_is_the_publishers_and_editing_the_editors() -> None:
    """What is printed is what is asked for; see docs/decisions/0010-who-publishes.md."""
    roles = {edge.step: edge.role for edge in states.EDGES}
    assert roles["end of the period"] == "the clock"
    assert {roles[step] for step in TABLE} == {"Operator"}, "an Operator may do here what an Editor may"
    actions = {edge.step: edge.action for edge in states.EDGES}
    assert {step for step, action in actions.items() if action == states.PUBLISH} == {
        "prerelease-publish",
        "consume-publish",
    }


def test_the_period_ends_by_the_clock(shop: Shop) -> None:
    made = shop.product().published(shop.api.image("debian"))
    made.step("deprecate/true", {"days_until_deprecate": 30, "description": "use 2.0.0"})
    pending = made.get()["deprecate_pending"]
    assert pending == {
        "deprecate_date": "2026-01-31T00:00:00.000Z",
        "deprecate_state": "deprecated",
        "description": "use 2.0.0",
    }
    shop.api.later(30 * DAY - 1)
    assert (made.state, made.image_now["status"]) == ("consumable", "deprecated")
    shop.api.later(1)
    found = made.get()
    assert (found["state"]["current"], found["state"]["previous"]) == ("deprecated", "consumable")
    assert found["deprecated"] is True
    assert "deprecate_pending" not in found
    assert made.image_now["status"] == "obsolete"


def test_ninety_days_unless_it_is_said(shop: Shop) -> None:
    made = shop.product().published(shop.api.image("debian"))
    made.step("deprecate/true")
    assert made.get()["deprecate_pending"]["deprecate_date"] == "2026-04-01T00:00:00.000Z"
    for wrong in (-1, 100_000):
        other = shop.product(f"other{wrong}").published(shop.api.image(f"image{wrong}"))
        assert "days_until_deprecate must be from" in other.refused("deprecate/true", {"days_until_deprecate": wrong})


def test_a_period_that_was_ended_does_not_come_back(shop: Shop) -> None:
    made = shop.product().published(shop.api.image("debian"))
    made.step("deprecate/true", {"days_until_deprecate": 10})
    made.step("deprecate/false")
    made.step("deprecate/true", {"days_until_deprecate": 60})
    shop.api.later(30 * DAY)
    assert made.state == "consumable"
    shop.api.later(30 * DAY)
    assert made.state == "deprecated"


def test_a_suspended_version_is_not_archived_by_its_old_period(shop: Shop) -> None:
    made = shop.product().published(shop.api.image("debian"))
    made.step("deprecate/true", {"days_until_deprecate": 10})
    made.step("suspend")
    made.step("consume-publish")
    shop.api.later(30 * DAY)
    assert (made.state, made.image_now["status"]) == ("consumable", "available")


def _delete(edition: Edition, status: int) -> dict[str, Any]:
    return edition.shop.api.call("DELETE", edition.path, status=status)


def test_the_last_published_version_is_not_deleted(shop: Shop) -> None:
    product = shop.product("appliance")
    only = product.published(shop.api.image("one"))
    message = "Cannot delete the last published version. You need to deprecate the whole product [Appliance] itself."
    assert _delete(only, 400)["errors"][0]["message"] == message
    only.step("deprecate/true")
    assert _delete(only, 400)["errors"][0]["message"] == message, "one that is on its way out is still published"
    product.version(shop.api.image("two"), "2.0.0")
    assert _delete(only, 400)["errors"][0]["message"] == message, "a draft takes nobody's place"
    product.published(shop.api.image("three"), "3.0.0")
    _delete(only, 200)
    assert only.image_now["catalog_offering"] == {"managed": False}


@pytest.mark.parametrize(("state", "status"), [("new", "available"), ("deprecated", "obsolete")])
def test_an_image_keeps_its_status_when_its_version_goes(
    edition: Callable[[str], Edition], state: str, status: str
) -> None:
    made = edition(state)
    _delete(made, 200)
    assert (made.image_now["status"], made.image_now["catalog_offering"]) == (status, {"managed": False})


def test_the_whole_product_is_deprecated_at_once_and_restored(shop: Shop) -> None:
    product = shop.product()
    editions = [product.published(shop.api.image(f"image-{at}"), f"{at}.0.0") for at in (1, 2)]
    draft = product.version(shop.api.image("draft"), "3.0.0")
    path = f"{product.path}/deprecate"
    shop.api.call("POST", f"{path}/true", {"days_until_deprecate": 5, "description": "gone"}, status=202)
    assert product.get()["deprecate_pending"]["description"] == "gone"
    assert [one.image_now["status"] for one in editions] == ["deprecated", "deprecated"]
    assert draft.state == "new"
    shop.api.call("POST", f"{path}/false", {}, status=202)
    assert "deprecate_pending" not in product.get()
    assert [one.image_now["status"] for one in editions] == ["available", "available"]
    refused = shop.api.call("POST", f"{path}/false", {}, status=400)
    assert refused["errors"][0]["message"] == "No version of the offering is being deprecated."


def test_a_version_without_an_image_is_not_published(shop: Shop) -> None:
    product = shop.product()
    made = product.published(shop.api.image("debian"))
    shop.api.call("POST", f"{made.path}/copy", {}, status=200)
    copy = next(one for one in product.get()["kinds"][0]["versions"] if one["id"] != made.id)
    assert (copy["version"], copy["state"]["current"], copy["metadata"]["vsi_vpc"]["images"]) == ("1.0.1", "new", [])
    path = f"{BASE}/versions/{copy['version_locator']}"
    refused = shop.api.call("POST", f"{path}/prerelease-publish", status=400)
    assert refused["errors"][0]["message"] == "The version has no image that could be used: current state new"


def test_every_step_is_on_record(shop: Shop) -> None:
    product: Product = shop.product()
    made = product.published(shop.api.image("debian"))
    made.step("archive")
    audits = shop.api.call("GET", f"{product.path}/audits", status=200)["audits"]
    said = [one["message"].split(" on ")[1] for one in audits]
    for step in ("archive", "consume-publish", "validation/install"):
        assert f"{made.path}/{step}: done" in said
