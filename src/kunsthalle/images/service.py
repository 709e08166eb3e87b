"""What can be done with images. One public method a use case; each runs in the transaction of its request."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import name_of
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.db.rows import insert_named, rename, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.visibility import Authorized, find, may_create
from kunsthalle.images import export_service, image_encryption, object_storage_instances, transfer_progress
from kunsthalle.images import lifecycle_dates as life
from kunsthalle.images.byte_quota import refuse_bytes
from kunsthalle.images.holds import Holders, RefusesHeld
from kunsthalle.images.image_encryption import Encryption
from kunsthalle.images.image_usage_rules import uses
from kunsthalle.images.import_sources import FIELD, AccountBuckets, CosObject, Volumes, parse_href, refuse_region
from kunsthalle.images.models import Image
from kunsthalle.images.operating_systems import operating_system
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.schemas import CreateImageRequest, UpdateImageRequest
from kunsthalle.jobs import queue
from kunsthalle.object_storage.protocol import BucketUnavailable, ObjectReader

IMPORT = "image.import"
_QUEUED = [{"code": "image_request_queued", "message": "The import waits for its turn."}]


class _Source(Struct, frozen=True):
    """The operating system, where the bytes are or the volume that has them, and what that may be used for.

    `size` is how many bytes an import may write; 0 where nobody can tell yet.
    """

    system: str
    href: str | None
    volume: dict[str, Any] | None
    allowed_use: Mapping[str, str]
    size: int
    encryption: Encryption


class ImageService:
    """`buckets` is where `cos://` leads, `volumes` what block storage offers as a source of images, `holders` who tells
    how a hold ends."""

    def __init__(self, buckets: AccountBuckets, volumes: Volumes, holders: Holders) -> None:
        self._buckets = buckets
        self._volumes = volumes
        self._refuse_held = RefusesHeld(holders)

    def create(self, session: Session, body: CreateImageRequest) -> Image:
        """A new image, `pending`, and the job that fills it."""
        if (body.file is UNSET) == (body.source_volume is UNSET):
            raise invalid("validation_only_one", "Exactly one of file and source_volume must be given.", "file")
        source = self._source(session, body)
        group = chosen_group(session, None if body.resource_group is UNSET else body.resource_group.id)
        may_create(session.ctx, "is.image.image.create", {"resourceGroupId": group.id})
        name = session.ctx.ids.name() if body.name is UNSET else body.name
        _refuse_reserved(name)
        dates = life.first(session, body.deprecation_at, body.obsolescence_at)
        image = Image(
            id=session.ctx.ids.resource(session.ctx.region.prefix),
            account_id=session.ctx.account_id,
            name=name,
            status="pending",
            status_reasons=_QUEUED,
            operating_system=source.system,
            resource_group_id=group.id,
            source_href=source.href,
            source_volume=source.volume,
            digest=None,
            format=None,
            file_size=None,
            virtual_size=None,
            checked=0,
            allowed_use=uses(session, body.allowed_use, {**source.allowed_use, "api_version": session.ctx.api_version}),
            hold_crn=None,
            hold_since=None,
            deprecation_at=dates.deprecation_at,
            obsolescence_at=dates.obsolescence_at,
            created_at=session.ctx.now(),
            encryption_key=source.encryption.key_crn,
            encrypted_data_key=source.encryption.data_key,
        )
        refuse_bytes(session, source.size)
        insert_named(session, IMAGE, image)
        image_encryption.register(session, image)
        queue.enqueue(session, IMPORT, image.id, transfer_bytes=source.size)
        life.schedule(session, image.id, dates)
        return image

    def _source(self, session: Session, body: CreateImageRequest) -> _Source:
        if body.source_volume is not UNSET:
            volume = self._volumes.source(session, body.source_volume)
            encryption = image_encryption.of_volume(session, body.encryption_key, body.encrypted_data_key, volume)
            return _Source(volume.operating_system, None, volume.reference, volume.allowed_use, volume.size, encryption)
        if body.operating_system is UNSET:
            raise invalid("validation_required_field", "Missing a required field.", "operating_system")
        field = "operating_system"
        system = operating_system(name_of(body.operating_system, field), field, "field")
        if not system.allow_user_image_creation:
            raise invalid("operating_system_restricted", "Images of this operating system cannot be imported.", field)
        assert body.file is not UNSET  # noqa: S101  said by the caller's check; for the type checker
        source = parse_href(body.file.href)
        encryption = image_encryption.of_file(session, body.encryption_key, body.encrypted_data_key, source.format)
        refuse_region(source, session.ctx.region.name)
        object_storage_instances.refuse_closed(session, source.bucket, FIELD)
        size = 0
        with suppress(BucketUnavailable), self._open(session, source) as source_object:
            # Where nobody answers, the import will find out, and say so.
            size = source_object.size
            if size == 0:
                raise invalid("cos_not_found", "The object is empty.", "file.href")
        return _Source(system.name, body.file.href, None, {}, size, encryption)

    def _open(self, session: Session, source: CosObject) -> ObjectReader:
        cause = object_storage_instances.cause_of(session, source.bucket)
        return self._buckets.open(session.ctx.account_id, source, cause)

    def update(self, session: Session, image: Authorized[Image], body: UpdateImageRequest) -> Image:
        """Changes the name, the allowed use and the dates; of a managed image all but the dates (D2)."""
        current = image.resource
        if current.status == "deleting":
            raise conflict("invalid_state", "The image is being deleted.")
        dates = life.changed(session, current, body.deprecation_at, body.obsolescence_at, self._refuse_held)
        if dates is not None:
            life.apply(session, current, dates)
        if not isinstance(body.allowed_use, UnsetType):
            update(session, IMAGE, current.id, allowed_use=uses(session, body.allowed_use, current.allowed_use))
        if body.name is not UNSET and body.name != current.name:
            _refuse_reserved(body.name)
            rename(session, IMAGE, current.id, body.name)
        return find(session, IMAGE, current.id)

    def delete(self, session: Session, image: Authorized[Image]) -> None:
        """Removes the image, after its exports; what was made from it keeps its reference. 409 while it is managed."""
        current = image.resource
        self._refuse_held(session, current)
        moved = transition(session, IMAGE, current.id, "deleting", IMAGE.table.c.hold_crn.is_(None))
        if not moved:
            now = find(session, IMAGE, current.id)  # a catalog took it in between
            self._refuse_held(session, now)
            raise conflict("invalid_state", "The image is being deleted already.")
        transfer_progress.forget(
            session, current.id
        )  # an import that runs, or is to be tried again, finds out and leaves nothing
        queue.cancel(session, life.APPLY_DUE_DATES, current.id)
        export_service.forget_deleted(session, current.id)

    def deprecate(self, session: Session, image: Authorized[Image]) -> None:
        """`available` to `deprecated`; servers can still be made from it. 409 while a date is set for it (C1)."""
        self._refuse_held(session, image.resource)
        if image.resource.deprecation_at is not None:
            raise conflict("invalid_state", "The image has a deprecation date; remove it first.")
        self._retire(session, image, "deprecated", "deprecation_at")

    def obsolete(self, session: Session, image: Authorized[Image]) -> None:
        """To `obsolete`; nothing more can be made from it. 409 while a date is set for it, or a later deprecation."""
        current = image.resource
        self._refuse_held(session, current)
        if current.obsolescence_at is not None:
            raise conflict("invalid_state", "The image has an obsolescence date; remove it first.")
        if current.deprecation_at is not None and current.deprecation_at > session.ctx.now():
            raise conflict("invalid_state", "The image has a deprecation date in the future; remove it first.")
        self._retire(session, image, "obsolete", "obsolescence_at")

    def _retire(self, session: Session, image: Authorized[Image], to: str, stamp: str) -> None:
        columns, current = IMAGE.table.c, image.resource
        sources = {"deprecated": ("available",), "obsolete": ("available", "deprecated")}[to]
        sure = (columns.status.in_(sources), columns.hold_crn.is_(None), columns.revision == current.revision)
        if not transition(session, IMAGE, current.id, to, *sure, **{stamp: session.ctx.now()}):
            raise conflict("invalid_state", f"An image that is {current.status} cannot become {to}.")


def _refuse_reserved(name: str) -> None:
    if name.startswith("ibm-"):
        raise invalid("validation_invalid_name", "Names that begin with ibm- are reserved.", "name")
