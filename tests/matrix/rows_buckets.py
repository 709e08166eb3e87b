"""Buckets, an upload that has not ended, and a conversion of the publisher's."""

from __future__ import annotations

from typing import Any

from fixtures.frozen_app import FrozenApp
from kunsthalle.object_storage.folder_buckets import Buckets
from kunsthalle.object_storage.folder_uploads import FolderUploads
from kunsthalle.object_storage.uploads import Upload

_UPLOADS = "/_kunsthalle/uploads"
_BUCKET = "hidden-bucket"
BODIES = {
    "POST /_kunsthalle/buckets": lambda _frozen: {"name": "another"},
    f"POST {_UPLOADS}": lambda _frozen: {"bucket": _BUCKET, "object": "another.qcow2", "size": 10},
}


class _DryUploads(FolderUploads):
    """What begins and ends here does so in the answer alone."""

    def begin(self, bucket: str, key: str, size: int, id_: str) -> Upload:  # noqa: ARG002  as it is
        return Upload("0" * 32, bucket, key)

    def abort(self, upload: Upload) -> None:
        self._about(upload)


class _DryBuckets(Buckets):
    """Folders in which no call of the matrix makes or removes anything."""

    def create_bucket(self, name: str) -> None:
        """Nothing."""

    def delete(self, bucket: str, key: str) -> None:
        """Nothing."""

    @property
    def uploads(self) -> _DryUploads:
        """See _DryUploads."""
        return _DryUploads(self._root, self._space, self._place)


def _upload(frozen: FrozenApp, name: str, size: int) -> dict[str, Any]:
    body = {"bucket": _BUCKET, "object": name, "size": size}
    return dict(frozen.ok("owner", "POST", _UPLOADS, body))


def furnish(frozen: FrozenApp) -> None:
    """The conversion has failed: what was uploaded is no disk."""
    frozen.ok("owner", "POST", "/_kunsthalle/buckets", {"name": _BUCKET})
    frozen.ids |= {"buckets": _BUCKET, "uploads": _upload(frozen, "hidden.qcow2", 10)["id"]}
    whole = _upload(frozen, "hidden.vmdk", 10)["id"]
    frozen.ok("owner", "PUT", f"{_UPLOADS}/{whole}/parts/1", b"0123456789")
    frozen.ids["conversions"] = frozen.ok("owner", "POST", f"{_UPLOADS}/{whole}/complete")["conversion"]
    buckets = frozen.server.drivers.buckets
    (buckets.folder(frozen.accounts["owner"]) / _BUCKET / "hidden.img").write_bytes(b"hidden")
    for account in frozen.accounts.values():
        buckets._opened[account] = _DryBuckets(buckets.folder(account))
