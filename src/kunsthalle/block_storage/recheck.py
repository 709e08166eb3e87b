"""Later checks: an image that was imported on a host without qemu-img is examined before its first real boot.

A passed check is stored on everything that uses those bytes; a failed one makes the images `failed`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kunsthalle.block_storage.disk_specs import DiskDrivers
from kunsthalle.block_storage.models import Volume
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.block_storage.volume_keys import passphrases
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.visibility import ResourceType, unscoped
from kunsthalle.disk_images.file_refusals import Refused, ToolFailed
from kunsthalle.disk_images.inspection import recheck
from kunsthalle.images import blob_references as blob_bytes
from kunsthalle.images.resources import IMAGE
from kunsthalle.jobs import queue
from kunsthalle.key_protect.data_keys import KeyRefused


def recheck_blob(run: queue.Run, disks: DiskDrivers, volume: Volume) -> None:
    """Refused if the bytes under the volume are not what an image may be; nothing where they were checked before."""
    digest, kind = volume.digest, volume.format
    if volume.checked or disks.tools is None or digest is None or kind is None:
        return
    examine(run, disks, digest, kind, lambda session: passphrases(session, volume).base)


def examine(
    run: queue.Run, disks: DiskDrivers, digest: str, kind: str, opened: Callable[[Session], bytes | None]
) -> None:
    """Has qemu-img examine these bytes, and notes what it finds: on all that stands on them, or on their images.

    `opened` gives their passphrase, None for bytes that are not encrypted. Raises Refused for what no image may be,
    ToolFailed for an encrypted image whose key cannot be used. Does nothing on a host without qemu-img.
    """
    if disks.tools is None:
        return
    try:
        recheck(disks.blobs.local_path(digest), kind, disks.limits, disks.tools, run.read(opened))
    except KeyRefused as refusal:
        raise ToolFailed(f"The encrypted image cannot be checked. {refusal.message}") from refusal
    except Refused as refusal:
        code, message = refusal.code, refusal.message
        run.write(lambda session: mark_failed(session, digest, code, message))
        raise
    run.write(lambda session: confirm(session, digest))


def confirm(session: Session, digest: str) -> None:
    """Marks everything that stands on these bytes as checked."""
    kinds: tuple[ResourceType[Any], ...] = (IMAGE, VOLUME, SNAPSHOT)
    for kind in kinds:
        for resource in unscoped(session, kind, kind.table.c.digest == digest, kind.table.c.checked == 0):
            update(session, kind, resource.id, checked=1)


def mark_failed(session: Session, digest: str, code: str, message: str) -> None:
    """Makes the images of these bytes `failed`, with the reason; they let go of the bytes."""
    shown = code if code == "image_provisioned_size_unsupported" else "image_data_corrupted"
    for image in unscoped(session, IMAGE, IMAGE.table.c.digest == digest):
        transition(
            session,
            IMAGE,
            image.id,
            "failed",
            status_reasons=[{"code": shown, "message": message}],
            digest=None,
            format=None,
            file_size=None,
            virtual_size=None,
        )
        blob_bytes.release(session.as_context(session.ctx.as_system(image.account_id)), f"image:{image.id}")
