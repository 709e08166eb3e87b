"""What can be done with templates. They keep the request with its references resolved; each use checks it anew."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import NamedIdentity, name_of
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.instances import places
from kunsthalle.instances.bodies import CreateInstanceBody, UpdateTemplateBody
from kunsthalle.instances.boot import Boot, check_allowed, check_fit, choose
from kunsthalle.instances.groups.kinds import GROUP
from kunsthalle.instances.kinds import TEMPLATE
from kunsthalle.instances.model import Template
from kunsthalle.instances.places import Place, Planned
from kunsthalle.instances.profiles import DEFAULT, chosen
from kunsthalle.instances.prototypes import SNAPSHOT, VOLUME, boot_volume, complete
from kunsthalle.instances.service import keys_of
from kunsthalle.networks.model import Key
from kunsthalle.networks.queries import locked
from kunsthalle.storage import profiles as volume_profiles
from kunsthalle.storage.attachments import fitting
from kunsthalle.store.rows import delete, insert_named, rename
from kunsthalle.store.scope import Granted, find, may_create
from kunsthalle.store.tables import any_row
from kunsthalle.store.unit import Unit

_OWN = ("name", "zone", "resource_group", "source_template")
"""What the template says of itself, and not of its servers."""


class TemplateService:
    """Making, renaming and removing templates."""

    def create(self, unit: Unit, given: CreateInstanceBody) -> Template:
        """A new template, after the same checks as for a server; nothing is taken or held for it."""
        body, source = complete(unit, given)
        if source == VOLUME:
            raise invalid("bad_field", "Servers of a template cannot share one boot volume.", VOLUME)
        boot = choose(unit, body, source)
        profile = chosen(DEFAULT if body.profile is UNSET else name_of(body.profile, "profile"))
        place = places.plan(unit, body)
        keys = keys_of(unit, body)
        check_fit(boot, profile, keys)
        check_allowed(boot, profile, body)
        if boot.content is not None:
            fitting(boot.content, boot_volume(body))
        group = chosen_group(unit, None if body.resource_group is UNSET else body.resource_group.id)
        may_create(unit.ctx, "is.instance-template.instance-template.create", {"resourceGroupId": group.id})
        template = Template(
            id=unit.ctx.ids.resource(unit.ctx.region.zones[place.zone]),
            account_id=unit.ctx.account_id,
            name=unit.ctx.ids.name() if body.name is UNSET else body.name,
            resource_group_id=group.id,
            zone=place.zone,
            prototype=_resolved(body, source, boot, place, keys) | {"profile": {"name": profile.name}},
            created_at=unit.ctx.now(),
        )
        return insert_named(unit, TEMPLATE, template)

    def update(self, unit: Unit, template: Granted[Template], body: UpdateTemplateBody) -> Template:
        """Changes the name."""
        if body.name is not UNSET and body.name != template.it.name:
            rename(unit, TEMPLATE, template.it.id, body.name)
        return find(unit, TEMPLATE, template.it.id)

    def delete(self, unit: Unit, template: Granted[Template]) -> None:
        """Removes the template; servers made of it stay. 409 `instance_template_in_use` while a group uses it."""
        locked(unit, TEMPLATE, template.it.id)
        if any_row(unit, GROUP.table, GROUP.table.c.template_id == template.it.id):
            raise conflict("instance_template_in_use", "The instance template is used by an instance group.")
        delete(unit, TEMPLATE, template.it.id, template.it.account_id)


def _resolved(body: CreateInstanceBody, source: str, boot: Boot, place: Place, keys: list[Key]) -> dict[str, Any]:
    """The request as it is kept and echoed: every reference by id, whatever it was given by."""
    shown: dict[str, Any] = msgspec.to_builtins(body)
    kept = {name: value for name, value in shown.items() if name not in _OWN}
    kept["vpc"] = {"id": place.vpc.id}
    kept["primary_network_interface"] = _interface(shown["primary_network_interface"], place.interfaces[0])
    if "network_interfaces" in shown:
        pairs = zip(shown["network_interfaces"], place.interfaces[1:], strict=True)
        kept["network_interfaces"] = [_interface(*pair) for pair in pairs]
    if keys or "keys" in shown:
        kept["keys"] = [{"id": key.id} for key in keys]
    if "image" in shown and boot.image is not None:
        kept["image"] = {name: boot.image[name] for name in ("id", "crn", "name")}
    if not isinstance(body.boot_volume_attachment, UnsetType):
        kept["boot_volume_attachment"] = _attachment(shown["boot_volume_attachment"], source, boot)
    return kept


def _interface(shown: dict[str, Any], planned: Planned) -> dict[str, Any]:
    found = {**shown, "name": planned.name, "subnet": {"id": planned.subnet.id}}
    if planned.kept is not None:
        found["primary_ip"] = {"id": planned.kept.id}
    if shown.get("security_groups"):
        found["security_groups"] = [{"id": group.id} for group in planned.groups]
    return found


def _attachment(shown: dict[str, Any], source: str, boot: Boot) -> dict[str, Any]:
    """The SDK's models ask for the volume and its profile where there is an attachment."""
    volume = dict(shown.get("volume", {}))
    profile = volume.get("profile", {})
    name = name_of(msgspec.convert(profile, NamedIdentity), "profile") if profile else volume_profiles.DEFAULT
    volume["profile"] = {"name": name}
    if source == SNAPSHOT and boot.content is not None and boot.content.snapshot is not None:
        volume["source_snapshot"] = {"id": boot.content.snapshot.id}
    return {"delete_volume_on_instance_delete": True, **shown, "volume": volume}
