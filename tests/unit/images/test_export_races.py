"""Export jobs of one account that are asked for at the same moment, on both engines: the quota holds."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from msgspec import UNSET

from fixtures.threads import together
from fixtures.worlds import World
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.core.errors import Problem
from kunsthalle.db.visibility import count
from kunsthalle.images.export_service import MOST_OF_ACCOUNT, ExportService
from kunsthalle.images.import_sources import AccountBuckets
from kunsthalle.images.models import Image
from kunsthalle.images.resources import EXPORT
from kunsthalle.images.schemas_exports import BucketRequest, CreateExportRequest

IMAGES, LEFT = 6, 2


def test_no_more_exports_of_an_account_than_the_quota_allows(both: World, tmp_path: Path) -> None:
    ctx, blobs, buckets = both.account(), FilesystemBlobs(tmp_path / "blobs"), AccountBuckets(tmp_path / "buckets")
    buckets.of(ctx.account_id).create_bucket("images")
    content = b"bytes of an image"
    digest = hashlib.sha256(content).hexdigest()
    with blobs.begin(len(content)) as upload:
        upload.write(content)
        upload.commit(digest)
    service, body = (
        ExportService(buckets, blobs),
        CreateExportRequest(storage_bucket=BucketRequest(name="images"), name=UNSET),
    )
    images = [both.image(ctx, f"image-{number}", digest=digest, format="qcow2") for number in range(IMAGES)]
    for image in images * ((MOST_OF_ACCOUNT - LEFT) // IMAGES):
        both.write(ctx, service.create, image, body)

    def one_more(image: Image) -> str:
        try:
            return both.write(ctx, service.create, image, body).id
        except Problem as problem:
            assert problem.code == "over_quota"
            return ""

    made = together(*(partial(one_more, image) for image in images))
    assert sum(bool(one) for one in made) == LEFT
    assert both.read(ctx, count, EXPORT) == MOST_OF_ACCOUNT
