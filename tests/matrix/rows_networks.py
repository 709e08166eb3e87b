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
