"""How bare metal servers and their interfaces are looked up."""

from __future__ import annotations

from kunsthalle.db.visibility import ResourceType
from kunsthalle.instances.bare_metal.models import BareMetalServer, MetalInterface
from kunsthalle.instances.bare_metal.states import BARE_METAL_STATES
from kunsthalle.instances.bare_metal.tables import interfaces, servers

BARE_METAL = ResourceType(
    "bare-metal-server",
    servers,
    BareMetalServer,
    "is.bare-metal-server.bare-metal-server.read",
    {"bareMetalServerId": servers.c.id, "resourceGroupId": servers.c.resource_group_id},
    states=BARE_METAL_STATES,
    state_column=servers.c.status,
    tallied=True,
)
_OF_SERVER = {
    "bareMetalServerId": interfaces.c.bare_metal_server_id,
    "resourceGroupId": interfaces.c.resource_group_id,
}
METAL_INTERFACE = ResourceType("bare-metal-interface", interfaces, MetalInterface, BARE_METAL.read, _OF_SERVER)
METAL_ATTACHMENT = ResourceType(
    "bare-metal-attachment",
    interfaces,
    MetalInterface,
    BARE_METAL.read,
    _OF_SERVER,
    live=interfaces.c.virtual_network_interface_id.is_not(None),
)
"""The same rows, but only those that have a virtual network interface."""
