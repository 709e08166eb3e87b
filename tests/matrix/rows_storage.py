"""The rows of what hangs below volumes and snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fixtures.frozen_app import QUERY, FrozenApp

BODIES: dict[str, Callable[[FrozenApp], Any]] = {}


def furnish(frozen: FrozenApp) -> None:
    """A clone of the publisher's snapshot."""
    ids = frozen.ids
    ids["clones"] = ids["zone"]
    ids["software_attachments"] = ids["snapshots"]
    frozen.settle()
    frozen.ok("owner", "PUT", f"/v1/snapshots/{ids['snapshots']}/clones/{ids['clones']}?{QUERY}")
