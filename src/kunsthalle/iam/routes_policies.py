"""`/v1/policies` and `/v2/policies`: two shapes of one store."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Reply, Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.iam import POLICY as FAMILY
from kunsthalle.core.errors import invalid
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.iam import policies as service
from kunsthalle.iam.custom_roles import known_actions
from kunsthalle.iam.iam_pagination import Account, StartParameters, by_start
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

Format = Annotated[
    Literal["include_last_permit", "display"] | None,
    Meta(description="`display` shows roles with their actions; `include_last_permit` changes nothing here."),
]


class FormatParameters(Parameters, frozen=True):
    """Of policies in their second shape."""

    format: Format = None


class PoliciesParameters(StartParameters, frozen=True):
    """Of the lists of policies."""

    account_id: Account = None
    iam_id: Annotated[str | None, Meta(description="Only policies of the identity with this IAM ID.")] = None
    access_group_id: Annotated[str | None, Meta(description="Only policies of this access group.")] = None
    type: Annotated[str | None, Meta(description="Only policies of this type: `access` or `authorization`.")] = None
    service_type: Annotated[str | None, Meta(description="Only policies about services of this type.")] = None
    service_name: Annotated[str | None, Meta(description="Only policies about the service of this name.")] = None
    service_group_id: Annotated[str | None, Meta(description="Only policies about this group of services.")] = None
    tag_name: Annotated[str | None, Meta(description="Only policies about access tags of this name.")] = None
    tag_value: Annotated[str | None, Meta(description="Only policies about access tags of this value.")] = None
    sort: Annotated[
        Literal[
            "id",
            "-id",
            "type",
            "-type",
            "href",
            "-href",
            "created_at",
            "-created_at",
            "created_by_id",
            "-created_by_id",
            "last_modified_at",
            "-last_modified_at",
            "last_modified_by_id",
            "-last_modified_by_id",
            "state",
            "-state",
        ],
        Meta(description="What the list is sorted by; with `-` before it, in descending order."),
    ] = "created_at"
    state: Annotated[
        Literal["active", "deleted"], Meta(description="Whether policies in force or deleted ones are listed.")
    ] = "active"


class PoliciesV2Parameters(PoliciesParameters, frozen=True):
    """Of the list of policies in their second shape."""

    format: Format = None


def _order(text: str) -> Any:
    """A column, `-` in front for descending."""
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
    column = sorts[text.removeprefix("-")]
    return column.desc() if text.startswith("-") else column.asc()


def _holds(text: str, key: str | None, value: str | None) -> Any:
    """Policies with a stored condition of this key and value, as far as they are given, whatever the operator."""
    import msgspec

    def written(operator: str) -> str:
        condition = {"key": key, "operator": operator, "value": value}
        whole = msgspec.json.encode(condition, order="deterministic").decode()
        rest = whole.removeprefix('{"key":null') if key is None else whole
        return rest.removesuffix("null}") if value is None else rest

    from sqlalchemy import Text, cast, or_

    column = cast(POLICY.table.c[text], Text)
    return or_(*(column.contains(written(operator), autoescape=True) for operator in service.OPERATORS))


def _filters(session: Session, query: PoliciesParameters) -> list[Any]:
    table = POLICY.table.c
    where = [table.account_id == (query.account_id or session.ctx.account_id)]
    plain = (
        (table.type, query.type),
        (table.subject_id, query.iam_id),
        (table.subject_id, query.access_group_id),
    )
    where += [column == value for column, value in plain if value is not None]
    inner = (
        ("serviceType", query.service_type),
        ("serviceName", query.service_name),
        ("service_group_id", query.service_group_id),
    )
    where += [_holds("resource", key, value) for key, value in inner if value is not None]
    if query.tag_name is not None or query.tag_value is not None:
        where.append(_holds("tags", query.tag_name, query.tag_value))
    return where


def _page(
    session: Session,
    request: Request,
    query: PoliciesParameters,
    shown_bytes: Callable[[Policy], int] | None = None,
) -> tuple[dict[str, Any], list[Policy]]:
    """Deleted policies are listed when they are asked for by their state, and not otherwise."""
    where = [*_filters(session, query), ANY_POLICY.table.c.state == query.state]
    return by_start(session, request, query, ANY_POLICY, _order(query.sort), *where, shown_bytes=shown_bytes)


def _list(session: Session, request: Request, query: PoliciesParameters) -> dict[str, Any]:
    """List the policies of the account."""
    envelope, rows = _page(session, request, query)
    return {**envelope, "policies": [policy_response(policy, session.ctx) for policy in rows]}


def _list_v2(session: Session, request: Request, query: PoliciesV2Parameters) -> dict[str, Any]:
    """List the policies of the account in their second shape."""
    actions = _display(session, query.format)
    envelope, rows = _page(session, request, query, None if actions is None else partial(_action_bytes, actions))
    return {**envelope, "policies": [policy_v2_response(policy, session.ctx, actions) for policy in rows]}


_BYTES_OF_ACTION = 150
"""Of one action of a role in an answer with `format=display`, about."""


def _action_bytes(actions: dict[str, list[str]], policy: Policy) -> int:
    """The bytes that the actions of a policy's roles take in an answer, where each is written three times."""
    return sum(_BYTES_OF_ACTION * len(actions.get(role, ())) for role in policy.roles)


