"""What can be done with images. One public method a use case; each runs in the transaction of its request."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import name_of
from kunsthalle.blobs.buckets import BucketUnavailable
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.images import dates as life
from kunsthalle.images import exports, storage_instances, transfers
from kunsthalle.images.holds import refuse_held
from kunsthalle.images.kinds import IMAGE
from kunsthalle.images.model import Image
from kunsthalle.images.operating_systems import operating_system
from kunsthalle.images.sources import FIELD, AccountBuckets, Volumes, parse_href
from kunsthalle.images.uses import uses
from kunsthalle.images.wire import CreateImageBody, UpdateImageBody
from kunsthalle.store import jobs
from kunsthalle.store.rows import insert_named, rename, update
from kunsthalle.store.scope import Granted, find, may_create
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit

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


class ImageService:
    """`buckets` is where `cos://` leads, `volumes` what the storage room offers as a source of images."""

    def __init__(self, buckets: AccountBuckets, volumes: Volumes) -> None:
        self._buckets = buckets
        self._volumes = volumes

    def create(self, unit: Unit, body: CreateImageBody) -> Image:
        """A new image, `pending`, and the job that fills it."""
        if (body.file is UNSET) == (body.source_volume is UNSET):
            raise invalid("validation_only_one", "Exactly one of file and source_volume must be given.", "file")
        for field in ("encryption_key", "encrypted_data_key"):
            if getattr(body, field) is not UNSET:
                raise invalid("cos_image_encrypted", "Encrypted images cannot be imported here.", field)
        source = self._source(unit, body)
        group = chosen_group(unit, None if body.resource_group is UNSET else body.resource_group.id)
        may_create(unit.ctx, "is.image.image.create", {"resourceGroupId": group.id})
        name = unit.ctx.ids.name() if body.name is UNSET else body.name
        _refuse_reserved(name)
        dates = life.first(unit, body.deprecation_at, body.obsolescence_at)
        image = Image(
            id=unit.ctx.ids.resource(unit.ctx.region.prefix),
            account_id=unit.ctx.account_id,
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
            allowed_use=uses(unit, body.allowed_use, {**source.allowed_use, "api_version": unit.ctx.api_version}),
            hold_crn=None,
            hold_since=None,
            deprecation_at=dates.deprecation_at,
            obsolescence_at=dates.obsolescence_at,
            created_at=unit.ctx.now(),
        )
        insert_named(unit, IMAGE, image)
        jobs.enqueue(unit, IMPORT, image.id, transfer_bytes=source.size)
        life.schedule(unit, image.id, dates)
        return image

    def _source(self, unit: Unit, body: CreateImageBody) -> _Source:
        if body.source_volume is not UNSET:
            volume = self._volumes.source(unit, body.source_volume)
            return _Source(volume.operating_system, None, volume.reference, volume.allowed_use, volume.size)
        if body.operating_system is UNSET:
            raise invalid("validation_required_field", "Missing a required field.", "operating_system")
        field = "operating_system"
        system = operating_system(name_of(body.operating_system, field), field, "field")
        if not system.allow_user_image_creation:
            raise invalid("operating_system_restricted", "Images of this operating system cannot be imported.", field)
        assert body.file is not UNSET  # noqa: S101  said by the caller's check; for the type checker
        source = parse_href(body.file.href)
        storage_instances.refuse_closed(unit, source.bucket, FIELD)
        size = 0
        with suppress(BucketUnavailable), self._buckets.open(unit.ctx.account_id, source) as found:
            # Where nobody answers, the import will find out, and say so.
            size = found.size
            if size == 0:
                raise invalid("cos_not_found", "The object is empty.", "file.href")
        return _Source(system.name, body.file.href, None, {}, size)

    def update(self, unit: Unit, image: Granted[Image], body: UpdateImageBody) -> Image:
        """Changes the name, the allowed use and the dates; of a managed image all but the dates (D2)."""
        it = image.it
        if it.status == "deleting":
            raise conflict("invalid_state", "The image is being deleted.")
        dates = life.changed(unit, it, body.deprecation_at, body.obsolescence_at)
        if dates is not None:
            life.apply(unit, it, dates)
        if not isinstance(body.allowed_use, UnsetType):
            update(unit, IMAGE, it.id, allowed_use=uses(unit, body.allowed_use, it.allowed_use))
        if body.name is not UNSET and body.name != it.name:
            _refuse_reserved(body.name)
            rename(unit, IMAGE, it.id, body.name)
        return find(unit, IMAGE, it.id)

    def delete(self, unit: Unit, image: Granted[Image]) -> None:
        """Removes the image, after its exports; what was made from it keeps its reference. 409 while it is managed."""
        it = image.it
        refuse_held(it)
        moved = transition(unit, IMAGE, it.id, "deleting", IMAGE.table.c.hold_crn.is_(None))
        if not moved:
            now = find(unit, IMAGE, it.id)  # a catalog took it in between
            refuse_held(now)
            raise conflict("invalid_state", "The image is being deleted already.")
        transfers.forget(unit, it.id)  # an import that runs, or is to be tried again, finds out and leaves nothing
        jobs.cancel(unit, life.RIPEN, it.id)
        exports.forget_deleted(unit, it.id)

    def deprecate(self, unit: Unit, image: Granted[Image]) -> None:
        """`available` to `deprecated`; servers can still be made from it. 409 while a date is set for it (C1)."""
        refuse_held(image.it)
        if image.it.deprecation_at is not None:
            raise conflict("invalid_state", "The image has a deprecation date; remove it first.")
        self._retire(unit, image, "deprecated", "deprecation_at")

    def obsolete(self, unit: Unit, image: Granted[Image]) -> None:
        """To `obsolete`; nothing more can be made from it. 409 while a date is set for it, or a later deprecation."""
        it = image.it
        refuse_held(it)
        if it.obsolescence_at is not None:
            raise conflict("invalid_state", "The image has an obsolescence date; remove it first.")
        if it.deprecation_at is not None and it.deprecation_at > unit.ctx.now():
            raise conflict("invalid_state", "The image has a deprecation date in the future; remove it first.")
        self._retire(unit, image, "obsolete", "obsolescence_at")

    def _retire(self, unit: Unit, image: Granted[Image], to: str, stamp: str) -> None:
        columns, it = IMAGE.table.c, image.it
        sources = {"deprecated": ("available",), "obsolete": ("available", "deprecated")}[to]
        sure = (columns.status.in_(sources), columns.hold_crn.is_(None), columns.revision == it.revision)
        if not transition(unit, IMAGE, it.id, to, *sure, **{stamp: unit.ctx.now()}):
            raise conflict("invalid_state", f"An image that is {it.status} cannot become {to}.")


def _refuse_reserved(name: str) -> None:
    if name.startswith("ibm-"):
        raise invalid("validation_invalid_name", "Names that begin with ibm- are reserved.", "name")
