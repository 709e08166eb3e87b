"""Blobs and references: what is stored against what is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import partial

from sqlalchemy import update

from kunsthalle.blobs.protocol import BlobNotFound, Blobs
from kunsthalle.block_storage.recheck import mark_failed
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import any_row, remove_rows
from kunsthalle.images import blob_references as blob_bytes
from kunsthalle.images.import_job import upload_name
from kunsthalle.images.tables import blob_refs, blobs
from kunsthalle.operator.doctor import expected_references as ledger
from kunsthalle.operator.doctor.findings import CheckContext, ExpectedReferences, Finding, Progress

_LOST = "The bytes of the image were lost; the operator has been told."


def stored(books: ExpectedReferences, inventory: dict[str, int]) -> Iterator[Finding]:
    """Every blob and every row of one. `inventory` is what is there, taken before the books were read."""
    needed = {digest for digest, _ in books.expected | books.actual}
    for digest in sorted(needed - inventory.keys()):
        yield Finding("missing_blob", digest, "Bytes that are needed are not in the store.", partial(_give_up, digest))
    for digest in sorted(inventory.keys() - needed):
        if digest not in books.busy:
            text = "Bytes are in the store that nothing refers to."
            yield Finding("unreferenced_blob", digest, text, partial(_sweep, digest))
    for digest in sorted(inventory.keys() & needed & books.sizes.keys()):
        if inventory[digest] != books.sizes[digest]:
            text = f"The blob has {inventory[digest]} bytes, and {books.sizes[digest]} by the books."
            yield Finding("wrong_length", digest, text, partial(_measure, digest))
    for digest in sorted(books.sizes.keys() - needed - inventory.keys()):
        if digest not in books.busy:
            yield Finding("stray_row", digest, "A row tells of bytes that are not there.", partial(_forget, digest))


def references(books: ExpectedReferences) -> Iterator[Finding]:
    """Every reference: there is one for everything that stands on bytes, and none else."""
    for digest, holder in sorted(books.actual - books.expected - books.tolerated):
        yield Finding(
            "stray_reference", holder, f"It refers to {digest} and does not need it.", _settle(digest, holder)
        )
    for digest, holder in sorted(books.expected - books.actual):
        yield Finding("lost_reference", holder, f"It needs {digest} without a reference.", _settle(digest, holder))


def uploads(books: ExpectedReferences, store: Blobs) -> Iterator[Finding]:
    """What crashed uploads left. Those that an import is to take up again are in their place."""
    upload_names = {upload_name(id_) for id_ in books.pending_images}
    for name in store.leftovers():
        if name not in upload_names:
            yield Finding("leftover_upload", name, "An upload was left unfinished.", partial(_discard, name))


def contents(ward: CheckContext) -> Iterator[Finding]:
    """Every byte: whether each blob is what its name says."""
    store = ward.disks.blobs
    inventory = list(store.inventory())
    ward.progress.reads(sum(size for _, size in inventory))
    for digest, _ in inventory:
        if not _genuine(store, digest, ward.progress):
            text = "The content of the blob is another one than its name says."
            yield Finding("wrong_digest", digest, text, partial(_give_up, digest))


def _genuine(store: Blobs, digest: str, progress: Progress | None = None) -> bool:
    """Also where the blob went meanwhile."""
    hashed = hashlib.sha256()
    try:
        for chunk in store.read(digest):
            hashed.update(chunk)
            if progress is not None:
                progress.done += len(chunk)
    except BlobNotFound:
        return True
    return hashed.hexdigest() == digest


def _give_up(digest: str, ward: CheckContext) -> bool:
    """Images of lost bytes become `failed`. What else stands on them cannot be helped, and is found again."""
    ward.write(lambda session: mark_failed(session, digest, "image_data_corrupted", _LOST))
    return not ward.read(lambda session: any_row(session, blob_refs, blob_refs.c.digest == digest))


def _sweep(digest: str, ward: CheckContext) -> bool:
    """By the job that sweeps all others: it looks once more, under the lock of the digest."""
    ward.write(lambda session: blob_bytes.unneeded(session, digest))
    return True


def _measure(digest: str, ward: CheckContext) -> bool:
    store = ward.disks.blobs
    if not _genuine(store, digest):
        return _give_up(digest, ward)
    size = store.size(digest)
    ward.write(lambda session: session.execute(update(blobs).where(blobs.c.digest == digest).values(size=size)))
    return True


def _forget(digest: str, ward: CheckContext) -> bool:
    def forget(session: Session) -> None:
        if not any_row(session, blob_refs, blob_refs.c.digest == digest):
            remove_rows(session, blobs, blobs.c.digest == digest)

    ward.write(forget)
    return True


def _settle(digest: str, holder: str) -> partial[bool]:
    return partial(_set_right, digest, holder)


def _set_right(digest: str, holder: str, ward: CheckContext) -> bool:
    def settle(session: Session) -> None:
        books, reference = ledger.read(session), (digest, holder)
        if reference in books.expected - books.actual:
            blob_bytes.retain(session, ward.disks.blobs, digest, holder)
        elif reference in books.actual - books.expected - books.tolerated:
            remove_rows(session, blob_refs, blob_refs.c.digest == digest, blob_refs.c.holder == holder)
            blob_bytes.unneeded(session, digest)

    try:
        ward.write(settle)
    except blob_bytes.BytesGone:
        return False
    return True


def _discard(name: str, ward: CheckContext) -> bool:
    ward.disks.blobs.discard(name)
    return name not in ward.disks.blobs.leftovers()
