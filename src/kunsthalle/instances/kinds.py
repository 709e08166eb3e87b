"""How servers, interfaces and templates are looked up."""

from __future__ import annotations

from kunsthalle.instances.model import Instance, Interface, Template
from kunsthalle.instances.states import INSTANCE_STATES
from kunsthalle.store.schema.instances import instances, interfaces, templates
from kunsthalle.store.scope import Kind

INSTANCE = Kind(
    "instance",
    instances,
    Instance,
    "is.instance.instance.read",
    attributes={"instanceId": instances.c.id, "resourceGroupId": instances.c.resource_group_id},
    states=INSTANCE_STATES,
    state_column=instances.c.status,
    tallied=True,
)

# Interfaces are seen with their server: they are read only after it was looked up.
INTERFACE = Kind("interface", interfaces, Interface, "is.instance.instance.read")

TEMPLATE = Kind(
    "instance-template",
    templates,
    Template,
    "is.instance-template.instance-template.read",
    attributes={"instanceTemplateId": templates.c.id, "resourceGroupId": templates.c.resource_group_id},
    tallied=True,
)
