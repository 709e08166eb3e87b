"""`/v1/policies` and `/v2/policies`: two shapes of one store."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, Literal

from msgspec import Meta

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, changing, making, reading, removing
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
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


def _v1(policy: Policy, session: Session) -> PolicyResponse:
    return policy_response(policy, session.ctx)


def _v2(policy: Policy, session: Session, query: FormatParameters) -> PolicyV2Response:
    return policy_v2_response(policy, session.ctx, _display(session, query.format))


def _create(session: Session, body: PolicyRequest) -> Policy:
    return service.make_policy(session, wanted_v1(body))


def _create_v2(session: Session, body: PolicyV2Request) -> Policy:
    return service.make_policy(session, wanted_v2(body))


def _replace(session: Session, policy: Authorized[Policy], body: PolicyRequest, _as_read: None) -> Policy:
    return service.replace_policy(session, policy, wanted_v1(body))


def _replace_v2(session: Session, policy: Authorized[Policy], body: PolicyV2Request, _as_read: None) -> Policy:
    return service.replace_policy(session, policy, wanted_v2(body))


def _expected(request: Request, policy: Policy) -> None:
    service.same_version(policy, request.headers.get("if-match"))


def _restore(session: Session, policy: Authorized[Policy], body: PolicyStateRequest, _as_read: None) -> Policy:
    if body.state == "deleted":
        raise invalid("invalid_body", "A policy is deleted with DELETE.", "state")
    return service.restore_policy(session, policy)


_TAGGED: dict[str, Any] = {"surface": FAMILY, "tag": service.tag_of, "expected": _expected}
FIRST = Resource(POLICY, "/v1/policies", _v1, PolicyResponse, **_TAGGED)
DELETED = Resource(ANY_POLICY, "/v1/policies", _v1, PolicyResponse, **_TAGGED)
SECOND = Resource(POLICY, "/v2/policies", _v2, PolicyV2Response, **_TAGGED)


def routes() -> tuple[Route, ...]:
    lists, shape, query = access.listing(POLICY), " in its second shape.", FormatParameters
    make, replace = "Create an access or authorization policy", "Replace a policy"
    return (
        route("GET", FIRST.path, _list, surface=FAMILY, access=lists, query=PoliciesParameters),
        making(FIRST, f"{make}.", _create, PolicyRequest),
        reading(FIRST, "Get a policy."),
        changing(FIRST, f"{replace}.", _replace, PolicyRequest, method="PUT"),
        changing(DELETED, "Restore a deleted policy.", _restore, PolicyStateRequest),
        removing(FIRST, "Delete a policy.", service.delete_policy),
        route("GET", SECOND.path, _list_v2, surface=FAMILY, access=lists, query=PoliciesV2Parameters),
        making(SECOND, make + shape, _create_v2, PolicyV2Request, query=query),
        reading(SECOND, "Get a policy" + shape, query),
        changing(SECOND, replace + shape, _replace_v2, PolicyV2Request, method="PUT", query=query),
        removing(SECOND, "Delete a policy" + shape, service.delete_policy),
    )
