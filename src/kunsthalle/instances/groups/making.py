"""What a member is made of: the group's template in one of the group's subnets; and whether that may be (R9)."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from kunsthalle.accounts.queries import audience
from kunsthalle.api.references import Identity
from kunsthalle.catalogs.groups import REFUSAL, may_group_use
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import Problem, forbidden, invalid
from kunsthalle.instances.bodies import CreateInstanceBody
from kunsthalle.instances.boot import choose
from kunsthalle.instances.groups.model import InstanceGroup
from kunsthalle.instances.model import Template
from kunsthalle.instances.prototypes import complete
from kunsthalle.networks.interfaces import CREATE as MAKE_INTERFACE
from kunsthalle.storage.kinds import MAKE as MAKE_VOLUME
from kunsthalle.store.unit import Unit

_SHARED_NOT = ("name", "primary_ip", "ips")
"""What only one interface of a network can have, and no two members."""

_PARTS = (
    ("volume_attachments", "volume", MAKE_VOLUME),
    ("primary_network_attachment", "virtual_network_interface", MAKE_INTERFACE),
    ("network_attachments", "virtual_network_interface", MAKE_INTERFACE),
)


def refuse_ungranted(unit: Unit, template: Template) -> None:
    """403 for a catalog's image without the authorization that groups need; asked anew at every growth (R9)."""
    source = template.prototype.get("catalog_offering")
    if not source:
        return
    crn = (source.get("version") or source["offering"])["crn"]
    if not may_group_use(unit, parse(crn).instance):
        raise forbidden(REFUSAL)


def acting(unit: Unit) -> Unit:
    """The account's own hand: it sees what the account is shared, and asks nobody's role."""
    account = unit.ctx.account_id
    return unit.acting(dataclasses.replace(unit.ctx.as_system(account), audience=audience(unit, account)))


def refuse_beyond(unit: Unit, template_id: str) -> None:
    """403 for a source that the account boots from and the caller may not: members are made by the account's own hand.

    What nobody can boot is no matter of roles: it is said on the group when it does not grow.
    """
    account = acting(unit)
    try:
        body, source = complete(account, CreateInstanceBody(source_template=Identity(id=template_id)))
        choose(account, body, source)
    except Problem:
        return
    try:
        choose(unit, body, source)
    except Problem as problem:
        raise forbidden() from problem


def placed(template: Template, group_id: str) -> set[tuple[str, str]]:
    """The resource groups that what comes with a member goes to, and the action that makes it there; a boot volume is
    a part of its server unless it is to go elsewhere.
    """
    kept, found = template.prototype, set[tuple[str, str]]()
    boot = (kept.get("boot_volume_attachment") or {}).get("volume") or {}
    if boot.get("resource_group"):
        found.add((boot["resource_group"]["id"], MAKE_VOLUME))
    for field, part, action in _PARTS:
        given = kept.get(field) or []
        for one in [given] if isinstance(given, dict) else given:
            found.add(((one[part].get("resource_group") or {}).get("id", group_id), action))
    return found


def refuse_unrepeatable(template: Template) -> None:
    """400 for a template of which only one server can be made at a time."""
    for field in ("primary_network_attachment", "network_attachments"):
        given = template.prototype.get(field) or []
        for one in [given] if isinstance(given, dict) else given:
            if {"id", "crn", "href"} & set(one["virtual_network_interface"]):
                text = "The template names a virtual network interface, which only one server can use."
                raise invalid("bad_field", text, "instance_template")
    for one in template.prototype.get("volume_attachments") or []:
        if {"id", "crn", "href"} & set(one["volume"]):
            text = "The template names a volume, which only one server can use."
            raise invalid("bad_field", text, "instance_template")


def member_body(template: Template, group: InstanceGroup, subnet: dict[str, str]) -> CreateInstanceBody:
    """The request for one member: the template, but for what its place decides and what no two servers share."""
    kept, wish = template.prototype, dict[str, Any]()
    for field in ("primary_network_interface", "network_interfaces"):
        if field in kept:
            wish[field] = _each(kept[field], lambda one: _without(one, "primary_ip"))
    for field in ("primary_network_attachment", "network_attachments"):
        if field in kept:
            wish[field] = _each(kept[field], lambda one: _within(one, "virtual_network_interface", *_SHARED_NOT))
    if "primary_network_attachment" in kept:
        wish["primary_network_attachment"]["virtual_network_interface"]["subnet"] = {"id": subnet["id"]}
    else:
        wish["primary_network_interface"]["subnet"] = {"id": subnet["id"]}
    if "volume_attachments" in kept:
        wish["volume_attachments"] = _each(kept["volume_attachments"], lambda one: _within(one, "volume", "name"))
    boot = kept.get("boot_volume_attachment")
    if boot is not None:
        wish["boot_volume_attachment"] = _within(boot, "volume", "name", "source_snapshot")
    wish |= {"source_template": {"id": template.id}, "zone": {"name": subnet["zone"]}}
    wish["resource_group"] = {"id": group.resource_group_id}
    return msgspec.convert(wish, CreateInstanceBody)


def _each(given: Any, change: Any) -> Any:
    return change(given) if isinstance(given, dict) else [change(one) for one in given]


def _without(one: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in one.items() if name not in names}


def _within(one: dict[str, Any], field: str, *names: str) -> dict[str, Any]:
    return {**one, field: _without(one[field], *names)}
