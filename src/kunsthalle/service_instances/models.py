"""Instances of services. Moments in microseconds since the epoch."""

from __future__ import annotations

from typing import Any

from kunsthalle.core.crn import Crn
from kunsthalle.core.records import dataclass


@dataclass(frozen=True, slots=True)
class ServiceInstance:
    """An instance of a service, such as `cloud-object-storage`, at a location; and what was done last to it."""

    id: str
    account_id: str
    service: str
    location: str
    name: str
    plan_id: str
    resource_group_id: str
    parameters: dict[str, Any]
    locked: bool
    created_by: str
    updated_at: int
    updated_by: str
    state: str
    last_operation: str
    created_at: int
    revision: int = 1

    @property
    def crn(self) -> str:
        return str(Crn(self.service, self.location, self.account_id, self.id))
