"""The routes of this package."""

from __future__ import annotations

from kunsthalle.accounts import routes_audit, routes_enterprise, routes_resource_groups, routes_users
from kunsthalle.accounts.identity_port import Identities
from kunsthalle.api.router import Route


def routes(identities: Identities) -> tuple[Route, ...]:
    """`identities` is the iam package's side of founding, joining and leaving an account."""
    return (
        *routes_resource_groups.routes(),
        *routes_enterprise.routes(identities),
        *routes_users.routes(identities),
        *routes_audit.routes(),
    )
