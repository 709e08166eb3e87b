"""Every route of the room, a file a resource."""

from __future__ import annotations

from kunsthalle.api.routing import Route
from kunsthalle.identity import (
    routes_group_rules,
    routes_groups,
    routes_keys,
    routes_policies,
    routes_profile_rules,
    routes_profiles,
    routes_roles,
    routes_service_ids,
    routes_token,
)
from kunsthalle.identity.tokens import Tokens


def routes(tokens: Tokens) -> tuple[Route, ...]:
    return (
        *routes_token.routes(tokens),
        *routes_keys.routes(tokens),
        *routes_service_ids.routes(tokens),
        *routes_profiles.routes(),
        *routes_profile_rules.routes(),
        *routes_policies.routes(),
        *routes_roles.routes(),
        *routes_groups.routes(),
        *routes_group_rules.routes(),
    )
