"""Key Protect as the resource controller offers it."""

from __future__ import annotations

from typing import Any

from kunsthalle.core.errors import invalid
from kunsthalle.db.session import Session
from kunsthalle.jobs import queue
from kunsthalle.key_protect.service import STATE_JOB, erase_instance
from kunsthalle.service_instances.resources import KEY_PROTECT, KEY_PROTECT_INSTANCE
from kunsthalle.service_instances.service import OfferedService

SERVICE_ID = "ee41347f-b18e-4ca6-bf80-b5467c63f9a6"
PLANS = {"eedd3585-90c6-4c8f-be3d-062069e99fc3": "tiered-pricing"}
_NETWORKS = ("public-and-private", "private-only")


def _configure(_session: Session, _instance_id: str, parameters: dict[str, Any]) -> None:
    """`allowed_network` is kept and shown; every address of the server is reached the same way."""
    network = parameters.get("allowed_network", _NETWORKS[0])
    if network not in _NETWORKS:
        text = f"allowed_network is one of {', '.join(_NETWORKS)}."
        raise invalid("bad_request", text, "parameters.allowed_network")


def _follow(session: Session, instance_id: str) -> None:
    """What the keys of the instance protect learns of it."""
    queue.enqueue(session, STATE_JOB, instance_id)


KEY_PROTECT_SERVICE = OfferedService(
    KEY_PROTECT, SERVICE_ID, PLANS, KEY_PROTECT_INSTANCE, _configure, erase_instance, _follow, regional=True
)
