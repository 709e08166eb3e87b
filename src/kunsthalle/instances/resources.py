"""How servers, interfaces and templates are looked up."""

from __future__ import annotations

from kunsthalle.db.visibility import ResourceType
from kunsthalle.instances.models import Instance, Interface, Template
from kunsthalle.instances.states import INSTANCE_STATES
from kunsthalle.instances.tables import instances, interfaces, templates

INSTANCE = ResourceType(
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
INTERFACE = ResourceType("interface", interfaces, Interface, "is.instance.instance.read")

TEMPLATE = ResourceType(
    "instance-template",
    templates,
    Template,
    "is.instance-template.instance-template.read",
    attributes={"instanceTemplateId": templates.c.id, "resourceGroupId": templates.c.resource_group_id},
    tallied=True,
)
