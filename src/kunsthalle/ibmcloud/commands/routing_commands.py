"""`is vpc-routing-tables` and their routes (VPC CLI reference, "Routing tables and routes")."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.commands.network_resources import ROUTE, ROUTING_TABLE
from kunsthalle.ibmcloud.commands.vpc_resources import SUBNET, VPC
from kunsthalle.ibmcloud.grammar import Command, flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.resource_commands import (
    NAME,
    OF_VPC,
    changes,
    deletes,
    filled,
    lists,
    makes,
    shows,
    view_part,
)

_INGRESS = tuple(
    flag(f"{source}-ingress", "true|false", f"Whether the table routes what comes from {text}.", also=(source,))
    for source, text in (
        ("direct-link", "Direct Link"),
        ("internet", "the internet"),
        ("transit-gateway", "Transit Gateway"),
        ("vpc-zone", "other zones of the VPC"),
    )
)
_SOURCES = flag(
    "accept-routes-from-resource-type-filters",
    "LIST",
    "Comma separated types of resources that may add routes: vpn_server, vpn_gateway.",
    kind="list",
    also=("ar-rtf",),
)
_CLEAN = flag("clean-all-accept-routes-from-filters", text="Let no resources add routes.", also=("cl-arf",))
_NAMED = flag("name", "NAME", "Name of the routing table.")
_NEXT_HOP = flag("next-hop", "ADDRESS", "Address to deliver to.")
_PRIORITY = flag("priority", "0-4", "Priority: 0 is the highest.", kind="int")
_ADVERTISE = flag("advertise", "true|false", "Whether the route is advertised.")


def _table(run: Run) -> dict[str, Any]:
    options = run.given
    body = filled(
        name=options.get("name"),
        **{f"route_{entry.name.replace('-', '_')}": options.get(entry.name) for entry in _INGRESS},
    )
    if options.has(_SOURCES.name) or options.get(_CLEAN.name):
        body["accept_routes_from"] = [{"resource_type": entry} for entry in options.get(_SOURCES.name) or ()]
    return body


def _route(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        name=options.get("name"),
        zone={"name": options.get("zone")},
        destination=options.get("destination"),
        action=options.get("action"),
        **_options(run),
    )


def _options(run: Run) -> dict[str, Any]:
    hop, options = run.given.get("next-hop"), run.given
    next_hop = {"address": hop} if hop else None
    return filled(next_hop=next_hop, priority=options.get("priority"), advertise=options.get("advertise"))


def _changed_route(run: Run) -> dict[str, Any]:
    return filled(name=run.given.get("name"), **_options(run))


_VIEWED = partial(view_part, fields=ROUTING_TABLE.fields)
_DEFAULT = partial(_VIEWED, owner=VPC, path="default_routing_table", noun=f"default {ROUTING_TABLE.noun}")
_OF_SUBNET = partial(_VIEWED, owner=SUBNET, path="routing_table", noun=ROUTING_TABLE.noun)

COMMANDS = (
    Command("is vpc-default-routing-table", "View the default routing table of a VPC.", _DEFAULT, "VPC"),
    Command(
        "is subnet-routing-table",
        "View the routing table of a subnet.",
        _OF_SUBNET,
        "SUBNET",
        (OF_VPC,),
    ),
    lists(ROUTING_TABLE, "vpc-routing-tables", also=("is vpc-rtbls",)),
    shows(ROUTING_TABLE, "vpc-routing-table", also=("is vpc-rtbl",)),
    makes(
        ROUTING_TABLE, "vpc-routing-table-create", "", _NAMED, *_INGRESS, _SOURCES, body=_table, also=("is vpc-rtblc",)
    ),
    changes(
        ROUTING_TABLE,
        "vpc-routing-table-update",
        NAME,
        *_INGRESS,
        _SOURCES,
        _CLEAN,
        body=_table,
        alone=((_SOURCES.name, _CLEAN.name),),
        also=("is vpc-rtblu",),
    ),
    deletes(ROUTING_TABLE, "vpc-routing-table-delete", also=("is vpc-rtbld",)),
    lists(ROUTE, "vpc-routing-table-routes", also=("is vpc-rtbl-rts",)),
    shows(ROUTE, "vpc-routing-table-route", also=("is vpc-rtbl-rt",)),
    makes(
        ROUTE,
        "vpc-routing-table-route-create",
        "",
        flag("zone", "ZONE", "Name of the zone.", required=True),
        flag("destination", "CIDR", "Where packets go to.", required=True),
        flag("action", text="What is done.", choices=("delegate_vpc", "delegate", "deliver", "drop")),
        flag("name", "NAME", "Name of the route."),
        _NEXT_HOP,
        flag("vpngw", "GATEWAY", "Ignored: there are no VPN gateways."),
        _PRIORITY,
        _ADVERTISE,
        body=_route,
        also=("is vpc-rtbl-rtc",),
    ),
    changes(
        ROUTE,
        "vpc-routing-table-route-update",
        NAME,
        _NEXT_HOP,
        _PRIORITY,
        _ADVERTISE,
        body=_changed_route,
        also=("is vpc-rtbl-rtu",),
    ),
    deletes(ROUTE, "vpc-routing-table-route-delete", also=("is vpc-rtbl-rtd",)),
)