def _display(session: Session, format_: str | None) -> dict[str, list[str]] | None:
    return known_actions(session) if format_ == "display" else None


def _v1(session: Session, policy: Policy) -> Reply:
    return Reply(policy_response(policy, session.ctx), headers={"ETag": f'"{service.tag_of(policy)}"'})


def _v2(session: Session, policy: Policy, query: FormatParameters) -> Reply:
    body = policy_v2_response(policy, session.ctx, _display(session, query.format))
    return Reply(body, headers={"ETag": f'"{service.tag_of(policy)}"'})


def _create(session: Session, request: Request) -> Reply:
    """Create an access or authorization policy."""
    return _v1(session, service.make_policy(session, wanted_v1(request.body)))


def _create_v2(session: Session, request: Request, query: FormatParameters) -> Reply:
    """Create an access or authorization policy in its second shape."""
    return _v2(session, service.make_policy(session, wanted_v2(request.body)), query)


def _get(session: Session, _request: Request, policy: Policy) -> Reply:
    """Get a policy."""
    return _v1(session, policy)


def _get_v2(session: Session, _request: Request, policy: Policy, query: FormatParameters) -> Reply:
    """Get a policy in its second shape."""
    return _v2(session, policy, query)


def _replace(session: Session, request: Request, policy: Authorized[Policy]) -> Reply:
    """Replace a policy."""
    service.same_version(policy.resource, request.headers.get("if-match"))
    return _v1(session, service.replace_policy(session, policy, wanted_v1(request.body)))


def _replace_v2(session: Session, request: Request, policy: Authorized[Policy], query: FormatParameters) -> Reply:
    """Replace a policy in its second shape."""
    service.same_version(policy.resource, request.headers.get("if-match"))
    return _v2(session, service.replace_policy(session, policy, wanted_v2(request.body)), query)


def _restore(session: Session, request: Request, policy: Authorized[Policy]) -> Reply:
    """Restore a deleted policy."""
    body: PolicyStateRequest = request.body
    service.same_version(policy.resource, request.headers.get("if-match"))
    if body.state == "deleted":
        raise invalid("invalid_body", "A policy is deleted with DELETE.", "state")
    return _v1(session, service.restore_policy(session, policy))


def _delete(session: Session, _request: Request, policy: Authorized[Policy]) -> None:
    """Delete a policy."""
    service.delete_policy(session, policy)


def routes() -> tuple[Route, ...]:
    v1, v2, item_path = "/v1/policies", "/v2/policies", "{id}"
    lists, make = access.listing(POLICY), access.create("iam-access-management.policy.create")
    read, change = access.item(POLICY), access.item(POLICY, "iam-access-management.policy.update")
    drop = access.item(POLICY, "iam-access-management.policy.delete")
    again = access.item(ANY_POLICY, "iam-access-management.policy.update")
    first: dict[str, Any] = {"surface": FAMILY, "body": PolicyRequest, "answer": PolicyResponse}
    second: dict[str, Any] = {"surface": FAMILY, "body": PolicyV2Request, "answer": PolicyV2Response}
    return (
        route("GET", v1, _list, surface=FAMILY, access=lists, query=PoliciesParameters),
        route("POST", v1, _create, access=make, status=201, **first),
        route("GET", f"{v1}/{item_path}", _get, surface=FAMILY, access=read, answer=PolicyResponse),
        route("PUT", f"{v1}/{item_path}", _replace, access=change, **first),
        route(
            "PATCH",
            f"{v1}/{item_path}",
            _restore,
            surface=FAMILY,
            access=again,
            body=PolicyStateRequest,
            answer=PolicyResponse,
        ),
        route("DELETE", f"{v1}/{item_path}", _delete, surface=FAMILY, access=drop, status=204),
        route("GET", v2, _list_v2, surface=FAMILY, access=lists, query=PoliciesV2Parameters),
        route("POST", v2, _create_v2, access=make, status=201, query=FormatParameters, **second),
        route(
            "GET",
            f"{v2}/{item_path}",
            _get_v2,
            surface=FAMILY,
            access=read,
            answer=PolicyV2Response,
            query=FormatParameters,
        ),
        route("PUT", f"{v2}/{item_path}", _replace_v2, access=change, query=FormatParameters, **second),
        route(
            "DELETE",
            f"{v2}/{item_path}",
            _delete,
            surface=FAMILY,
            access=drop,
            status=204,
            summary="Delete a policy in its second shape.",
        ),
    )
