"""Images as Ceph wants them: raw, so that Cinder makes clones of them, at once and with no room of their own.

Of an image in another format Cinder downloads and converts each volume. Whether Glance keeps images in Ceph it says of
an image that is there, if it tells places at all (`show_image_direct_url`), which Cinder needs for clones, too:
https://docs.ceph.com/en/latest/rbd/rbd-openstack/
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from kunsthalle.core.disk_space import NoSpace
from kunsthalle.core.sizes import KIB
from kunsthalle.disk_images import qemu_img
from kunsthalle.disk_images.writers import virtual_size_of
from kunsthalle.hypervisor.disk_protocol import ImageBytes
from kunsthalle.hypervisor.folder_disks import LocalStorage
from kunsthalle.hypervisor.protocol import DiskError, DiskFull

RAW = "raw"
_CLONED = "rbd://"
_PROBE = bytes(KIB)
_MOST_HOLLOW = 16
"""How many times as large as its file a disk may be: all of it is sent, and what is nearly empty is soon converted."""


class RawImages:
    """`storage` has the bytes of images, and a place of this process for what is not done. Without qemu-img on this
    host images stay as they are.
    """

    def __init__(self, storage: Callable[[], LocalStorage]) -> None:
        self._storage = storage
        self._lock, self._converting = threading.Lock(), threading.Lock()
        self._cloned: bool | None = None

    def wanted(self, base: ImageBytes, place: Callable[[BinaryIO], str]) -> bool:
        """Whether an image is to be raw: the cloud makes clones of it then, and it is not nearly empty. `place` uploads
        an image of this content, and tells where Glance keeps it; whoever wants to know first asks.
        """
        storage = self._storage()
        if storage.tools is None:
            return False
        with self._lock:
            if self._cloned is None:
                self._cloned = place(io.BytesIO(_PROBE)).startswith(_CLONED)
        return self._cloned and _disk_bytes(storage, base) <= _MOST_HOLLOW * storage.blobs.size(base.digest)

    @contextmanager
    def content(self, base: ImageBytes) -> Iterator[BinaryIO]:
        """The disk of an image from its first byte to its last, from a file that is not named any more. FAULTS."""
        storage = self._storage()
        if storage.tools is None:
            raise DiskError("the cloud has an image that is to be raw, and there is no qemu-img here to make it")
        source, folder = storage.blobs.local_path(base.digest), storage.unfinished
        folder.mkdir(parents=True, exist_ok=True)
        target, size = folder / f"{base.digest}.{RAW}", _disk_bytes(storage, base)
        limits = storage.limits
        with self._converting:
            try:
                qemu_img.convert(storage.tools, source, base.format, target, RAW, quota_bytes=size, limits=limits)
            except NoSpace as error:
                raise DiskFull("this host has no room to make an image raw") from error
            content = target.open("rb")
            target.unlink()
        with content:
            yield content

    def sweep(self) -> int:
        """Removes what a killed process left on its way; how many files."""
        left = [path for path in self._storage().unfinished.glob(f"*.{RAW}*") if path.is_file()]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


def _disk_bytes(storage: LocalStorage, base: ImageBytes) -> int:
    return virtual_size_of(storage.blobs.local_path(base.digest), base.format)
