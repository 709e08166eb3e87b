"""`/v1/policies` and `/v2/policies`: two shapes of one store."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import POLICY as FAMILY
from kunsthalle.core.errors import invalid
from kunsthalle.db.session import Session
from kunsthalle.iam import policies as service
from kunsthalle.iam.custom_roles import known_actions
from kunsthalle.iam.iam_pagination import by_start, choice
from kunsthalle.iam.models import Policy
from kunsthalle.iam.resources import ANY_POLICY, POLICY
from kunsthalle.iam.schemas_policies import (
    PolicyRequest,
    PolicyResponse,
    PolicyStateRequest,
    PolicyV2Request,
    PolicyV2Response,
    policy_response,
    policy_v2_response,
    wanted_v1,
    wanted_v2,
)

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


def _filters(session: Session, request: Request) -> list[Any]:
    table, query = POLICY.table.c, request.query
    where = [table.account_id == query.get("account_id", session.ctx.account_id)]
    plain = {"type": table.type, "iam_id": table.subject_id, "access_group_id": table.subject_id}
    where += [column == query[name] for name, column in plain.items() if name in query]
    inner = {"service_type": "serviceType", "service_name": "serviceName", "service_group_id": "service_group_id"}
    where += [_holds("resource", key, query[name]) for name, key in inner.items() if name in query]
    if "tag_name" in query or "tag_value" in query:
        where.append(_holds("tags", query.get("tag_name"), query.get("tag_value")))
    return where


def _page(session: Session, request: Request) -> tuple[dict[str, Any], list[Policy]]:
    """Deleted policies are listed when they are asked for by their state, and not otherwise."""
    state = choice(request, "state", ("active", "deleted"), "active")
    where = [*_filters(session, request), ANY_POLICY.table.c.state == state]
    return by_start(session, request, ANY_POLICY, _sort(request), *where)


def _list(session: Session, request: Request) -> dict[str, Any]:
    """List the policies of the account."""
    envelope, found = _page(session, request)
    return {**envelope, "policies": [policy_response(policy, session.ctx) for policy in found]}


def _list_v2(session: Session, request: Request) -> dict[str, Any]:
    """List the policies of the account in their second shape."""
    envelope, found = _page(session, request)
    actions = _display(session, request)
    return {**envelope, "policies": [policy_v2_response(policy, session.ctx, actions) for policy in found]}


def _display(session: Session, request: Request) -> dict[str, list[str]] | None:
    if "format" not in request.query or choice(request, "format", _FORMATS, "display") != "display":
        return None
    return known_actions(session)


def _v1(session: Session, policy: Policy) -> Reply:
    return Reply(policy_response(policy, session.ctx), headers={"ETag": f'"{service.tag_of(policy)}"'})


def _v2(session: Session, policy: Policy, request: Request) -> Reply:
    body = policy_v2_response(policy, session.ctx, _display(session, request))
    return Reply(body, headers={"ETag": f'"{service.tag_of(policy)}"'})


def _create(session: Session, request: Request) -> Reply:
    """Create an access or authorization policy."""
    return _v1(session, service.make_policy(session, wanted_v1(request.body)))


def _create_v2(session: Session, request: Request) -> Reply:
    """Create an access or authorization policy in its second shape."""
    return _v2(session, service.make_policy(session, wanted_v2(request.body)), request)


def _get(session: Session, request: Request) -> Reply:
    """Get a policy."""
    return _v1(session, request.authorized.resource)


def _get_v2(session: Session, request: Request) -> Reply:
    """Get a policy in its second shape."""
    return _v2(session, request.authorized.resource, request)


def _replace(session: Session, request: Request) -> Reply:
    """Replace a policy."""
    service.same_version(request.authorized.resource, request.headers.get("if-match"))
    return _v1(session, service.replace_policy(session, request.authorized, wanted_v1(request.body)))


def _replace_v2(session: Session, request: Request) -> Reply:
    """Replace a policy in its second shape."""
    service.same_version(request.authorized.resource, request.headers.get("if-match"))
    return _v2(session, service.replace_policy(session, request.authorized, wanted_v2(request.body)), request)


def _restore(session: Session, request: Request) -> Reply:
    """Restore a deleted policy."""
    body: PolicyStateRequest = request.body
    service.same_version(request.authorized.resource, request.headers.get("if-match"))
    if body.state == "deleted":
        raise invalid("invalid_body", "A policy is deleted with DELETE.", "state")
    return _v1(session, service.restore_policy(session, request.authorized))


def _delete(session: Session, request: Request) -> None:
    """Delete a policy."""
    service.delete_policy(session, request.authorized)


def routes() -> tuple[Route, ...]:
    v1, v2, one = "/v1/policies", "/v2/policies", "{id}"
    lists, make = access.listing(POLICY), access.create("iam-access-management.policy.create")
    read, change = access.item(POLICY), access.item(POLICY, "iam-access-management.policy.update")
    drop = access.item(POLICY, "iam-access-management.policy.delete")
    again = access.item(ANY_POLICY, "iam-access-management.policy.update")
    first: dict[str, Any] = {"surface": FAMILY, "body": PolicyRequest, "answer": PolicyResponse}
    second: dict[str, Any] = {"surface": FAMILY, "body": PolicyV2Request, "answer": PolicyV2Response}
    return (
        route("GET", v1, _list, surface=FAMILY, access=lists),
        route("POST", v1, _create, access=make, status=201, **first),
        route("GET", f"{v1}/{one}", _get, surface=FAMILY, access=read, answer=PolicyResponse),
        route("PUT", f"{v1}/{one}", _replace, access=change, **first),
        route(
            "PATCH",
            f"{v1}/{one}",
            _restore,
            surface=FAMILY,
            access=again,
            body=PolicyStateRequest,
            answer=PolicyResponse,
        ),
        route("DELETE", f"{v1}/{one}", _delete, surface=FAMILY, access=drop, status=204),
        route("GET", v2, _list_v2, surface=FAMILY, access=lists),
        route("POST", v2, _create_v2, access=make, status=201, **second),
        route("GET", f"{v2}/{one}", _get_v2, surface=FAMILY, access=read, answer=PolicyV2Response),
        route("PUT", f"{v2}/{one}", _replace_v2, access=change, **second),
        route("DELETE", f"{v2}/{one}", _delete, surface=FAMILY, access=drop, status=204),
    )
