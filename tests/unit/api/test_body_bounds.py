"""Every list and every object in a body has a bound, and what goes beyond it is refused in the words of its API."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from fixtures.bodies import many
from fixtures.frozen_app import QUERY, FrozenApp
from kunsthalle.api.body_bounds import Documents, at_most
from kunsthalle.api.serialization import RequestBody, decode
from kunsthalle.core.errors import Problem

BASE = "/api/v1-beta"


class Inner(RequestBody):
    """A body's part with a list that has no bound, and one that has."""

    free: list[str] | None = None
    bounded: Annotated[list[str], at_most(2)] | None = None


class Outer(RequestBody):
    """A body whose fault lies deep."""

    parts: Annotated[list[Inner], at_most(3)]
    texts: dict[str, str] | None = None
    kept: Documents | None = None


def _unbounded(body: Any) -> list[str]:
    return [".".join(map(str, one.path)) for one in many(body) if one.most is None]


def test_a_list_without_a_bound_is_found() -> None:
    assert _unbounded(Outer) == ["parts.0.free", "texts"]
    assert _unbounded(list[Outer]) == ["", "0.parts.0.free", "0.texts"]


def test_every_list_and_object_of_every_body_has_a_bound(frozen: FrozenApp) -> None:
    bodies = {route.name: route.body for route in frozen.server.pipeline.router if route.body is not None}
    assert len(bodies) > 120
    assert {name: found for name, body in bodies.items() if (found := _unbounded(body))} == {}


def test_what_is_beyond_a_bound_is_named_with_what_was_given_and_what_is_allowed() -> None:
    parts = [{"bounded": ["a"]}, {"bounded": ["a"] * 7}]
    with pytest.raises(Problem) as refused:
        decode(str({"parts": parts}).replace("'", '"').encode(), Outer)
    assert refused.value.target is not None
    assert refused.value.target.name == "parts[1].bounded"
    assert "length <= 2, got 7" in refused.value.message


# persona's call, body, the name of what is too many and how many are allowed
ROWS: list[tuple[str, str, Any, str]] = [
    ("POST", f"{BASE}/catalogs", {"label": "x", "tags": ["t"] * 1_001}, "length <= 1000, got 1001"),
    ("POST", f"{BASE}/catalogs", {"label": "x", "label_i18n": {f"l{n}": "" for n in range(201)}}, "<= 200, got 201"),
    ("POST", "/v2/groups", {"name": "g"}, ""),
    (
        "POST",
        "/v1/policies",
        {
            "type": "access",
            "subjects": [{"attributes": [{"name": "n", "value": "v"}] * 51}],
            "roles": [],
            "resources": [],
        },
        "<= 50, got 51",
    ),
    ("POST", f"/v1/instances?{QUERY}", {"volume_attachments": [{}] * 101}, "validation"),
]


def test_routes_refuse_more_than_their_bounds(frozen: FrozenApp) -> None:
    for method, path, body, told in ROWS:
        answer = frozen.call("owner", method, path, body)
        assert (answer.status == 400) == bool(told), (path, answer.body)
        assert told in answer.body.decode(), (path, answer.body)


def test_bounds_on_what_several_lists_make_together(frozen: FrozenApp) -> None:
    role = {"role_id": "crn:v1:bluemix:public:iam::::role:Viewer"}
    resources = [{"attributes": [{"name": "serviceName", "value": service}]} for service in ("is", "iam-groups")]
    policies = [{"roles": [role], "resources": resources}]
    users = f"/v2/accounts/{frozen.accounts['owner']}/users"
    invited = [{"email": f"guest{number}@example.com"} for number in range(13)]
    told = frozen.call("owner", "POST", users, {"users": invited, "iam_policy": policies})
    assert (told.status, "26 in all; at most 25" in told.body.decode()) == (400, True)
    assert frozen.call("owner", "POST", users, {"users": invited[:12], "iam_policy": policies}).status == 202
    subnet = {"subnet": {"id": frozen.ids["subnets"]}}
    body = {
        "image": {"id": frozen.ids["free image"]},
        "zone": {"name": frozen.ids["zone"]},
        "keys": [{"id": frozen.ids["keys"]}],
        "profile": {"name": "bx2-2x8"},
        "primary_network_attachment": {"virtual_network_interface": {**subnet, "ips": [{}] * 20}},
        "network_attachments": [{"virtual_network_interface": {**subnet, "ips": [{}] * 13}}],
    }
    told = frozen.call("owner", "POST", f"/v1/instances?{QUERY}", body)
    assert (told.status, told.json["errors"][0]["target"]["name"]) == (
        400,
        "network_attachments.0.virtual_network_interface.ips",
    )
    tags = [f"tag-{number}" for number in range(501)]
    volume = {"volume": {"capacity": 10, "profile": {"name": "general-purpose"}, "user_tags": tags}}
    del body["network_attachments"]
    told = frozen.call("owner", "POST", f"/v1/instances?{QUERY}", {**body, "volume_attachments": [volume] * 2})
    assert (told.status, "1002 user tags together" in told.body.decode()) == (400, True)
    assert (
        frozen.call("owner", "POST", f"/v1/instances?{QUERY}", {**body, "volume_attachments": [volume]}).status == 201
    )
