"""What an access rule looks up stands in the signature of the handler, on every route; and where a path names something
that no rule looks up, there is a reason.
"""

from __future__ import annotations

from inspect import signature
from types import NoneType
from typing import Any

from fixtures.frozen_app import FrozenApp
from kunsthalle.api.access import Access
from kunsthalle.api.router import Route

LOOKED_UP_BY_NO_RULE = {
    "the account, which is the caller's own or absent": (
        "/v2/accounts/{account_id}/users",
        "/v1/accounts/{account_id}/settings/identity",
        "/v1/accounts/{account_id}/effective_settings/identity",
    ),
    "an entry of a table that the product brings along": (
        "/v2/quota_definitions/{id}",
        "/v1/operating_systems/{name}",
        "/v1/regions/{name}",
        "/v1/regions/{region_name}/zones",
        "/v1/regions/{region_name}/zones/{name}",
        "/v1/volume/profiles/{name}",
        "/v1/instance/profiles/{name}",
        "/v1/bare_metal_server/profiles/{name}",
        "/api/v1/{id}",
        "/api/v1/{id}/{kind}",
    ),
    "an identity or a tag by its own name, of which nothing need be stored": (
        "/v2/groups/_allgroups/members/{iam_id}",
        "/v3/tags/{tag_name}",
    ),
    "a bucket of the account, or an upload to one: files, and no rows": (
        "/_kunsthalle/buckets/{bucket}/objects",
        "/_kunsthalle/buckets/{bucket}/inspection",
        "/_kunsthalle/buckets/{bucket}/content",
        "/_kunsthalle/uploads/{id}",
        "/_kunsthalle/uploads/{id}/parts/{number}",
        "/_kunsthalle/uploads/{id}/complete",
        "/_kunsthalle/conversions/{id}",
    ),
    "a type or a state, by which approvals are listed": (
        "/api/v1-beta/shareapproval/{type}/access",
        "/api/v1-beta/shareapproval/{type}/access/source/{state}",
    ),
    "what may be gone and still has an audit": (
        "/api/v1-beta/catalogaccount/audits/{auditlog_identifier}",
        "/api/v1-beta/catalogs/{catalog_id}/offerings/{offering_id}/audits",
        "/api/v1-beta/catalogs/{catalog_id}/offerings/{offering_id}/audits/{auditlog_identifier}",
        "/api/v1-beta/catalogs/{catalog_id}/offerings/{offering_id}/audit",
        "/api/v1-beta/enterprises/{enterprise_id}/audits",
        "/api/v1-beta/enterprises/{enterprise_id}/audits/{auditlog_identifier}",
    ),
    "what the operator names, who sees everything": (
        "/_kunsthalle/machines/{instance_id}/console",
        "/_kunsthalle/api_keys/{id}",
        "/_kunsthalle/faults/{id}",
        "/_kunsthalle/scenarios/{name}/load",
        "/_kunsthalle/scenarios/{name}",
        "/_kunsthalle/recordings/{id}/fetch",
        "/_kunsthalle/recordings/{id}",
        "/_kunsthalle/quotas/{name}",
        "/_kunsthalle/hosts/{name}",
        "/_kunsthalle/hosts/{name}/lost",
        "/_kunsthalle/hosts/{name}/back",
        "/_kunsthalle/hosts/{name}/power",
    ),
}
"""Paths with parameters whose routes look nothing up before the handler runs, by the reason."""


def looks_up(rule: Access) -> bool:
    """Whether the check of a rule returns what it has found."""
    returned: Any = signature(type(rule).check, eval_str=True).return_annotation
    return returned is not NoneType and returned is not None and type(rule).check is not Access.check


def served(frozen: FrozenApp) -> list[Route]:
    return [route for route in frozen.server.pipeline.router if route.status != 501]


def test_a_handler_takes_what_its_rule_looks_up(frozen: FrozenApp) -> None:
    routes = [route for route in served(frozen) if looks_up(route.access)]
    assert len(routes) > 300
    hidden = [route.name for route in routes if not route.access.finds or not route.arguments.row]
    assert hidden == [], "the rule says in `finds` what it returns; the handler takes it as its third parameter"


def test_a_handler_that_takes_a_row_has_a_rule_that_looks_it_up(frozen: FrozenApp) -> None:
    assert [route.name for route in served(frozen) if route.arguments.row and not looks_up(route.access)] == []


def test_what_a_path_names_is_looked_up_by_the_rule_unless_there_is_a_reason(frozen: FrozenApp) -> None:
    open_paths = {route.path for route in served(frozen) if "{" in route.path and not route.access.finds}
    assert open_paths == {path for paths in LOOKED_UP_BY_NO_RULE.values() for path in paths}
