"""Making up for checks: an image that was imported on a host without qemu-img is examined before its first real boot.

What passes is marked on everything that stands on those bytes; what does not makes its images `failed`.
"""

from __future__ import annotations

from typing import Any

from kunsthalle.images import bytes as blob_bytes
from kunsthalle.images.kinds import IMAGE
from kunsthalle.imaging.errors import Refused
from kunsthalle.imaging.examine import recheck
from kunsthalle.storage.disks import Disks
from kunsthalle.storage.kinds import SNAPSHOT, VOLUME
from kunsthalle.storage.model import Volume
from kunsthalle.store import jobs
from kunsthalle.store.rows import update
from kunsthalle.store.scope import Kind, unguarded
from kunsthalle.store.transition import transition
from kunsthalle.store.unit import Unit


def vouch(run: jobs.Run, disks: Disks, volume: Volume) -> None:
    """Refused if the bytes under the volume are not what an image may be; nothing where they were checked before."""
    digest, kind = volume.digest, volume.format
    if volume.checked or disks.tools is None or digest is None or kind is None:
        return
    examine(run, disks, digest, kind)


def examine(run: jobs.Run, disks: Disks, digest: str, kind: str) -> None:
    """Has qemu-img examine these bytes, and notes what it finds: on all that stands on them, or on their images.

    Raises Refused for what no image may be. Does nothing on a host without qemu-img.
    """
    if disks.tools is None:
        return
    try:
        recheck(disks.blobs.local_path(digest), kind, disks.limits, disks.tools)
    except Refused as refusal:
        code, message = refusal.code, refusal.message
        run.write(lambda unit: condemn(unit, digest, code, message))
        raise
    run.write(lambda unit: confirm(unit, digest))


def confirm(unit: Unit, digest: str) -> None:
    """Marks everything that stands on these bytes as checked."""
    kinds: tuple[Kind[Any], ...] = (IMAGE, VOLUME, SNAPSHOT)
    for kind in kinds:
        for it in unguarded(unit, kind, kind.table.c.digest == digest, kind.table.c.checked == 0):
            update(unit, kind, it.id, checked=1)


def condemn(unit: Unit, digest: str, code: str, message: str) -> None:
    """Makes the images of these bytes `failed`, with the reason; they let go of the bytes."""
    shown = code if code == "image_provisioned_size_unsupported" else "image_data_corrupted"
    for image in unguarded(unit, IMAGE, IMAGE.table.c.digest == digest):
        transition(
            unit,
            IMAGE,
            image.id,
            "failed",
            status_reasons=[{"code": shown, "message": message}],
            digest=None,
            format=None,
            file_size=None,
            virtual_size=None,
        )
        blob_bytes.release(unit.acting(unit.ctx.as_system(image.account_id)), f"image:{image.id}")
