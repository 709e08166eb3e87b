"""What can be done with images. One public method a use case; each runs in the transaction of its request."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from kunsthalle.accounts.queries import chosen_group
from kunsthalle.api.references import name_of
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.images import bytes as blob_bytes
from kunsthalle.images.holds import held_problem, refuse_held
from kunsthalle.images.kinds import IMAGE
from kunsthalle.images.model import Image
from kunsthalle.images.operating_systems import operating_system
from kunsthalle.images.sources import AccountBuckets, Volumes, parse_href
from kunsthalle.images.wire import CreateImageBody, UpdateImageBody
from kunsthalle.store import jobs
from kunsthalle.store.rows import delete, insert_named, rename
from kunsthalle.store.scope import Granted, find, may_create
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit

IMPORT = "image.import"
_QUEUED = [{"code": "image_request_queued", "message": "The import waits for its turn."}]


class ImageService:
    """`buckets` is where `cos://` leads, `volumes` what the storage room offers as a source of images."""

    def __init__(self, buckets: AccountBuckets, volumes: Volumes) -> None:
        self._buckets = buckets
        self._volumes = volumes

    def create(self, unit: Unit, body: CreateImageBody) -> Image:
        """A new image, `pending`, and the job that fills it."""
        if (body.file is UNSET) == (body.source_volume is UNSET):
            raise invalid("validation_only_one", "Exactly one of file and source_volume must be given.", "file")
        if body.encryption_key is not UNSET or body.encrypted_data_key is not UNSET:
            raise invalid("cos_image_encrypted", "Encrypted images cannot be imported here.", "encryption_key")
        system, href, volume = self._source(unit, body)
        group = chosen_group(unit, None if body.resource_group is UNSET else body.resource_group.id)
        may_create(unit.ctx, "is.image.image.create", {"resourceGroupId": group.id})
        name = unit.ctx.ids.name() if body.name is UNSET else body.name
        if name.startswith("ibm-"):
            raise invalid("validation_invalid_name", "Names that begin with ibm- are reserved.", "name")
        image = Image(
            id=unit.ctx.ids.resource(unit.ctx.region.prefix),
            account_id=unit.ctx.account_id,
            name=name,
            status="pending",
            status_reasons=_QUEUED,
            operating_system=system,
            resource_group_id=group.id,
            source_href=href,
            source_volume=volume,
            digest=None,
            format=None,
            file_size=None,
            virtual_size=None,
            checked=0,
            allowed_use=_allowed_use(unit, body),
            hold_crn=None,
            hold_since=None,
            deprecation_at=None,
            obsolescence_at=None,
            created_at=unit.ctx.now(),
        )
        insert_named(unit, IMAGE, image)
        jobs.enqueue(unit, IMPORT, image.id)
        return image

    def _source(self, unit: Unit, body: CreateImageBody) -> tuple[str, str | None, dict[str, Any] | None]:
        if body.source_volume is not UNSET:
            volume = self._volumes.source(unit, body.source_volume)
            return volume.operating_system, None, volume.reference
        if body.operating_system is UNSET:
            raise invalid("validation_required_field", "Missing a required field.", "operating_system")
        field = "operating_system"
        system = operating_system(name_of(body.operating_system, field), field, "field")
        if not system.allow_user_image_creation:
            raise invalid("operating_system_restricted", "Images of this operating system cannot be imported.", field)
        assert body.file is not UNSET  # noqa: S101  said by the caller's check; for the type checker
        source = parse_href(body.file.href)
        with self._buckets.open(unit.ctx.account_id, source) as found:
            if found.size == 0:
                raise invalid("cos_not_found", "The object is empty.", "file.href")
        return system.name, body.file.href, None

    def update(self, unit: Unit, image: Granted[Image], body: UpdateImageBody) -> Image:
        """Changes the name; managed images may be renamed too (D2)."""
        if body.name is not UNSET and body.name != image.it.name:
            if body.name.startswith("ibm-"):
                raise invalid("validation_invalid_name", "Names that begin with ibm- are reserved.", "name")
            rename(unit, IMAGE, image.it.id, body.name)
        return find(unit, IMAGE, image.it.id)

    def delete(self, unit: Unit, image: Granted[Image]) -> None:
        """Removes the image; what was made from it keeps its reference and runs on. 409 while it is managed."""
        refuse_held(image.it)
        free = IMAGE.table.c.hold_crn.is_(None)
        if not delete(unit, IMAGE, image.it.id, image.it.account_id, free):
            raise held_problem(find(unit, IMAGE, image.it.id))  # a catalog took it in between
        jobs.cancel(unit, IMPORT, image.it.id)
        blob_bytes.release(unit, f"image:{image.it.id}")

    def deprecate(self, unit: Unit, image: Granted[Image]) -> None:
        """`available` to `deprecated`; servers can still be made from it."""
        self._retire(unit, image, "deprecated", ("available",), "deprecation_at")

    def obsolete(self, unit: Unit, image: Granted[Image]) -> None:
        """To `obsolete`; nothing more can be made from it."""
        self._retire(unit, image, "obsolete", ("available", "deprecated"), "obsolescence_at")

    def _retire(self, unit: Unit, image: Granted[Image], to: str, sources: tuple[str, ...], stamp: str) -> None:
        refuse_held(image.it)
        columns = IMAGE.table.c
        conditions = (columns.status.in_(sources), columns.hold_crn.is_(None))
        if not transition(unit, IMAGE, image.it.id, to, *conditions, **{stamp: unit.ctx.now()}):
            raise conflict("invalid_state", f"An image that is {image.it.status} cannot become {to}.")


def _allowed_use(unit: Unit, body: CreateImageBody) -> dict[str, str]:
    given = None if body.allowed_use is UNSET else body.allowed_use
    defaults = {"api_version": unit.ctx.api_version, "instance": "true", "bare_metal_server": "true"}
    return {
        name: default if given is None or getattr(given, name) is UNSET else getattr(given, name)
        for name, default in defaults.items()
    }
