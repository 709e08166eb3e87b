"""The matrix by roles: every route, called by people of the publisher's account who hold this and that.

The statuses are in golden/roles.txt, written anew with `KUNSTHALLE_GOLDEN=write ./dev test tests/matrix/test_roles.py`.
Each persona holds one resource on the whole account, except where its name says otherwise.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.frozen_app import QUERY, FrozenApp, make_frozen_app, token_of
from kunsthalle.accounts.resources import ACCOUNT
from kunsthalle.accounts.service import add_user
from kunsthalle.authz.roles import ADMINISTRATOR, EDITOR, OPERATOR, VIEWER
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find, unscoped
from kunsthalle.iam.access_groups import add_member, create_group
from kunsthalle.iam.authentication import create_api_key, create_policy
from kunsthalle.iam.resources import GROUP
from kunsthalle.iam.service_ids import create_service_id
from matrix.rows import furnish
from matrix.test_matrix import knock

GOLDEN = Path(__file__).parent / "golden" / "roles.txt"
ROLES = {"operator": OPERATOR, "editor": EDITOR, "administrator": ADMINISTRATOR}
PERSONAS = (
    "nothing",
    "viewer",
    "operator",
    "editor",
    "administrator",
    "service id",
    "group",
    "one image",
    "builder",
    "placer",
    "enterprise",
)
"""`service id` and `group` hold Editor, `one image` holds it on one image alone; `builder` holds it on `is` and on
Catalog Management, and `placer` Viewer on the resource groups besides; `enterprise` is the owner of the enterprise's
own account, who holds everything there and nothing here."""

THINGS = ("/images/{id} ", "/apikeys/{id} ", "/catalogs/{catalog_id} ", "/serviceids/{id} ", "/policies/{id} ")
"""Routes of one resource that nobody outside its account ever sees."""


def _everything(role: str, subject: str, session: Session, key: str = "iam_id") -> None:
    for service_type in ("service", "platform_service"):
        resource = [{"key": "serviceType", "operator": "stringEquals", "value": service_type}]
        create_policy(session, "access", [{"key": key, "operator": "stringEquals", "value": subject}], [role], resource)


def gives(session: Session, iam_id: str, role: str, **resource: str) -> None:
    """A policy that gives somebody a role on what has these attributes."""
    conditions = [{"key": key, "operator": "stringEquals", "value": value} for key, value in resource.items()]
    create_policy(
        session, "access", [{"key": "iam_id", "operator": "stringEquals", "value": iam_id}], [role], conditions
    )


def person(session: Session, name: str) -> tuple[str, str]:
    """A user who holds nothing yet, and the secret of their key."""
    iam_id = f"IBMid-{name.upper().replace(' ', '')}"
    account = session.ctx.account_id
    add_user(session, account, iam_id, f"{name.replace(' ', '.')}@publisher.example", name)
    return iam_id, create_api_key(session, account, iam_id, name)[1]


def people(session: Session, image: str) -> dict[str, str]:
    """Everybody of the matrix; the secrets of their keys."""
    found = {}
    for name, role in ROLES.items():
        iam_id, found[name] = person(session, name)
        _everything(role, iam_id, session)
    _, found["nothing"] = person(session, "nothing")
    program, _ = create_service_id(session, "program of the matrix")
    found["service id"] = create_api_key(session, session.ctx.account_id, program.iam_id, "program")[1]
    _everything(EDITOR, program.iam_id, session)
    member, found["group"] = person(session, "group member")
    group = create_group(session, "editors of the matrix")
    _everything(EDITOR, group.id, session, "access_group_id")
    add_member(session, find(session, GROUP, group.id), member, "user")
    single, found["one image"] = person(session, "one image")
    gives(session, single, EDITOR, serviceName="is", resourceType="image", imageId=image)
    for name in ("builder", "placer"):
        iam_id, found[name] = person(session, name)
        gives(session, iam_id, EDITOR, serviceName="is")
        gives(session, iam_id, EDITOR, serviceName="globalcatalog-collection")
    gives(session, iam_id, VIEWER, resourceType="resource-group")
    return found


def _of_the_enterprise(session: Session) -> str:
    """The secret of a key of the owner of the enterprise's own account."""
    own = unscoped(session, ACCOUNT, ACCOUNT.table.c.is_enterprise)[0]
    return create_api_key(session.as_context(session.ctx.as_system(own.id)), own.id, own.owner_iam_id, "enterprise")[1]


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrozenApp]:
    """An application of this test's own, furnished as the other one, with its people."""

    def more(frozen: FrozenApp) -> None:
        furnish(frozen)
        server, account = frozen.server, frozen.accounts["owner"]

        def hire(session: Session) -> dict[str, str]:
            found = people(session.as_context(session.ctx.as_system(account)), frozen.ids["images"])
            return {**found, "enterprise": _of_the_enterprise(session)}

        frozen.ids["image crn"] = frozen.ok("owner", "GET", f"/v1/images/{frozen.ids['images']}?{QUERY}")["crn"]
        for name, secret in server.store.write(server.base, hire).items():
            frozen.tokens[name] = token_of(frozen, secret)

    made = make_frozen_app(tmp_path_factory.mktemp("roles") / "data", more)
    yield made
    made.loop.close()


