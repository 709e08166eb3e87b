"""The services of which the resource controller makes instances."""

from __future__ import annotations

from kunsthalle.images.object_storage_instances import OBJECT_STORAGE_SERVICE
from kunsthalle.key_protect.offered_service import KEY_PROTECT_SERVICE
from kunsthalle.service_instances.service import OfferedService

_ALL: tuple[OfferedService, ...] = (OBJECT_STORAGE_SERVICE, KEY_PROTECT_SERVICE)
OFFERED = {service.name: service for service in _ALL}
"""By name."""
BY_PLAN = {plan_id: service for service in OFFERED.values() for plan_id in service.plans}
