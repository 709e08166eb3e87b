"""What can be done with templates. They keep the request with its references resolved; each use checks it anew."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kunsthalle.api.references import NamedIdentity, name_of
from kunsthalle.block_storage import volume_profiles
from kunsthalle.block_storage.boot_volumes import fitting, sealing_of
from kunsthalle.block_storage.data_volumes import kept_volume, refuse_hidden_group
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import delete, insert_named, rename
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import any_row
from kunsthalle.db.visibility import Authorized, find
from kunsthalle.instances.groups.resources import GROUP
from kunsthalle.instances.models import Template
from kunsthalle.instances.network_attachments import PlannedAttachment
from kunsthalle.instances.placement import FAMILIES, Planned, surface
from kunsthalle.instances.prototype_planning import Plan, plan
from kunsthalle.instances.requests import CreateInstanceRequest, UpdateTemplateRequest
from kunsthalle.instances.resources import TEMPLATE
from kunsthalle.instances.templates.template_merge import SNAPSHOT, VOLUME, boot_volume, sources
from kunsthalle.networks import virtual_network_interfaces as virtual
from kunsthalle.networks.queries import locked

_OWN = ("name", "zone", "resource_group", "source_template")
"""What the template says of itself, and not of its servers."""


class TemplateService:
    """Making, renaming and removing templates."""

    def create(self, session: Session, request: CreateInstanceRequest) -> Template:
        """A new template, after the same checks as for a server; nothing is taken or held for it."""
        if sources(request) == [VOLUME]:
            raise invalid("bad_field", "Servers of a template cannot share one boot volume.", VOLUME)
        planned = plan(session, request, "is.instance-template.instance-template.create")
        body, zone = planned.body, planned.place.zone
        if planned.boot.content is not None:
            fitting(planned.boot.content, boot_volume(body))
            sealing_of(session, planned.boot.content, boot_volume(body))
        refuse_hidden_group(session, boot_volume(body))
        template = Template(
            id=session.ctx.ids.resource(session.ctx.region.zones[zone]),
            account_id=session.ctx.account_id,
            name=session.ctx.ids.name() if body.name is UNSET else body.name,
            resource_group_id=planned.group_id,
            zone=zone,
            prototype=_resolved(session, planned),
            created_at=session.ctx.now(),
        )
        return insert_named(session, TEMPLATE, template)

    def update(self, session: Session, template: Authorized[Template], body: UpdateTemplateRequest) -> Template:
        """Changes the name."""
        if body.name is not UNSET and body.name != template.resource.name:
            rename(session, TEMPLATE, template.resource.id, body.name)
        return find(session, TEMPLATE, template.resource.id)

    def delete(self, session: Session, template: Authorized[Template]) -> None:
        """Removes the template; servers made of it stay. 409 `instance_template_in_use` while a group uses it."""
        locked(session, TEMPLATE, template.resource.id)
        if any_row(session, GROUP.table, GROUP.table.c.template_id == template.resource.id):
            raise conflict("instance_template_in_use", "The instance template is used by an instance group.")
        delete(session, TEMPLATE, template.resource.id, template.resource.account_id)


def _resolved(session: Session, plan: Plan) -> dict[str, Any]:
    """The request as it is kept and echoed: every reference by id, whatever it was given by."""
    body, boot, sent = plan.body, plan.boot, plan.given
    shown: dict[str, Any] = msgspec.to_builtins(body)
    prototype = {name: value for name, value in shown.items() if name not in _OWN} | plan.options
    prototype |= {"vpc": {"id": plan.place.vpc.id}, "profile": {"name": plan.profile.name}}
    prototype |= _networks(shown, plan)
    if sent.keys or "keys" in shown:
        prototype["keys"] = [{"id": key.id} for key in sent.keys]
    if sent.trusted_profile is not None:
        prototype["default_trusted_profile"]["target"] = {"id": sent.trusted_profile.resource.id}
    if "image" in shown and boot.image is not None:
        prototype["image"] = {name: boot.image[name] for name in ("id", "crn", "name")}
    if not isinstance(body.boot_volume_attachment, UnsetType):
        prototype["boot_volume_attachment"] = _attachment(shown["boot_volume_attachment"], plan)
    if plan.placement_group is not None:
        prototype["placement_target"] = {"id": plan.placement_group.id}
    if plan.volumes:
        pairs = zip(shown["volume_attachments"], plan.volumes, strict=True)
        fields = (f"volume_attachments.{at}.volume" for at in range(len(plan.volumes)))
        prototype["volume_attachments"] = [
            {**attachment, "volume": kept_volume(session, attachment["volume"], wish.volume, field)}
            for (attachment, wish), field in zip(pairs, fields, strict=True)
        ]
    return prototype


def _networks(shown: dict[str, Any], plan: Plan) -> dict[str, Any]:
    first, others = surface(plan.body) or FAMILIES[0]
    primary, *more = plan.place.interfaces
    interface_fields: dict[str, Any] = {first: _interface(shown[first], primary)}
    if others in shown:
        interface_fields[others] = [_interface(*pair) for pair in zip(shown[others], more, strict=True)]
    return interface_fields


def _interface(shown: dict[str, Any], planned: Planned) -> dict[str, Any]:
    """An interface or an attachment as it was asked for, its references by id."""
    fields = {**shown, **planned.kept_reference}
    if isinstance(planned, PlannedAttachment):
        if planned.wanted is not None:
            fields["virtual_network_interface"] = virtual.resolved(planned.wanted, shown["virtual_network_interface"])
    elif shown.get("security_groups"):
        fields["security_groups"] = [{"id": group.id} for group in planned.groups]
    return fields


def _attachment(shown: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """The SDK's models ask for the volume and its profile where there is an attachment."""
    volume = dict(shown.get("volume", {}))
    profile, content = volume.get("profile", {}), plan.boot.content
    name = name_of(msgspec.convert(profile, NamedIdentity), "profile") if profile else volume_profiles.DEFAULT
    volume["profile"] = {"name": name}
    if plan.source == SNAPSHOT and content is not None and content.snapshot is not None:
        volume["source_snapshot"] = {"id": content.snapshot.id}
    return {"delete_volume_on_instance_delete": True, **shown, "volume": volume}
