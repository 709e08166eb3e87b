"""Every route of the package, a file a resource."""

from __future__ import annotations

from kunsthalle.api.router import Route
from kunsthalle.iam import (
    routes_access_group_rules,
    routes_access_groups,
    routes_api_keys,
    routes_policies,
    routes_profile_rules,
    routes_roles,
    routes_service_ids,
    routes_token,
    routes_trusted_profiles,
)
from kunsthalle.iam.tokens import Tokens


def routes(tokens: Tokens) -> tuple[Route, ...]:
    return (
        *routes_token.routes(tokens),
        *routes_api_keys.routes(tokens),
        *routes_service_ids.routes(tokens),
        *routes_trusted_profiles.routes(),
        *routes_profile_rules.routes(),
        *routes_policies.routes(),
        *routes_roles.routes(),
        *routes_access_groups.routes(),
        *routes_access_group_rules.routes(),
    )
