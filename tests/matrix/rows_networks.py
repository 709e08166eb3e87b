"""The networks room's rows."""

from __future__ import annotations

from typing import Any

from support.realm import Realm


def _rename(_realm: Realm) -> Any:
    return {"name": "renamed"}


BODIES = {
    f"PATCH /v1/{path}": _rename
    for path in (
        "vpcs/{id}",
        "vpcs/{vpc_id}/routing_tables/{id}",
        "subnets/{id}",
        "security_groups/{id}",
        "network_acls/{id}",
        "keys/{id}",
    )
}


def furnish(realm: Realm) -> None:
    """The interface that a security group names is not there until a server is."""
    realm.ids.setdefault("targets", "0717-00000000-0000-4000-8000-000000000001")
