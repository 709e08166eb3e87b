"""What can be done with templates. They keep the request with its references resolved; each use checks it anew."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kunsthalle.api.references import NamedIdentity, name_of
from kunsthalle.block_storage import volume_profiles
from kunsthalle.block_storage.boot_volumes import fitting
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

    def create(self, session: Session, given: CreateInstanceRequest) -> Template:
        """A new template, after the same checks as for a server; nothing is taken or held for it."""
        if sources(given) == [VOLUME]:
            raise invalid("bad_field", "Servers of a template cannot share one boot volume.", VOLUME)
        wanted = plan(session, given, "is.instance-template.instance-template.create")
        body, zone = wanted.body, wanted.place.zone
        if wanted.boot.content is not None:
            fitting(wanted.boot.content, boot_volume(body))
        refuse_hidden_group(session, boot_volume(body))
        template = Template(
            id=session.ctx.ids.resource(session.ctx.region.zones[zone]),
            account_id=session.ctx.account_id,
            name=session.ctx.ids.name() if body.name is UNSET else body.name,
            resource_group_id=wanted.group_id,
            zone=zone,
            prototype=_resolved(session, wanted),
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


def _resolved(session: Session, wanted: Plan) -> dict[str, Any]:
    """The request as it is kept and echoed: every reference by id, whatever it was given by."""
    body, boot, given = wanted.body, wanted.boot, wanted.given
    shown: dict[str, Any] = msgspec.to_builtins(body)
    kept = {name: value for name, value in shown.items() if name not in _OWN} | wanted.options
    kept |= {"vpc": {"id": wanted.place.vpc.id}, "profile": {"name": wanted.profile.name}}
    kept |= _networks(shown, wanted)
    if given.keys or "keys" in shown:
        kept["keys"] = [{"id": key.id} for key in given.keys]
    if given.trusted_profile is not None:
        kept["default_trusted_profile"]["target"] = {"id": given.trusted_profile.resource.id}
    if "image" in shown and boot.image is not None:
        kept["image"] = {name: boot.image[name] for name in ("id", "crn", "name")}
    if not isinstance(body.boot_volume_attachment, UnsetType):
        kept["boot_volume_attachment"] = _attachment(shown["boot_volume_attachment"], wanted)
    if wanted.volumes:
        pairs = zip(shown["volume_attachments"], wanted.volumes, strict=True)
        fields = (f"volume_attachments.{at}.volume" for at in range(len(wanted.volumes)))
        kept["volume_attachments"] = [
            {**one, "volume": kept_volume(session, one["volume"], wish.volume, field)}
            for (one, wish), field in zip(pairs, fields, strict=True)
        ]
    return kept


def _networks(shown: dict[str, Any], wanted: Plan) -> dict[str, Any]:
    first, others = surface(wanted.body) or FAMILIES[0]
    primary, *more = wanted.place.interfaces
    kept: dict[str, Any] = {first: _interface(shown[first], primary)}
    if others in shown:
        kept[others] = [_interface(*pair) for pair in zip(shown[others], more, strict=True)]
    return kept


def _interface(shown: dict[str, Any], planned: Planned) -> dict[str, Any]:
    """An interface or an attachment as it was asked for, its references by id."""
    found = {**shown, **planned.kept_reference}
    if isinstance(planned, PlannedAttachment):
        if planned.wanted is not None:
            found["virtual_network_interface"] = virtual.resolved(planned.wanted, shown["virtual_network_interface"])
    elif shown.get("security_groups"):
        found["security_groups"] = [{"id": group.id} for group in planned.groups]
    return found


def _attachment(shown: dict[str, Any], wanted: Plan) -> dict[str, Any]:
    """The SDK's models ask for the volume and its profile where there is an attachment."""
    volume = dict(shown.get("volume", {}))
    profile, content = volume.get("profile", {}), wanted.boot.content
    name = name_of(msgspec.convert(profile, NamedIdentity), "profile") if profile else volume_profiles.DEFAULT
    volume["profile"] = {"name": name}
    if wanted.source == SNAPSHOT and content is not None and content.snapshot is not None:
        volume["source_snapshot"] = {"id": content.snapshot.id}
    return {"delete_volume_on_instance_delete": True, **shown, "volume": volume}
