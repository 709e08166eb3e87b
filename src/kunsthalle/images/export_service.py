"""What can be done with export jobs, and how a deleted image waits for them (reference/vpc-api.md C2)."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from kunsthalle.accounts.queries import hold
from kunsthalle.blobs.protocol import Blobs
from kunsthalle.core.crn import parse
from kunsthalle.core.errors import invalid
from kunsthalle.db.rows import delete, insert_named, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import must, transition
from kunsthalle.db.unscoped import number_of
from kunsthalle.db.visibility import Authorized, unscoped
from kunsthalle.images import blob_references as blob_bytes
from kunsthalle.images import transfer_progress
from kunsthalle.images.import_sources import AccountBuckets, not_authorized
from kunsthalle.images.models import Image, ImageExport
from kunsthalle.images.object_storage_instances import WRITING, cause_of, refuse_closed
from kunsthalle.images.resources import EXPORT, IMAGE
from kunsthalle.images.schemas_exports import BUCKET, SERVICE, BucketRequest, CreateExportRequest
from kunsthalle.images.states import EXPORTABLE
from kunsthalle.jobs import queue
from kunsthalle.key_protect import data_keys
from kunsthalle.object_storage.protocol import BucketUnavailable, is_bucket

RUN = "image.export"
ACTIVE = ("queued", "running")
MOST_ACTIVE, MOST, MOST_OF_ACCOUNT = 5, 10, 20
"""Export jobs that are active for one image, there for one image, active in one account (C2)."""
_COLUMNS = EXPORT.table.c
_FIELD = "storage_bucket"


class ExportService:
    """`buckets` is where the images go, `blobs` where they come from."""

    def __init__(self, buckets: AccountBuckets, blobs: Blobs) -> None:
        self._buckets = buckets
        self._blobs = blobs

    def create(self, session: Session, image: Image, body: CreateExportRequest) -> ImageExport:
        """A new export, `queued`, that holds the image's bytes; and the job that writes them."""
        bucket = self._bucket(session, body.storage_bucket)
        _refuse_conversion(image, body.format)
        # Taking the image's row lets one export be made at a time, and none of an image that is being deleted.
        taken = update(
            session, IMAGE, image.id, IMAGE.table.c.status.in_(EXPORTABLE), IMAGE.table.c.digest.is_not(None)
        )
        must(taken, f"An image that is {image.status} cannot be exported.")
        hold(session, image.account_id)
        _quota(session, image.id)
        ids = session.ctx.ids
        name = f"{image.name[:16].rstrip('-')}-{ids.name()}" if isinstance(body.name, UnsetType) else body.name
        export = ImageExport(
            id=ids.resource(session.ctx.region.prefix),
            account_id=image.account_id,
            name=name,
            status="queued",
            status_reasons=[],
            image_id=image.id,
            resource_group_id=image.resource_group_id,
            format=body.format,
            bucket=bucket,
            object_name=f"{name}-{ids.hex(8)}.{body.format}",
            started_at=None,
            completed_at=None,
            created_at=session.ctx.now(),
            encrypted_data_key=image.encrypted_data_key,
        )
        insert_named(session, EXPORT, export)
        blob_bytes.retain(session, self._blobs, str(image.digest), export.holder)
        written = image.file_size if image.format == body.format else image.virtual_size
        queue.enqueue(session, RUN, export.id, transfer_bytes=written or 0)
        return export

    def _bucket(self, session: Session, body: BucketRequest) -> str:
        """The name of a bucket of the account. 403 for any other, whoever may have one of that name."""
        if (body.name is UNSET) == (body.crn is UNSET):
            raise invalid("validation_only_one", "Exactly one of name and crn must be given.", _FIELD)
        name = _named(session, body.crn) if isinstance(body.name, UnsetType) else body.name
        if not self._there(session.ctx.account_id, name):
            raise not_authorized(_FIELD, cause_of(session, name))
        refuse_closed(session, name, _FIELD, WRITING)
        return name

    def _there(self, account_id: str, bucket: str) -> bool:
        """Where nobody answers, the job will find out, and say so."""
        try:
            return self._buckets.of(account_id).has_bucket(bucket)
        except BucketUnavailable:
            return is_bucket(bucket)

    def delete(self, session: Session, export: Authorized[ImageExport]) -> None:
        """Removes the job, and cancels it if it has not ended; an object that is finished stays."""
        job = export.resource
        must(transition(session, EXPORT, job.id, "deleting"), "The export job is being deleted already.")
        if job.status != "running" and (job.status != "queued" or queue.cancel(session, RUN, job.id)):
            forget(session, job)  # else whoever runs it finds out, and cleans up


def _refuse_conversion(image: Image, format_: str) -> None:
    """400: an encrypted image is written as it is, still encrypted; nobody decrypts it on its way."""
    if image.encrypted and format_ != image.format:
        text = f"An encrypted image can be exported as {image.format or 'qcow2'} only, encrypted as it is."
        raise invalid("bad_field", text, "format")


def _named(session: Session, crn: str | UnsetType) -> str:
    try:
        parsed = parse(str(crn))
    except ValueError as error:
        raise invalid("bad_field", f"The CRN is not well-formed: {error}", f"{_FIELD}.crn") from error
    own = (parsed.service, parsed.account, parsed.type) == (SERVICE, session.ctx.account_id, BUCKET)
    return parsed.resource if own else ""


def _quota(session: Session, image_id: str) -> None:
    active, here = _COLUMNS.status.in_(ACTIVE), _COLUMNS.image_id == image_id
    counted = (
        (MOST, (here,), "export jobs of one image"),
        (MOST_ACTIVE, (here, active), "export jobs of one image at a time"),
        (MOST_OF_ACCOUNT, (_COLUMNS.account_id == session.ctx.account_id, active), "export jobs at a time"),
    )
    for most, where, bound_name in counted:
        if number_of(session, EXPORT.table, *where) >= most:
            raise invalid("over_quota", f"There may be {most} {bound_name}.")


def forget(session: Session, export: ImageExport) -> None:
    """Takes an ended export out of the books, and its image if that waited for it."""
    delete(session, EXPORT, export.id, export.account_id)
    transfer_progress.forget(session, export.id)
    settled(session, export)


def settled(session: Session, export: ImageExport) -> None:
    """The export needs its bytes no more; an image that is being deleted goes with the last one."""
    blob_bytes.release(session, export.holder)
    forget_deleted(session, export.image_id)


def forget_deleted(session: Session, image_id: str) -> None:
    """Takes an image that is `deleting` out of the books once no export of it runs, and its export jobs with it.

    Takes the image's row first, so that of two exports that end at once the second sees that the first has.
    """
    if not update(session, IMAGE, image_id, IMAGE.table.c.status == "deleting"):
        return
    exports = unscoped(session, EXPORT, _COLUMNS.image_id == image_id)
    if any(export.status in {*ACTIVE, "deleting"} for export in exports):
        return
    for image in unscoped(session, IMAGE, IMAGE.table.c.id == image_id):
        for export in exports:
            delete(session, EXPORT, export.id, export.account_id)
            transfer_progress.forget(session, export.id)
        delete(session, IMAGE, image.id, image.account_id)
        blob_bytes.release(session, f"image:{image.id}")
        if image.encryption_key is not None:
            data_keys.unregister(session, image.crn)
