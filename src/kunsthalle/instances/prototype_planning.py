"""What a prototype asks for, resolved and checked before anything is made: for servers and for templates alike."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import name_of
from kunsthalle.block_storage.data_volumes import MOST
from kunsthalle.block_storage.requests import DataAttachmentRequest
from kunsthalle.core.errors import invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import may_create
from kunsthalle.instances import initialization, placement
from kunsthalle.instances.boot_checks import Boot, check_allowed, check_fit, choose
from kunsthalle.instances.initialization import Initialization
from kunsthalle.instances.instance_options import options_of, settled
from kunsthalle.instances.instance_profiles import DEFAULT, InstanceProfile, chosen
from kunsthalle.instances.placement import Place
from kunsthalle.instances.placement_groups.members import target_of
from kunsthalle.instances.placement_groups.models import PlacementGroup
from kunsthalle.instances.requests import CreateInstanceRequest
from kunsthalle.instances.templates.template_merge import complete

MOST_TAGS = 1_000
"""User tags of the new data volumes of one instance, all volumes together."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A server to be. `body` is the request with what its template adds, `source` the field it boots from."""

    body: CreateInstanceRequest
    source: str
    group_id: str
    boot: Boot
    profile: InstanceProfile
    place: Place
    given: Initialization
    options: dict[str, Any]
    volumes: list[DataAttachmentRequest]
    placement_group: PlacementGroup | None


def plan(session: Session, request: CreateInstanceRequest, action: str) -> Plan:
    """Everything that a prototype names, seen and fit for each other; 403 unless `action` may be done in its group."""
    body, source = complete(session, request)
    boot = choose(session, body, source)
    profile = chosen(DEFAULT if body.profile is UNSET else name_of(body.profile, "profile"))
    group = chosen_group(session, None if body.resource_group is UNSET else body.resource_group.id)
    place = placement.plan(session, body, profile, group.id)
    start = initialization.read(session, body.keys, body.user_data, body.default_trusted_profile)
    options = settled(options_of(body), profile)
    check_fit(boot, profile, start.keys)
    check_allowed(boot.uses, profile, options)
    may_create(session.ctx, action, {"resourceGroupId": group.id})
    target = target_of(session, body.placement_target)
    return Plan(body, source, group.id, boot, profile, place, start, options, _volumes(body), target)


def _volumes(body: CreateInstanceRequest) -> list[DataAttachmentRequest]:
    volume_attachments = [] if isinstance(body.volume_attachments, UnsetType) else body.volume_attachments
    if len(volume_attachments) > MOST:
        raise invalid("over_quota", f"A server has at most {MOST} data volumes.", "volume_attachments")
    new = (volume_attachment.volume.user_tags for volume_attachment in volume_attachments)
    total = sum(len(tags) for tags in new if not isinstance(tags, UnsetType))
    if total > MOST_TAGS:
        text = f"The data volumes have {total} user tags together; at most {MOST_TAGS} are allowed in one request."
        raise invalid("over_quota", text, "volume_attachments")
    return volume_attachments
