"""What a member is made of: the group's template in one of the group's subnets; and whether that may be (R9)."""

from __future__ import annotations

import dataclasses
from typing import Any

import msgspec

from kunsthalle.accounts.queries import recipients
from kunsthalle.api.references import Identity
from kunsthalle.block_storage.resources import MAKE as MAKE_VOLUME
from kunsthalle.catalogs.versions.boot_resolution import REFUSAL, may_group_use
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import Problem, forbidden, invalid
from kunsthalle.db.session import Session
from kunsthalle.instances.boot_checks import choose
from kunsthalle.instances.groups.models import InstanceGroup
from kunsthalle.instances.models import Template
from kunsthalle.instances.requests import CreateInstanceRequest
from kunsthalle.instances.templates.template_merge import complete
from kunsthalle.networks.virtual_network_interfaces import CREATE as MAKE_INTERFACE

_SHARED_NOT = ("name", "primary_ip", "ips")
"""What only one interface of a network can have, and no two members."""

_PARTS = (
    ("volume_attachments", "volume", MAKE_VOLUME),
    ("primary_network_attachment", "virtual_network_interface", MAKE_INTERFACE),
    ("network_attachments", "virtual_network_interface", MAKE_INTERFACE),
)


def refuse_ungranted(session: Session, template: Template) -> None:
    """403 for a catalog's image without the authorization that groups need; asked anew at every growth (R9)."""
    source = template.prototype.get("catalog_offering")
    if not source:
        return
    crn = (source.get("version") or source["offering"])["crn"]
    if not may_group_use(session, parse(crn).instance):
        raise forbidden(REFUSAL)


def acting(session: Session) -> Session:
    """The account's system context: it sees what the account is shared, and asks nobody's role."""
    account = session.ctx.account_id
    return session.as_context(
        dataclasses.replace(session.ctx.as_system(account), recipients=recipients(session, account))
    )


def refuse_beyond(session: Session, template_id: str) -> None:
    """403 for a source that the account boots from and the caller may not: members are made by the account's system
    context.

    What nobody can boot is no matter of roles: it is said on the group when it does not grow.
    """
    account = acting(session)
    try:
        body, source = complete(account, CreateInstanceRequest(source_template=Identity(id=template_id)))
        choose(account, body, source)
    except Problem:
        return
    try:
        choose(session, body, source)
    except Problem as problem:
        raise forbidden() from problem


def placed(template: Template, group_id: str) -> set[tuple[str, str]]:
    """The resource groups that what comes with a member goes to, and the action that makes it there; a boot volume is
    a part of its server unless it is to go elsewhere.
    """
    prototype, needed = template.prototype, set[tuple[str, str]]()
    boot = (prototype.get("boot_volume_attachment") or {}).get("volume") or {}
    if boot.get("resource_group"):
        needed.add((boot["resource_group"]["id"], MAKE_VOLUME))
    for field, part, action in _PARTS:
        interfaces = prototype.get(field) or []
        for interface in [interfaces] if isinstance(interfaces, dict) else interfaces:
            needed.add(((interface[part].get("resource_group") or {}).get("id", group_id), action))
    return needed


def refuse_unrepeatable(template: Template) -> None:
    """400 for a template of which only one server can be made at a time."""
    for field in ("primary_network_attachment", "network_attachments"):
        interfaces = template.prototype.get(field) or []
        for volume_attachment in [interfaces] if isinstance(interfaces, dict) else interfaces:
            if {"id", "crn", "href"} & set(volume_attachment["virtual_network_interface"]):
                text = "The template names a virtual network interface, which only one server can use."
                raise invalid("bad_field", text, "instance_template")
    for volume_attachment in template.prototype.get("volume_attachments") or []:
        if {"id", "crn", "href"} & set(volume_attachment["volume"]):
            text = "The template names a volume, which only one server can use."
            raise invalid("bad_field", text, "instance_template")


def member_body(template: Template, group: InstanceGroup, subnet: dict[str, str]) -> CreateInstanceRequest:
    """The request for one member: the template, but for what its place decides and what no two servers share."""
    prototype, wish = template.prototype, dict[str, Any]()
    for field in ("primary_network_interface", "network_interfaces"):
        if field in prototype:
            wish[field] = _each(prototype[field], lambda interface: _without(interface, "primary_ip"))
    for field in ("primary_network_attachment", "network_attachments"):
        if field in prototype:
            wish[field] = _each(
                prototype[field], lambda interface: _within(interface, "virtual_network_interface", *_SHARED_NOT)
            )
    if "primary_network_attachment" in prototype:
        wish["primary_network_attachment"]["virtual_network_interface"]["subnet"] = {"id": subnet["id"]}
    else:
        wish["primary_network_interface"]["subnet"] = {"id": subnet["id"]}
    if "volume_attachments" in prototype:
        wish["volume_attachments"] = _each(
            prototype["volume_attachments"], lambda attachment: _within(attachment, "volume", "name")
        )
    boot = prototype.get("boot_volume_attachment")
    if boot is not None:
        wish["boot_volume_attachment"] = _within(boot, "volume", "name", "source_snapshot")
    wish |= {"source_template": {"id": template.id}, "zone": {"name": subnet["zone"]}}
    wish["resource_group"] = {"id": group.resource_group_id}
    return msgspec.convert(wish, CreateInstanceRequest)


def _each(values: Any, change: Any) -> Any:
    return change(values) if isinstance(values, dict) else [change(value) for value in values]


def _without(reference: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in reference.items() if name not in names}


def _within(interface: dict[str, Any], field: str, *names: str) -> dict[str, Any]:
    return {**interface, field: _without(interface[field], *names)}
