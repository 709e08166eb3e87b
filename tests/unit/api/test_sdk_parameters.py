"""The query parameters that the official SDKs can send, held against those that the routes declare."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, get_args, get_type_hints

import ibm_platform_services as platform
import pytest
from ibm_cloud_sdk_core import BaseService
from ibm_cloud_sdk_core.authenticators import NoAuthAuthenticator
from ibm_vpc import VpcV1

from fixtures.tools import tool
from kunsthalle.api.query_params import fields_of
from kunsthalle.api.router import Route, Router

SERVICES: dict[type[BaseService], str] = {
    VpcV1: "/v1",
    platform.CatalogManagementV1: "/api/v1-beta",
    platform.EnterpriseManagementV1: "/v1",
    platform.GlobalSearchV2: "",
    platform.GlobalTaggingV1: "",
    platform.IamAccessGroupsV2: "",
    platform.IamIdentityV1: "",
    platform.IamPolicyManagementV1: "",
    platform.ResourceControllerV2: "",
    platform.ResourceManagerV2: "",
    platform.UserManagementV1: "",
}
"""What clients are made of, and where their paths begin."""

CLUSTERS = "concerns clusters and namespaces, which no version of an image is installed in"
HISTORY = "concerns sign-ins of an identity, which the audit has"
GROUPS = "concerns groups of service IDs, which are not offered"
WHOSE = "the account of the token is the one that is meant"
ARCHIVE = "concerns archives of source code; a version is made of an image here"
IGNORED: dict[str, dict[str, str]] = {
    "POST /api/v1-beta/catalogs/{catalog_id}/offerings/{offering_id}/version": dict.fromkeys(
        ("zipurl", "repoType", "includeConfig", "isVSI"), ARCHIVE
    ),
    "POST /api/v1-beta/catalogs/{catalog_id}/import/offerings": dict.fromkeys(
        ("zipurl", "repoType", "includeConfig", "isVSI"), ARCHIVE
    ),
    "PUT /api/v1-beta/catalogs/{catalog_id}/offerings/{offering_id}/reload": dict.fromkeys(
        ("zipurl", "repoType"), ARCHIVE
    ),
    "GET /api/v1-beta/catalogs/{catalog_id}/offerings/{offering_id}/updates": dict.fromkeys(
        (
            "all_namespaces",
            "channel",
            "cluster_id",
            "namespace",
            "namespaces",
            "region",
            "resource_group_id",
            "sha",
            "target",
        ),
        CLUSTERS,
    ),
    "GET /api/v1-beta/catalogs/{catalog_id}/objects": {"sort": "objects are listed by name"},
    "GET /api/v1-beta/objects": {"collapse": "concerns objects of several regions, which are not offered"},
    "GET /v2/groups": {"hide_public_access": "the group of everybody is not offered, so it is always hidden"},
    "GET /v2/groups/settings": {"account_id": WHOSE},
    "GET /v2/groups/{access_group_id}/members": {"sort": "members are listed by the time they were added"},
    "POST /v1/serviceids/": {"show_group_id": GROUPS},
    "PUT /v1/serviceids/{id}": {"show_group_id": GROUPS},
    "GET /v1/serviceids/{id}": {"show_group_id": GROUPS, "include_activity": HISTORY},
    "GET /v1/serviceids/": {"show_group_id": GROUPS, "group_id": GROUPS},
    "GET /v1/accounts/{account_id}/settings/identity": {"resolve_user_mfa": "sign-ins have one factor here"},
    "GET /v1/accounts/{account_id}/effective_settings/identity": {"resolve_user_mfa": "sign-ins have one factor here"},
    "GET /v1/apikeys/{id}": {"include_activity": HISTORY},
    "GET /v1/apikeys": {"group_id": GROUPS},
    "GET /v1/profiles/{profile_id}": {"include_activity": HISTORY},
    "GET /v1/policies": {"format": "the first shape of policies has one format here"},
    "DELETE /v2/resource_instances/{id}": {"recursive": "instances have no bindings, keys or aliases here"},
    "POST /v3/resources/search": {"timeout": "searches are bounded by their work, not by their time"},
    "GET /v3/tags": {"timeout": "lists of tags take no time to speak of", "full_data": "tags have one provider here"},
    "POST /v3/tags": {"account_id": WHOSE},
    "DELETE /v3/tags": {"account_id": WHOSE, "providers": "tags have one provider here"},
    "DELETE /v3/tags/{tag_name}": {"account_id": WHOSE, "providers": "tags have one provider here"},
    "POST /v3/tags/attach": {"account_id": WHOSE},
    "POST /v3/tags/detach": {"account_id": WHOSE},
    "GET /v2/accounts/{account_id}/users/{iam_id}": {"include_activity": HISTORY},
    "PATCH /v2/accounts/{account_id}/users/{iam_id}": {"include_activity": HISTORY},
    "DELETE /v2/accounts/{account_id}/users/{iam_id}": {"include_activity": HISTORY},
}
"""What is accepted and changes nothing, by operation, and why."""


class Sent(Exception):
    """Carries out of a client what it was about to send."""


@cache
def _routes() -> dict[str, Route]:
    return {route.name: route for route in tool("openapi").routes()}


def _value(hint: Any) -> Any:
    kinds = [one for one in (get_args(hint) or (hint,)) if one is not type(None)]
    known: dict[Any, Any] = {str: "x", bool: True, int: 1, datetime: datetime(2026, 1, 1, tzinfo=UTC), float: 1.0}
    return known.get(kinds[0], b"x" if "BinaryIO" in str(hint) else ["x"] if "List[str]" in str(hint) else {})


def _calls(service: type[BaseService]) -> Iterator[tuple[str, str, set[str]]]:
    """Method, path and query parameters of every operation of a client, with every argument given."""
    more = {"version": "2026-10-07"} if service is VpcV1 else {}
    client: Any = service(authenticator=NoAuthAuthenticator(), **more)

    def prepare(method: str, url: str, params: Any = None, **_more: Any) -> Any:
        raise Sent(method, url, set(params or {}))

    client.prepare_request = prepare
    for name, function in vars(service).items():
        if name.startswith(("_", "new_instance")) or not inspect.isfunction(function):
            continue
        hints = get_type_hints(function)
        given = inspect.signature(function).parameters.values()
        names = [one.name for one in given if one.kind != one.VAR_KEYWORD and one.name != "self"]
        arguments = {one: _value(hints.get(one)) for one in names}
        if "content" in arguments:
            arguments["content"] = b"x"
        with pytest.raises(Sent) as sent:
            getattr(client, name)(**arguments)
        yield sent.value.args


def _operations() -> Iterator[tuple[str, set[str]]]:
    logging.disable(logging.WARNING)  # that an operation is deprecated
    router = Router(_routes().values())
    try:
        for service, base in SERVICES.items():
            for method, path, names in _calls(service):
                match = router.match(method, f"{base}{path}".encode())
                if match is not None and match.route is not None:
                    yield match.route.name, names - {"version", "generation"}
    finally:
        logging.disable(logging.NOTSET)


def test_what_the_sdks_send_is_declared_or_listed_with_a_reason() -> None:
    compared, used = 0, dict[str, set[str]]()
    for name, sent in _operations():
        route = _routes()[name]
        declared = set() if route.query is None else set(fields_of(route.query))
        undeclared = sent - declared
        assert undeclared <= set(IGNORED.get(name, {})), name
        used.setdefault(name, set()).update(undeclared)
        compared += len(sent)
    assert compared > 350
    assert {name: found for name, found in used.items() if found} == {name: set(one) for name, one in IGNORED.items()}
