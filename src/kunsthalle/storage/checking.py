"""Images that came to a host without qemu-img are checked by jobs once the host has it, and need no boot first."""

from __future__ import annotations

from kunsthalle.blobs.protocol import BlobNotFound
from kunsthalle.core.context import Context
from kunsthalle.core.log import get_logger
from kunsthalle.images.kinds import IMAGE
from kunsthalle.imaging.errors import Refused
from kunsthalle.storage.disks import Disks
from kunsthalle.storage.vouching import examine
from kunsthalle.store import jobs
from kunsthalle.store.engine import Store
from kunsthalle.store.schema.base import jobs as job_table
from kunsthalle.store.schema.images import UNCHECKED, images
from kunsthalle.store.scope import unguarded
from kunsthalle.store.tables import columns_of
from kunsthalle.store.unit import Unit

log = get_logger("images")
CHECK = "image.check"


def schedule(store: Store, ctx: Context) -> None:
    """A job for each digest that no qemu-img has seen, unless it has one already. For a host that has qemu-img."""
    ctx = ctx.as_system("")
    if store.read(ctx, _waiting):
        store.write(ctx, _enqueue)


def _waiting(unit: Unit) -> set[str]:
    """Digests of images that are unchecked, and that no job is there for."""
    alive = (job_table.c.kind == CHECK, job_table.c.state.in_(("queued", "running")))
    known = {digest for (digest,) in columns_of(unit, job_table.c.subject, where=alive)}
    return {digest for (digest,) in columns_of(unit, images.c.digest, where=UNCHECKED)} - known


def _enqueue(unit: Unit) -> None:
    for digest in sorted(_waiting(unit)):
        jobs.enqueue(unit, CHECK, digest, transfer_bytes=0)  # it takes as long as a transfer, and writes nothing


def handler(disks: Disks) -> jobs.Handler:
    """The job. After its last failure the image stays unchecked, and is looked at again before its first real boot."""

    def run(run: jobs.Run) -> None:
        digest = run.job.subject
        found = run.read(lambda unit: unguarded(unit, IMAGE, *UNCHECKED, IMAGE.table.c.digest == digest))
        if not found or found[0].format is None:
            return
        try:
            examine(run, disks, digest, found[0].format)
        except Refused as refusal:
            log.warning("image refused later", digest=digest, images=[one.id for one in found], code=refusal.code)
        except BlobNotFound:
            log.warning("image not checked", digest=digest, reason="its bytes are missing; ask the doctor")

    return jobs.Handler(CHECK, run, lambda _unit, _job, _error: None)
