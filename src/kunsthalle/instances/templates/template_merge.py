"""One prototype from a request and the template it names (reference/vpc-api.md B2)."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from kunsthalle.api.references import NamedIdentity, refer
from kunsthalle.block_storage.requests import BootAttachmentRequest, BootVolumeRequest
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.session import Session
from kunsthalle.instances.models import Template
from kunsthalle.instances.requests import CreateInstanceRequest
from kunsthalle.instances.resources import TEMPLATE

_BOOT = "boot_volume_attachment.volume"
IMAGE, CATALOG, VOLUME, SNAPSHOT = "image", "catalog_offering", _BOOT, f"{_BOOT}.source_snapshot"
_NOT_OFFERED = {
    "cluster_network_attachments": "Cluster networks are not offered here.",
}


def boot_volume(body: CreateInstanceRequest) -> BootVolumeRequest:
    """The boot volume that is asked for; an empty wish where nothing is said."""
    attachment = body.boot_volume_attachment
    if isinstance(attachment, UnsetType) or isinstance(attachment.volume, UnsetType):
        return BootVolumeRequest()
    return attachment.volume


def sources(body: CreateInstanceRequest) -> list[str]:
    """Every source of the boot volume that the request itself names; as fields."""
    wish = boot_volume(body)
    named = (
        (IMAGE, body.image is not UNSET),
        (CATALOG, body.catalog_offering is not UNSET),
        (VOLUME, wish.identity is not None),
        (SNAPSHOT, wish.source_snapshot is not UNSET),
    )
    return [field for field, is_sent in named if is_sent]


def complete(session: Session, body: CreateInstanceRequest) -> tuple[CreateInstanceRequest, str]:
    """The request with what its template adds, and the one source it boots from. 400 for none, or several."""
    named_sources = sources(body)
    if len(named_sources) > 1:
        raise invalid("validation_only_one", "Exactly one source of the boot volume must be given.", named_sources[1])
    if not isinstance(body.source_template, UnsetType):
        template = refer(session, TEMPLATE, body.source_template, "source_template").resource
        body = _over(template, body, replaced=bool(named_sources))
        named_sources = sources(body)
    if not named_sources:
        raise invalid("validation_required_field", "An image, catalog_offering or source_template is needed.", IMAGE)
    _refuse_unknown(body)
    return body, named_sources[0]


def _refuse_unknown(body: CreateInstanceRequest) -> None:
    """400 for what is asked for and cannot be done: it would be found missing later."""
    for field, message in _NOT_OFFERED.items():
        value = getattr(body, field)
        if value is not UNSET and value not in ([], {}):
            raise invalid("bad_field", message, field)


def _over(template: Template, body: CreateInstanceRequest, *, replaced: bool) -> CreateInstanceRequest:
    """The template's prototype with the request's fields laid over it; another source replaces the template's."""
    try:
        under = msgspec.convert(template.prototype, CreateInstanceRequest)
    except msgspec.ValidationError as error:  # a template of an older release that this one cannot read
        raise conflict("invalid_state", "The template cannot be used any more.", "source_template") from error
    values = {name: getattr(under, name) for name in body.__struct_fields__}
    values["zone"] = NamedIdentity(name=template.zone)
    if replaced:
        values |= {"image": UNSET, "catalog_offering": UNSET}
        values["boot_volume_attachment"] = _without_source(under.boot_volume_attachment)
    source_snapshot = boot_volume(under).source_snapshot
    own = {name: getattr(body, name) for name in body.__struct_fields__}
    values |= {name: value for name, value in own.items() if value is not UNSET}
    values |= {"name": body.name, "source_template": UNSET}
    if not replaced and not isinstance(source_snapshot, UnsetType):
        values["boot_volume_attachment"] = _with_snapshot(values["boot_volume_attachment"], source_snapshot)
    return CreateInstanceRequest(**values)


def _without_source(attachment: BootAttachmentRequest | UnsetType) -> BootAttachmentRequest | UnsetType:
    if isinstance(attachment, UnsetType) or isinstance(attachment.volume, UnsetType):
        return attachment
    volume = msgspec.structs.replace(attachment.volume, id=UNSET, crn=UNSET, href=UNSET, source_snapshot=UNSET)
    return msgspec.structs.replace(attachment, volume=volume)


def _with_snapshot(attachment: BootAttachmentRequest, snapshot: Any) -> BootAttachmentRequest:
    """An override of the boot volume's size or name keeps the template's snapshot."""
    volume = BootVolumeRequest() if isinstance(attachment.volume, UnsetType) else attachment.volume
    return msgspec.structs.replace(attachment, volume=msgspec.structs.replace(volume, source_snapshot=snapshot))
