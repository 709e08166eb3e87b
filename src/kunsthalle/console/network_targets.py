"""Network interfaces as what has a floating IP, or is in a security group: named by the machine that they belong to."""

from __future__ import annotations

from collections.abc import Sequence

from kunsthalle.console.listing import Linked, Row, everything
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import Link, Option

_MACHINES = (("instances", "/v1/instances"), ("bare_metal_servers", "/v1/bare_metal_servers"))
_PLACES = {"instances": "/instances", "bare_metal_servers": "/bare-metal-servers"}


def link_of(target: Row) -> Link:
    """A target with the page of the machine that its address names, if it names one."""
    parts = str(target.get("href", "")).split("/")
    for word, place in _PLACES.items():
        if word in parts[:-1]:
            return Link(target["name"], f"{place}/{parts[parts.index(word) + 1]}")
    return Link(str(target.get("name") or target["id"]))


def target_of(row: Row) -> list[Link]:
    """What a row says that it is attached to."""
    return [link_of(row["target"])] if row.get("target") else []


async def interfaces(visit: Visit, _row: Row) -> Sequence[Option]:
    """The network interfaces of the account's instances and bare metal servers, and those that belong to none yet."""
    source = Linked("/v1/virtual_network_interfaces", "virtual_network_interfaces")
    separate = (await everything(visit.api, source))[0]
    attached = {entry["target"]["id"]: entry for entry in separate if "target" in entry}
    options = []
    for key, path in _MACHINES:
        for machine in (await everything(visit.api, Linked(path, key)))[0]:
            faces = machine["network_interfaces"]
            options += [_option(attached.get(entry["id"], entry), machine["name"]) for entry in faces]
    return options + [_option(entry) for entry in separate if "target" not in entry]


def _option(interface: Row, machine: str = "") -> Option:
    """An interface by its machine and its address; what is a virtual network interface too goes by the ID of that."""
    text = f"{interface['name']} ({interface['primary_ip']['address']})"
    return interface["id"], f"{machine}: {text}" if machine else text
