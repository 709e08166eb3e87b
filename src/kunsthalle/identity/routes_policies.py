"""`/v1/policies` and `/v2/policies`: two shapes of one store."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.iam import POLICY as FAMILY
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import invalid
from kunsthalle.identity import policies as service
from kunsthalle.identity.custom_roles import known_actions
from kunsthalle.identity.kinds import ANY_POLICY, POLICY
from kunsthalle.identity.model import Policy
from kunsthalle.identity.paging import by_start, choice
from kunsthalle.identity.wire_policies import (
    PolicyBody,
    PolicyStateBody,
    PolicyV2Body,
    PolicyV2Wire,
    PolicyWire,
    policy_v2_wire,
    policy_wire,
    wanted_v1,
    wanted_v2,
)
from kunsthalle.store.unit import Unit

_FORMATS = ("include_last_permit", "display")


def _sort(request: Request) -> Any:
    """`sort` by a column, `-` in front for descending; oldest first otherwise."""
    table = POLICY.table.c
    sorts = {
        "id": table.id,
        "type": table.type,
        "href": table.id,
        "created_at": table.created_at,
        "created_by_id": table.created_by,
        "last_modified_at": table.modified_at,
        "last_modified_by_id": table.modified_by,
        "state": table.state,
    }
    text = request.query.get("sort", "created_at")
    column = sorts.get(text.removeprefix("-"))
    if column is None:
        raise invalid("bad_request", f"sort must be one of {', '.join(sorts)}.", "sort", type_="parameter")
    return column.desc() if text.startswith("-") else column.asc()


def _holds(text: str, key: str | None, value: str | None) -> Any:
    """Policies with a stored condition of this key and value, as far as they are given, whatever the operator."""
    import msgspec

    def written(operator: str) -> str:
        one = {"key": key, "operator": operator, "value": value}
        whole = msgspec.json.encode(one, order="deterministic").decode()
        rest = whole.removeprefix('{"key":null') if key is None else whole
        return rest.removesuffix("null}") if value is None else rest

    from sqlalchemy import Text, cast, or_

    column = cast(POLICY.table.c[text], Text)
    return or_(*(column.contains(written(operator), autoescape=True) for operator in service.OPERATORS))


def _filters(unit: Unit, request: Request) -> list[Any]:
    table, query = POLICY.table.c, request.query
    where = [table.account_id == query.get("account_id", unit.ctx.account_id)]
    plain = {"type": table.type, "iam_id": table.subject_id, "access_group_id": table.subject_id}
    where += [column == query[name] for name, column in plain.items() if name in query]
    inner = {"service_type": "serviceType", "service_name": "serviceName", "service_group_id": "service_group_id"}
    where += [_holds("resource", key, query[name]) for name, key in inner.items() if name in query]
    if "tag_name" in query or "tag_value" in query:
        where.append(_holds("tags", query.get("tag_name"), query.get("tag_value")))
    return where


def _page(unit: Unit, request: Request) -> tuple[dict[str, Any], list[Policy]]:
    """Deleted policies are listed when they are asked for by their state, and not otherwise."""
    state = choice(request, "state", ("active", "deleted"), "active")
    where = [*_filters(unit, request), ANY_POLICY.table.c.state == state]
    return by_start(unit, request, ANY_POLICY, _sort(request), *where)


def _list(unit: Unit, request: Request) -> dict[str, Any]:
    """List the policies of the account."""
    envelope, found = _page(unit, request)
    return {**envelope, "policies": [policy_wire(policy, unit.ctx) for policy in found]}


def _list_v2(unit: Unit, request: Request) -> dict[str, Any]:
    """List the policies of the account in their second shape."""
    envelope, found = _page(unit, request)
    actions = _display(unit, request)
    return {**envelope, "policies": [policy_v2_wire(policy, unit.ctx, actions) for policy in found]}


def _display(unit: Unit, request: Request) -> dict[str, list[str]] | None:
    if "format" not in request.query or choice(request, "format", _FORMATS, "display") != "display":
        return None
    return known_actions(unit)


def _v1(unit: Unit, policy: Policy) -> Reply:
    return Reply(policy_wire(policy, unit.ctx), headers={"ETag": f'"{service.tag_of(policy)}"'})


def _v2(unit: Unit, policy: Policy, request: Request) -> Reply:
    body = policy_v2_wire(policy, unit.ctx, _display(unit, request))
    return Reply(body, headers={"ETag": f'"{service.tag_of(policy)}"'})


def _create(unit: Unit, request: Request) -> Reply:
    """Create an access or authorization policy."""
    return _v1(unit, service.make_policy(unit, wanted_v1(request.body)))


def _create_v2(unit: Unit, request: Request) -> Reply:
    """Create an access or authorization policy in its second shape."""
    return _v2(unit, service.make_policy(unit, wanted_v2(request.body)), request)


def _get(unit: Unit, request: Request) -> Reply:
    """Get a policy."""
    return _v1(unit, request.granted.it)


def _get_v2(unit: Unit, request: Request) -> Reply:
    """Get a policy in its second shape."""
    return _v2(unit, request.granted.it, request)


def _replace(unit: Unit, request: Request) -> Reply:
    """Replace a policy."""
    service.same_version(request.granted.it, request.headers.get("if-match"))
    return _v1(unit, service.replace_policy(unit, request.granted, wanted_v1(request.body)))


def _replace_v2(unit: Unit, request: Request) -> Reply:
    """Replace a policy in its second shape."""
    service.same_version(request.granted.it, request.headers.get("if-match"))
    return _v2(unit, service.replace_policy(unit, request.granted, wanted_v2(request.body)), request)


def _restore(unit: Unit, request: Request) -> Reply:
    """Restore a deleted policy."""
    body: PolicyStateBody = request.body
    service.same_version(request.granted.it, request.headers.get("if-match"))
    if body.state == "deleted":
        raise invalid("invalid_body", "A policy is deleted with DELETE.", "state")
    return _v1(unit, service.restore_policy(unit, request.granted))


def _delete(unit: Unit, request: Request) -> None:
    """Delete a policy."""
    service.delete_policy(unit, request.granted)


def routes() -> tuple[Route, ...]:
    v1, v2, one = "/v1/policies", "/v2/policies", "{id}"
    lists, make = access.listing(POLICY), access.create("iam-access-management.policy.create")
    read, change = access.item(POLICY), access.item(POLICY, "iam-access-management.policy.update")
    drop = access.item(POLICY, "iam-access-management.policy.delete")
    again = access.item(ANY_POLICY, "iam-access-management.policy.update")
    first: dict[str, Any] = {"family": FAMILY, "body": PolicyBody, "answer": PolicyWire}
    second: dict[str, Any] = {"family": FAMILY, "body": PolicyV2Body, "answer": PolicyV2Wire}
    return (
        route("GET", v1, _list, family=FAMILY, access=lists),
        route("POST", v1, _create, access=make, status=201, **first),
        route("GET", f"{v1}/{one}", _get, family=FAMILY, access=read, answer=PolicyWire),
        route("PUT", f"{v1}/{one}", _replace, access=change, **first),
        route("PATCH", f"{v1}/{one}", _restore, family=FAMILY, access=again, body=PolicyStateBody, answer=PolicyWire),
        route("DELETE", f"{v1}/{one}", _delete, family=FAMILY, access=drop, status=204),
        route("GET", v2, _list_v2, family=FAMILY, access=lists),
        route("POST", v2, _create_v2, access=make, status=201, **second),
        route("GET", f"{v2}/{one}", _get_v2, family=FAMILY, access=read, answer=PolicyV2Wire),
        route("PUT", f"{v2}/{one}", _replace_v2, access=change, **second),
        route("DELETE", f"{v2}/{one}", _delete, family=FAMILY, access=drop, status=204),
    )
