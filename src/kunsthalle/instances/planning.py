"""What a prototype asks for, resolved and checked before anything is made: for servers and for templates alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import name_of
from kunsthalle.core.errors import invalid
from kunsthalle.instances import initialization, places
from kunsthalle.instances.bodies import CreateInstanceBody
from kunsthalle.instances.boot import Boot, check_allowed, check_fit, choose
from kunsthalle.instances.initialization import Initialization
from kunsthalle.instances.options import options_of, settled
from kunsthalle.instances.places import Place
from kunsthalle.instances.profiles import DEFAULT, InstanceProfile, chosen
from kunsthalle.instances.prototypes import complete
from kunsthalle.storage.bodies import DataAttachmentBody
from kunsthalle.storage.data_volumes import MOST
from kunsthalle.store.scope import may_create
from kunsthalle.store.unit import Unit


@dataclass(frozen=True, slots=True)
class Plan:
    """A server to be. `body` is the request with what its template adds, `source` the field it boots from."""

    body: CreateInstanceBody
    source: str
    group_id: str
    boot: Boot
    profile: InstanceProfile
    place: Place
    given: Initialization
    options: dict[str, Any]
    volumes: list[DataAttachmentBody]


def plan(unit: Unit, given: CreateInstanceBody, action: str) -> Plan:
    """Everything that a prototype names, seen and fit for each other; 403 unless `action` may be done in its group."""
    body, source = complete(unit, given)
    boot = choose(unit, body, source)
    profile = chosen(DEFAULT if body.profile is UNSET else name_of(body.profile, "profile"))
    group = chosen_group(unit, None if body.resource_group is UNSET else body.resource_group.id)
    place = places.plan(unit, body, profile, group.id)
    start = initialization.read(unit, body.keys, body.user_data, body.default_trusted_profile)
    options = settled(options_of(body), profile)
    check_fit(boot, profile, start.keys)
    check_allowed(boot.uses, profile, options)
    may_create(unit.ctx, action, {"resourceGroupId": group.id})
    return Plan(body, source, group.id, boot, profile, place, start, options, _volumes(body))


def _volumes(body: CreateInstanceBody) -> list[DataAttachmentBody]:
    found = [] if isinstance(body.volume_attachments, UnsetType) else body.volume_attachments
    if len(found) > MOST:
        raise invalid("over_quota", f"A server has at most {MOST} data volumes.", "volume_attachments")
    return found
