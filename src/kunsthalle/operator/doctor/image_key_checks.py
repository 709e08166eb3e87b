"""Encrypted images, held against their data keys."""

from __future__ import annotations

from collections.abc import Iterator

from kunsthalle.blobs.protocol import BlobNotFound
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import unscoped
from kunsthalle.disk_images.file_refusals import Refused
from kunsthalle.disk_images.inspection import refuse_closed
from kunsthalle.images import image_encryption
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE
from kunsthalle.key_protect.data_keys import DataKey, KeyRefused
from kunsthalle.operator.doctor.findings import CheckContext, Finding


def data_keys(ward: CheckContext) -> Iterator[Finding]:
    """The data key of every encrypted image that has bytes opens them. Nothing is said of an image whose root key
    cannot be used, and nobody but its owner can mend a wrong one. Deriving a passphrase takes long by intent.
    """
    for image, secret in ward.read(_images):
        try:
            refuse_closed(ward.disks.blobs.local_path(image.digest), secret.reveal())
        except BlobNotFound:
            continue  # it is found with the blobs, or went meanwhile
        except Refused:
            yield Finding("wrong_data_key", image.id, "The data key of the image does not open its file.")


def _images(session: Session) -> list[tuple[Image, DataKey]]:
    columns = IMAGE.table.c
    images = unscoped(session, IMAGE, columns.encryption_key.is_not(None), columns.digest.is_not(None))
    return [(image, secret) for image in images if (secret := _secret(session, image)) is not None]


def _secret(session: Session, image: Image) -> DataKey | None:
    try:
        return image_encryption.passphrase(session, image)
    except KeyRefused:
        return None
