"""Every route, every persona: who gets which status, and whether hidden can be told from absent.

The statuses are in golden/statuses.txt; `KUNSTHALLE_GOLDEN=write ./dev test tests/matrix` writes it anew, to be read as
a diff. What is hidden is compared byte for byte, headers included, with an id that never existed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fixtures.frozen_app import PERSONAS, QUERY, STRANGERS, Answer, FrozenApp, is_about_one_thing, never, path_of
from kunsthalle.api.router import Route
from matrix.rows import BODIES, headers_of, is_shared

GOLDEN = Path(__file__).parent / "golden" / "statuses.txt"
HEADERS = {"x_auth_refresh_token": "any", "if_match": '"stale"', "iam_apikey": "none"}


def knock(frozen: FrozenApp, route: Route, persona: str, *, absent: bool = False) -> Answer:
    """One cell of the matrix."""
    path = path_of(frozen, route.path, absent=absent)
    body = BODIES[route.name](frozen) if route.name in BODIES else None
    return frozen.call(persona, route.method, path, body, **headers_of(frozen, route, **HEADERS))


_ANSWERS: dict[tuple[str, str], Answer] = {}
"""Of the one application that a worker has for these tests, by route and persona."""


def told(frozen: FrozenApp, route: Route, persona: str) -> Answer:
    """One cell about what there is. Nothing changes, so that each need be asked for once."""
    cell = (route.name, persona)
    if cell not in _ANSWERS:
        _ANSWERS[cell] = knock(frozen, route, persona)
    return _ANSWERS[cell]


def test_every_route_that_takes_a_body_has_its_row(frozen: FrozenApp) -> None:
    taking = {route.name for route in frozen.server.pipeline.router if route.body is not None}
    assert taking | {"POST /identity/token"} == set(BODIES)


def test_statuses_are_as_in_the_golden_file(frozen: FrozenApp) -> None:
    lines = []
    for route in frozen.server.pipeline.router:
        cells = [f"{persona} {told(frozen, route, persona).status}" for persona in PERSONAS]
        lines.append(f"{route.name:90} {' | '.join(cells)}".rstrip())
    if os.environ.get("KUNSTHALLE_GOLDEN") == "write":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text("\n".join(lines) + "\n")
    assert GOLDEN.read_text().splitlines() == lines


def test_every_route_has_its_line_in_the_golden_file(frozen: FrozenApp) -> None:
    listed = [" ".join(line.split()[:2]) for line in GOLDEN.read_text().splitlines()]
    assert listed == [route.name for route in frozen.server.pipeline.router]


def test_no_cell_is_a_server_error(frozen: FrozenApp) -> None:
    for line in GOLDEN.read_text().splitlines():
        cells = line.split(maxsplit=2)[2].split(" | ")
        assert not {cell for cell in cells if cell.split()[-1].startswith("5")}, line


@pytest.mark.parametrize("persona", [*STRANGERS, "consumer"])
def test_hidden_is_absent_byte_for_byte(frozen: FrozenApp, persona: str) -> None:
    compared = 0
    for route in frozen.server.pipeline.router:
        if not is_about_one_thing(route.path) or (persona == "consumer" and is_shared(route.name)):
            continue
        hidden, absent = told(frozen, route, persona), knock(frozen, route, persona, absent=True)
        assert hidden == absent, route.name
        compared += 1
    assert compared > 40


def _references(frozen: FrozenApp) -> list[tuple[str, Any, Any]]:
    """What a stranger might put into a body: where, the publisher's real resource, and one that never existed."""
    image, crn = frozen.ids["images"], f"crn:v1:bluemix:public:is:us-south:a/{frozen.accounts['owner']}::image:"
    at = "http://kunsthalle.test/v1/images/"
    pairs: list[tuple[str, Any, Any]] = [
        ("image", {"id": image}, {"id": never(image)}),
        ("image", {"crn": crn + image}, {"crn": crn + never(image)}),
        ("image", {"href": at + image}, {"href": at + never(image)}),
    ]
    for key in ("version", "offering"):
        whole = frozen.ids[f"{key} crn"]
        head, _, last = whole.rpartition(":")
        pairs.append(("catalog_offering", {key: {"crn": whole}}, {key: {"crn": f"{head}:{never(last)}"}}))
    return pairs


@pytest.mark.parametrize("persona", ["outsider", "sibling", "consumer"])
def test_a_hidden_reference_in_a_body_is_absent_too(frozen: FrozenApp, persona: str) -> None:
    subnet = frozen.ok(persona, "GET", f"/v1/subnets?{QUERY}")["subnets"][0]
    place = {"zone": subnet["zone"], "primary_network_interface": {"subnet": {"id": subnet["id"]}}}
    for field, real, unreal in _references(frozen):
        if persona == "consumer" and field == "catalog_offering":
            continue
        for path in ("/v1/instances", "/v1/instance/templates"):
            hidden, absent = (
                frozen.call(persona, "POST", f"{path}?{QUERY}", {"name": "x", **place, field: given})
                for given in (real, unreal)
            )
            assert (hidden.status, hidden) == (404, absent), (path, field, real)


def test_nothing_of_the_publisher_shows_in_what_strangers_are_told(frozen: FrozenApp) -> None:
    known = {
        "user",
        "members",
        "zone",
        "clones",
        "access",
        "iam_id",
        "users",
        "enterprises",
        "/enterprises",
        "enterprise crn",
    }
    mine = {value for name, value in frozen.ids.items() if name not in known}
    mine |= {frozen.accounts["owner"], "hidden-offering", "hidden catalog", *frozen.secrets}
    for route in frozen.server.pipeline.router:
        for persona in STRANGERS:
            body = told(frozen, route, persona).body.decode()
            assert not {one for one in mine if one in body}, (route.name, persona)


_OF_OTHERS = (
    "/apikeys/{id}",
    "/account-groups/{id}",
    "/software_attachments/{id}",
    "/licenses/{license_id}",
    "/audits/{auditlog_identifier}",
    "/enterprises/{enterprise_id}/audits",
)
"""What the owner of the account does not see: the keys of others, the tree above them, and what is never there."""


def test_owners_and_viewers_see_what_the_matrix_hides(frozen: FrozenApp) -> None:
    for route in frozen.server.pipeline.router:
        if route.method != "GET" or not is_about_one_thing(route.path) or route.name.endswith(_OF_OTHERS):
            continue
        if route.access.operator:
            continue
        assert told(frozen, route, "owner").status in {200, 400}, route.name
