"""What an image says after the last try of its import: told by the type of the error, whatever its words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.worlds import World
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.blobs.protocol import OutOfSpace, StoreUnavailable
from kunsthalle.core.disk_space import NoSpace
from kunsthalle.db.visibility import find
from kunsthalle.disk_images.limits import Limits
from kunsthalle.images.import_job import IMPORT, Importer
from kunsthalle.images.import_sources import AccountBuckets, BucketUnavailable
from kunsthalle.images.resources import IMAGE
from kunsthalle.jobs import queue

NO_ROOM = "The server had no room for the image, again and again."
UNKNOWN = "The import failed; the server's log has the details."


class Renamed(BucketUnavailable):
    """A special case of an error that is known."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BucketUnavailable("x", "b", "k"), "The object storage could not be reached, or broke off, again and again."),
        (Renamed("x", "b", "k"), "The object storage could not be reached, or broke off, again and again."),
        (
            StoreUnavailable("x"),
            "The bytes could not be stored: the server's store could not be reached, again and again.",
        ),
        (NoSpace("", 2, 1), NO_ROOM),
        (OutOfSpace(2, 1), NO_ROOM),
        (ValueError("NoSpace: no room"), UNKNOWN),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_reason_follows_from_the_type(world: World, tmp_path: Path, error: Exception, message: str) -> None:
    ctx = world.account()
    image = world.image(ctx, "x", status="pending")
    tools: Any = None
    importer = Importer(FilesystemBlobs(tmp_path), AccountBuckets(tmp_path), tools, tools, Limits())
    job = queue.Claimed("job", ctx.account_id, IMPORT, image.id, {}, queue.MOST_ATTEMPTS, 0)
    world.write(ctx, importer.give_up, job, error)
    failed = world.read(ctx, find, IMAGE, image.id)
    assert (failed.status, [reason["message"] for reason in failed.status_reasons]) == ("failed", [message])
