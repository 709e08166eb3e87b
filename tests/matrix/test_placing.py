"""Whoever places something in a resource group must be one who may look at the group (docs/decisions/0016).

The routes are found by what their bodies can say, so that a new one that names a group is asked too. The builder may
make everything and look at no group; the placer is a builder with Viewer on one group, which is not the default one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from fixtures.frozen_app import Answer, FrozenApp, make_frozen_app, path_of, token_of
from kunsthalle.api.router import Route
from kunsthalle.authz.roles import EDITOR, VIEWER
from kunsthalle.db.session import Session
from matrix.rows import BODIES, furnish, headers_of
from matrix.test_matrix import HEADERS
from matrix.test_roles import gives, person

NOWHERE = "0" * 32
GROUP = ("resource_group", "resource_group_id")
"""The two names of the field."""
BY_ID = "POST /v2/resource_instances"
"""The one route whose `resource_group` is the id itself; it is required there."""


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrozenApp]:
    """A furnished application with the builder, the placer, and two groups besides the default one."""

    def more(frozen: FrozenApp) -> None:
        furnish(frozen)
        server, account = frozen.server, frozen.accounts["owner"]
        for name in ("workshop", "vault"):
            frozen.ids[name] = frozen.ok("owner", "POST", "/v2/resource_groups", {"name": name})["id"]

        def hire(session: Session) -> dict[str, str]:
            system, found = session.as_context(session.ctx.as_system(account)), {}
            for name in ("builder", "placer"):
                iam_id, found[name] = person(system, name)
                gives(system, iam_id, EDITOR, serviceType="service")
                gives(system, iam_id, EDITOR, serviceName="globalcatalog-collection")
            gives(system, iam_id, VIEWER, resourceType="resource-group", resource=frozen.ids["workshop"])
            return found

        for name, secret in server.store.write(server.base, hire).items():
            frozen.tokens[name] = token_of(frozen, secret)

    made = make_frozen_app(tmp_path_factory.mktemp("placing") / "data", more)
    yield made
    made.loop.close()


def _field(route: Route) -> str | None:
    """What the body of a route calls the resource group of what it makes."""
    body: Any = route.body
    if not (isinstance(body, type) and issubclass(body, msgspec.Struct)):
        return None
    return next((name for name in body.__struct_fields__ if name in GROUP), None)


def placing(frozen: FrozenApp) -> list[Route]:
    """Every route that makes something in a group: what is replaced stays in its own, whatever the body says."""
    return [route for route in frozen.server.pipeline.router if route.method == "POST" and _field(route)]


def _place(frozen: FrozenApp, who: str, route: Route, group: str | None) -> Answer:
    body = {key: value for key, value in BODIES[route.name](frozen).items() if key not in GROUP}
    if group is not None:
        field = str(_field(route))
        body[field] = {"id": group} if field == "resource_group" and route.name != BY_ID else group
    return frozen.call(who, route.method, path_of(frozen, route.path), body, **headers_of(frozen, route, **HEADERS))


def _code(answer: Answer) -> str:
    found = answer.json
    return str(found["errors"][0]["code"] if "errors" in found else found.get("error_code", found.get("code")))


def test_no_room_that_makes_things_is_left_out(staffed: FrozenApp) -> None:
    named = {route.name for route in placing(staffed)}
    kinds = ("images", "volumes", "snapshots", "vpcs", "subnets", "keys", "instances", "instance_groups")
    assert named >= {f"POST /v1/{kind}" for kind in (*kinds, "bare_metal_servers", "floating_ips")}
    assert named >= {"POST /api/v1-beta/catalogs", "POST /v2/resource_instances", "POST /v1/instance/templates"}


def test_the_default_group_is_refused_by_name_to_whoever_may_not_look_at_it(staffed: FrozenApp) -> None:
    for route in placing(staffed):
        if route.name == BY_ID:
            continue
        assert _place(staffed, "owner", route, None).status < 300, route.name
        for who in ("builder", "placer"):
            refused = _place(staffed, who, route, None)
            assert refused.status == 403, (route.name, refused.body)
            assert _code(refused) == ("not_authorized" if route.surface.name == "vpc" else "forbidden")
            assert "resource group Default" in refused.body.decode()
            assert "Viewer" in refused.body.decode()


def test_a_group_that_may_not_be_looked_at_is_none_byte_for_byte(staffed: FrozenApp) -> None:
    for route in placing(staffed):
        absent = _place(staffed, "placer", route, NOWHERE)
        assert absent.status == 400, (route.name, absent.body)
        for group in ("vault", "resource_groups"):
            assert _place(staffed, "placer", route, staffed.ids[group]) == absent, (route.name, group)
        assert _place(staffed, "builder", route, staffed.ids["workshop"]) == absent, route.name


def test_viewer_on_one_group_is_enough_to_place_things_there(staffed: FrozenApp) -> None:
    for route in placing(staffed):
        made = _place(staffed, "placer", route, staffed.ids["workshop"])
        assert made.status == _place(staffed, "owner", route, staffed.ids["workshop"]).status < 300, made.body
        shown = made.json.get("resource_group", made.json.get("resource_group_id"))
        assert staffed.ids["workshop"] in (shown, shown["id"] if isinstance(shown, dict) else None), route.name
