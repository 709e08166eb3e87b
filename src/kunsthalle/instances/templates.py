"""What can be done with templates. One public function a use case."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import name_of
from kunsthalle.instances import places
from kunsthalle.instances.bodies import CreateInstanceBody
from kunsthalle.instances.boot import check_fit, choose
from kunsthalle.instances.kinds import TEMPLATE
from kunsthalle.instances.model import Template
from kunsthalle.instances.places import Place
from kunsthalle.instances.profiles import DEFAULT, chosen
from kunsthalle.instances.prototypes import IMAGE, SNAPSHOT, complete
from kunsthalle.instances.service import keys_of
from kunsthalle.networks.model import Key
from kunsthalle.storage.attachments import Content
from kunsthalle.store.rows import delete, insert_named
from kunsthalle.store.scope import Granted, may_create
from kunsthalle.store.unit import Unit

_APART = ("name", "resource_group", "zone", "source_template")


def create(unit: Unit, given: CreateInstanceBody) -> Template:
    """A new template. Everything that it names is looked up now, and again whenever it is used."""
    body, source = complete(unit, given)
    boot = choose(unit, body, source)
    profile = chosen(DEFAULT if body.profile is UNSET else name_of(body.profile, "profile"))
    place, keys = places.plan(unit, body), keys_of(unit, body)
    check_fit(boot, profile, keys)
    group = chosen_group(unit, None if body.resource_group is UNSET else body.resource_group.id)
    may_create(unit.ctx, "is.instance-template.instance-template.create", {"resourceGroupId": group.id})
    template = Template(
        id=unit.ctx.ids.resource(unit.ctx.region.zones[place.zone]),
        account_id=unit.ctx.account_id,
        name=unit.ctx.ids.name() if body.name is UNSET else body.name,
        resource_group_id=group.id,
        zone=place.zone,
        prototype=_resolved(body, profile.name, place, keys, _content_ids(source, boot.content)),
        created_at=unit.ctx.now(),
    )
    return insert_named(unit, TEMPLATE, template)


def remove(unit: Unit, template: Granted[Template]) -> None:
    """The template is gone; what was made from it stays."""
    delete(unit, TEMPLATE, template.it.id, template.it.account_id)


def _content_ids(source: str, content: Content | None) -> dict[str, Any]:
    """The source by id: clients compare ids, whichever form they sent (terraform.md 2.4)."""
    if source == IMAGE and content is not None and content.image is not None:
        return {"image": {"id": content.image["id"]}}
    if source == SNAPSHOT and content is not None and content.snapshot is not None:
        return {"snapshot": {"id": content.snapshot.id}}
    return {}


def _resolved(
    body: CreateInstanceBody, profile: str, place: Place, keys: list[Key], source: dict[str, Any]
) -> dict[str, Any]:
    """The request with its references as ids, as it is echoed and as it is used again."""
    kept = {name: value for name, value in msgspec.to_builtins(body).items() if name not in _APART}
    kept |= {"profile": {"name": profile}, "vpc": {"id": place.vpc.id}, "zone": {"name": place.zone}}
    if keys:
        kept["keys"] = [{"id": key.id} for key in keys]
    if "image" in source:
        kept["image"] = source["image"]
    if "snapshot" in source:
        kept["boot_volume_attachment"]["volume"]["source_snapshot"] = source["snapshot"]
    interfaces = [_interface(body, place, at) for at in range(len(place.interfaces))]
    kept["primary_network_interface"] = interfaces[0]
    if len(interfaces) > 1:
        kept["network_interfaces"] = interfaces[1:]
    return kept


def _interface(body: CreateInstanceBody, place: Place, at: int) -> dict[str, Any]:
    planned = place.interfaces[at]
    wish = body.primary_network_interface if at == 0 else _more(body)[at - 1]
    shown: dict[str, Any] = dict(msgspec.to_builtins(wish))
    shown["subnet"] = {"id": planned.subnet.id}
    if shown.get("security_groups"):
        shown["security_groups"] = [{"id": group.id} for group in planned.groups]
    return shown


def _more(body: CreateInstanceBody) -> list[Any]:
    return [] if body.network_interfaces is UNSET else list(body.network_interfaces)
