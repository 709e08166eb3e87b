"""The routes of this room."""

from __future__ import annotations

from kunsthalle.accounts import routes_audit, routes_groups, routes_tree, routes_users
from kunsthalle.accounts.ports import Identities
from kunsthalle.api.routing import Route


def routes(identities: Identities) -> tuple[Route, ...]:
    """`identities` is the identity room's side of founding, joining and leaving an account."""
    return (
        *routes_groups.routes(),
        *routes_tree.routes(identities),
        *routes_users.routes(identities),
        *routes_audit.routes(),
    )
