"""The rows of what hangs below volumes and snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fixtures.realm import QUERY, Realm

BODIES: dict[str, Callable[[Realm], Any]] = {}


def furnish(realm: Realm) -> None:
    """A clone of the publisher's snapshot."""
    ids = realm.ids
    ids["clones"] = ids["zone"]
    ids["software_attachments"] = ids["snapshots"]
    realm.settle()
    realm.ok("owner", "PUT", f"/v1/snapshots/{ids['snapshots']}/clones/{ids['clones']}?{QUERY}")
