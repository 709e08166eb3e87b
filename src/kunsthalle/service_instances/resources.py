"""How instances of services are looked up: each service is a type of its own, with actions of its own."""

from __future__ import annotations

from kunsthalle.db.visibility import ResourceType
from kunsthalle.service_instances.models import ServiceInstance
from kunsthalle.service_instances.states import SERVICE_INSTANCE_STATES
from kunsthalle.service_instances.tables import service_instances

OBJECT_STORAGE, KEY_PROTECT = "cloud-object-storage", "kms"


def _instances_of(service: str) -> ResourceType[ServiceInstance]:
    columns = service_instances.c
    return ResourceType(
        f"{service}-instance",
        service_instances,
        ServiceInstance,
        f"{service}.instance.retrieve",
        attributes={"serviceInstance": columns.id, "resourceGroupId": columns.resource_group_id},
        states=SERVICE_INSTANCE_STATES,
        state_column=columns.state,
        live=columns.service == service,
    )


STORAGE_INSTANCE, KEY_PROTECT_INSTANCE = _instances_of(OBJECT_STORAGE), _instances_of(KEY_PROTECT)
INSTANCES = {OBJECT_STORAGE: STORAGE_INSTANCE, KEY_PROTECT: KEY_PROTECT_INSTANCE}