@pytest.fixture(scope="module")
def lines(staffed: FrozenApp) -> list[str]:
    found = []
    for route in staffed.server.pipeline.router:
        if not route.access.operator:
            cells = [f"{persona} {knock(staffed, route, persona).status}" for persona in PERSONAS]
            found.append(f"{route.name:90} {' | '.join(cells)}".rstrip())
    return found


def cells(line: str) -> dict[str, int]:
    """The statuses of a line by persona."""
    parts = line.split(maxsplit=2)[2].split(" | ")
    return {part.rsplit(" ", 1)[0]: int(part.rsplit(" ", 1)[1]) for part in parts}


def test_statuses_by_role_are_as_in_the_golden_file(lines: list[str]) -> None:
    if os.environ.get("KUNSTHALLE_GOLDEN") == "write":
        GOLDEN.write_text("\n".join(lines) + "\n")
    assert GOLDEN.read_text().splitlines() == lines


def test_no_role_meets_a_server_error(lines: list[str]) -> None:
    assert not [line for line in lines if any(status >= 500 for status in cells(line).values())]


IN_THE_BODY = ("POST /v3/tags/attach ", "POST /v3/tags/detach ")
"""Routes that refuse resource by resource, within an answer of 200."""


def _his_own(line: str) -> bool:
    """Routes whose path names the viewer themselves: everybody changes their own profile. And passcodes: everybody
    but programs makes their own.
    """
    return "/users/{iam_id}" in line or line.startswith("POST /identity/passcode ")


def test_a_role_is_never_refused_what_a_lower_one_may(lines: list[str]) -> None:
    ladder = ("nothing", "viewer", "operator", "editor", "administrator")
    for line in (line for line in lines if not _his_own(line)):
        found = cells(line)
        refused = [found[persona] in {403, 404} for persona in ladder]
        assert refused == sorted(refused, reverse=True), line


def test_a_service_id_and_a_group_carry_their_role_like_anybody(lines: list[str]) -> None:
    for line in (line for line in lines if not line.startswith("POST /identity/passcode ")):
        found = cells(line)
        assert found["service id"] == found["group"] == found["editor"], line


def test_a_viewer_changes_nothing(lines: list[str], staffed: FrozenApp) -> None:
    writing = {route.name for route in staffed.server.pipeline.router if route.writes}
    for line in lines:
        if " ".join(line.split()[:2]) in writing and not _his_own(line) and not line.startswith(IN_THE_BODY):
            assert cells(line)["viewer"] >= 300, line
    tag = {"resources": [{"resource_id": staffed.ids["image crn"]}], "tag_names": ["seen"]}
    answer = staffed.ok("viewer", "POST", "/v3/tags/attach", tag)
    assert [one["is_error"] for one in answer["results"]] == [True]


def test_a_policy_on_one_image_reaches_that_image_and_nothing_else(lines: list[str]) -> None:
    beyond = [line for line in lines if cells(line)["one image"] != cells(line)["nothing"]]
    assert beyond
    assert all("/images/{" in line for line in beyond), beyond


def test_a_builder_makes_nothing_until_he_may_look_at_the_resource_group(lines: list[str]) -> None:
    """Viewer on the groups opens what makes something in one, and the groups themselves; nothing else.

    An instance group that is to grow makes servers: also by a change of its manager.
    """
    opened = [line for line in lines if cells(line)["builder"] != cells(line)["placer"]]
    made = [line for line in opened if line.startswith("POST ")]
    assert len(made) >= 17
    assert all((cells(line)["builder"], cells(line)["placer"]) == (403, 201) for line in made), made
    others = {" ".join(line.split()[:2]) for line in opened} - {" ".join(line.split()[:2]) for line in made}
    grows = "PATCH /v1/instance_groups/{instance_group_id}/managers/{id}"
    assert all(one == grows or one.endswith("/v2/resource_groups/{id}") for one in others), others


def test_the_enterprise_holds_nothing_in_its_accounts(lines: list[str]) -> None:
    """Whoever owns the enterprise's account is a stranger to what the publisher has."""
    for line in lines:
        if line.startswith("GET ") and any(one in line for one in THINGS):
            assert cells(line)["enterprise"] == 404, line
