"""Images that came to a host without qemu-img are checked by jobs once the host has it, and need no boot first."""

from __future__ import annotations

from functools import partial

from kunsthalle.authz.context import Context
from kunsthalle.blobs.protocol import BlobNotFound
from kunsthalle.block_storage.disk_specs import DiskDrivers
from kunsthalle.block_storage.recheck import examine
from kunsthalle.core.log import get_logger
from kunsthalle.db.engine import Store
from kunsthalle.db.session import Session
from kunsthalle.db.tables import jobs as job_table
from kunsthalle.db.unscoped import columns_of
from kunsthalle.db.visibility import unscoped
from kunsthalle.disk_images.file_refusals import Refused
from kunsthalle.images.image_encryption import passphrase
from kunsthalle.images.models import Image
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.tables import UNCHECKED, images
from kunsthalle.jobs import queue
from kunsthalle.key_protect.data_keys import KeyRefused

log = get_logger("images")
CHECK = "image.check"


def schedule(store: Store, ctx: Context) -> None:
    """A job for each digest that no qemu-img has seen, unless it has one already. For a host that has qemu-img."""
    ctx = ctx.as_system("")
    if store.read(ctx, _waiting):
        store.write(ctx, _enqueue)


def _waiting(session: Session) -> set[str]:
    """Digests of images that are unchecked, and that no job is there for."""
    alive = (job_table.c.kind == CHECK, job_table.c.state.in_(("queued", "running")))
    known = {digest for (digest,) in columns_of(session, job_table.c.subject, where=alive)}
    return {digest for (digest,) in columns_of(session, images.c.digest, where=UNCHECKED)} - known


def _enqueue(session: Session) -> None:
    for digest in sorted(_waiting(session)):
        queue.enqueue(session, CHECK, digest, transfer_bytes=0)  # it takes as long as a transfer, and writes nothing


def _opened(session: Session, images: list[Image]) -> bytes | None:
    """What opens the bytes of these images, by the first whose root key can be used. KeyRefused if none can."""
    refused = None
    for image in images:
        try:
            secret = passphrase(session, image)
        except KeyRefused as refusal:
            refused = refusal
        else:
            return None if secret is None else secret.reveal()
    if refused is not None:
        raise refused
    return None


def handler(disks: DiskDrivers) -> queue.Handler:
    """The job. After its last failure the image stays unchecked, and is looked at again before its first real boot."""

    def run(run: queue.Run) -> None:
        digest = run.job.subject
        images = run.read(lambda session: unscoped(session, IMAGE, *UNCHECKED, IMAGE.table.c.digest == digest))
        if not images or images[0].format is None:
            return
        try:
            examine(run, disks, digest, images[0].format, partial(_opened, images=images))
        except Refused as refusal:
            log.warning("image refused later", digest=digest, images=[image.id for image in images], code=refusal.code)
        except BlobNotFound:
            log.warning("image not checked", digest=digest, reason="its bytes are missing; ask the doctor")

    return queue.Handler(CHECK, run, lambda _session, _job, _error: None)
