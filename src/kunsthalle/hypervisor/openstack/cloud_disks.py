"""Disks as volumes and snapshots of Cinder, on images of Glance.

A volume or snapshot has the product's id as its name, and a mark; whatever has no mark is somebody else's and is left
alone. Glance takes an id of our choosing, so that an image is uploaded once for each digest.
"""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, NamedTuple

from kunsthalle.blobs.protocol import Blobs
from kunsthalle.core.sizes import GIB
from kunsthalle.hypervisor.disk_protocol import Damage, DiskKind, Disks, DiskSpec, ExpectedDisk, ImageBytes, Leftover
from kunsthalle.hypervisor.openstack.cloud_client import Cloud, NotThere, OverQuota, WrongState
from kunsthalle.hypervisor.protocol import DiskError, DiskFull
from kunsthalle.hypervisor.specs import check_disk_id

BLOCKS, IMAGES = "block-storage", "image"
MARK = "kunsthalle"
"""The key of the metadata by which our volumes, snapshots and images are known; its value says what it is for."""

_TEMPORARY = "temporary"
_SPACE = uuid.UUID("5c0a5b0e-7f3d-5d0f-9a53-1f1f2a6b8c11")
_VOLUME_SECONDS, _IMAGE_SECONDS = 600.0, 3600.0
_FORMATS = {"qcow2": "qcow2", "vhd": "vpc"}


class _Words(NamedTuple):
    """How Cinder calls a kind: its path, and the key of its body."""

    path: str
    body: str


_KINDS = {DiskKind.VOLUME: _Words("/volumes", "volume"), DiskKind.SNAPSHOT: _Words("/snapshots", "snapshot")}


def image_id(digest: str) -> str:
    """The id of the image that has these bytes."""
    return str(uuid.uuid5(_SPACE, digest))


class CloudDisks(Disks):
    """See Disks. A volume with a key of its owner's has no place here: the cloud would have to know the passphrase."""

    def __init__(self, cloud: Cloud, blobs: Blobs) -> None:
        self._cloud, self._blobs = cloud, blobs

    def make(self, disk: DiskSpec, origin: DiskSpec | None) -> None:
        """See Disks.make."""
        _refuse_encrypted(disk)
        if origin is not None and (snapshot := self.find(DiskKind.SNAPSHOT, origin.id)) is not None:
            self._make(disk, {"snapshot_id": snapshot["id"]})
        elif disk.base is not None:
            if self.find(DiskKind.VOLUME, disk.id) is None:
                self._upload(disk.base)
            self._make(disk, {"imageRef": image_id(disk.base.digest)})

    def outgrows(self, disk: DiskSpec, origin: DiskSpec) -> bool:  # noqa: ARG002  Cinder makes any size of any snapshot
        """See Disks.outgrows."""
        return False

    def ensure(self, disk: DiskSpec) -> None:
        """See Disks.ensure."""
        _refuse_encrypted(disk)
        if self.find(DiskKind.VOLUME, disk.id) is None:
            self._make(disk, {})

    def exists(self, kind: DiskKind, id_: str) -> bool:
        """See Disks.exists."""
        return self.find(kind, id_) is not None

    def find(self, kind: DiskKind, id_: str) -> dict[str, Any] | None:
        """The volume or snapshot of an id, whatever its state; None where there is none of ours."""
        check_disk_id(id_)
        words = _KINDS[kind]
        named = self._cloud.every(BLOCKS, f"{words.path}/detail", name=id_)
        return next((item for item in named if item["name"] == id_ and _is(item, kind.value)), None)

    def grow(self, disk: DiskSpec) -> None:
        """See Disks.grow."""
        volume = self.find(DiskKind.VOLUME, disk.id)
        if volume is None or volume["size"] >= _gigabytes(disk):
            return
        with _bounded():
            self._cloud.post(BLOCKS, f"/volumes/{volume['id']}/action", {"os-extend": {"new_size": _gigabytes(disk)}})
        self._settled(DiskKind.VOLUME, volume["id"])

    def snapshot(self, disk: DiskSpec, snapshot_id: str) -> int:
        """See Disks.snapshot. How many bytes differ from the image the cloud does not say: as large as the disk."""
        check_disk_id(snapshot_id)
        volume = self.find(DiskKind.VOLUME, disk.id)
        if volume is None:
            if disk.base is None:
                return 0
            raise DiskError(f"there is no disk of the volume {disk.id}")
        if (snapshot := self._usable(DiskKind.SNAPSHOT, snapshot_id)) is None:
            snapshot = self._take(volume["id"], snapshot_id, DiskKind.SNAPSHOT.value)
        self._settled(DiskKind.SNAPSHOT, snapshot["id"])
        return int(snapshot["size"]) * GIB

    def _take(self, volume: str, name: str, mark: str) -> dict[str, Any]:
        body = {"volume_id": volume, "name": name, "force": True, "metadata": {MARK: mark}}
        with _bounded():
            taken: dict[str, Any] = self._cloud.post(BLOCKS, "/snapshots", {"snapshot": body})["snapshot"]
        return taken

    @contextmanager
    def read_out(self, disk: DiskSpec) -> Iterator[BinaryIO | None]:
        """See Disks.read_out. Cinder makes an image of a volume that nobody uses alone: so of one made for this."""
        _refuse_encrypted(disk)
        source = self.find(disk.kind, disk.id)
        if source is None:
            raise DiskError(f"there is no disk of the {disk.kind.value} {disk.id}")
        name = f"{MARK}-read-{disk.id}"
        self._forget_temporary(name)
        try:
            snapshot = source
            if disk.kind is DiskKind.VOLUME:
                snapshot = self._take(source["id"], name, _TEMPORARY)
                self._settled(DiskKind.SNAPSHOT, snapshot["id"])
            volume = self._create(name, _gigabytes(disk), _TEMPORARY, {"snapshot_id": snapshot["id"]})
            with tempfile.TemporaryFile() as stream:
                self._download(volume, name, stream)
                stream.seek(0)
                yield stream
        finally:
            self._forget_temporary(name)

    def _download(self, volume: str, name: str, stream: BinaryIO) -> None:
        wish = {"image_name": name, "disk_format": "qcow2", "container_format": "bare"}
        action = {"os-volume_upload_image": wish}
        made = self._cloud.post(BLOCKS, f"/volumes/{volume}/action", action)["os-volume_upload_image"]["image_id"]
        try:
            size = self._uploaded(made)
            with self._cloud.content(f"/v2/images/{made}/file", size) as chunks:
                stream.writelines(chunks)
        finally:
            self._cloud.delete(IMAGES, f"/v2/images/{made}")

    def _uploaded(self, image: str) -> int:
        """Bytes of an image that has come to be whole."""

        def ready() -> int:
            state = self._cloud.get(IMAGES, f"/v2/images/{image}")
            if state["status"] in {"killed", "deleted", "pending_delete", "deactivated"}:
                raise DiskError(f"the image {image} became {state['status']}")
            return int(state["size"]) if state["status"] == "active" else 0

        size: int = self._cloud.until(ready, f"the image {image}", _IMAGE_SECONDS)
        return size

    def _upload(self, base: ImageBytes) -> None:
        """Has the cloud know the bytes of an image. Two that come at once make one, whose content one of them sends."""
        id_ = image_id(base.digest)
        try:
            state = self._cloud.get(IMAGES, f"/v2/images/{id_}")["status"]
        except NotThere:
            names = {"name": f"{MARK}-{base.digest[:16]}", MARK: "base"}
            body = {"id": id_, "disk_format": _FORMATS[base.format], "container_format": "bare", **names}
            with suppress(WrongState):
                self._cloud.post(IMAGES, "/v2/images", body)
            state = "queued"
        if state == "queued":
            with suppress(WrongState), self._blobs.open(base.digest) as content:
                self._cloud.put_content(f"/v2/images/{id_}/file", content)
        self._uploaded(id_)

    def _make(self, disk: DiskSpec, source: dict[str, str]) -> None:
        if (volume := self._usable(DiskKind.VOLUME, disk.id)) is not None:
            if source and volume["size"] != _gigabytes(disk):
                raise DiskError(f"the volume {disk.id} is there, and has another size")
            self._settled(DiskKind.VOLUME, volume["id"])
            return
        self._create(disk.id, _gigabytes(disk), DiskKind.VOLUME.value, source)

    def _create(self, name: str, size: int, mark: str, source: dict[str, str]) -> str:
        with _bounded():
            body = {"name": name, "size": size, "metadata": {MARK: mark}, **source}
            made: str = self._cloud.post(BLOCKS, "/volumes", {"volume": body})["volume"]["id"]
        self._settled(DiskKind.VOLUME, made)
        return made

    def _usable(self, kind: DiskKind, id_: str) -> dict[str, Any] | None:
        """What an earlier try has begun; what came to nothing is removed first."""
        item = self.find(kind, id_)
        if item is not None and item["status"] in {"error", "error_deleting", "deleting"}:
            self._remove(kind, item["id"])
            return None
        return item

    def _settled(self, kind: DiskKind, id_: str) -> None:
        words = _KINDS[kind]

        def ready() -> bool:
            status = str(self._cloud.get(BLOCKS, f"{words.path}/{id_}")[words.body]["status"])
            if status.startswith("error"):
                raise DiskError(f"the {kind.value} {id_} became {status}")
            return status in {"available", "in-use"}

        self._cloud.until(ready, f"the {kind.value} {id_}", _VOLUME_SECONDS)

    def delete(self, kind: DiskKind, id_: str) -> None:
        """See Disks.delete."""
        if (item := self.find(kind, id_)) is not None:
            self._remove(kind, item["id"])

    def _remove(self, kind: DiskKind, id_: str) -> None:
        words = _KINDS[kind]
        self._cloud.delete(BLOCKS, f"{words.path}/{id_}")

        def gone() -> bool:
            try:
                status = self._cloud.get(BLOCKS, f"{words.path}/{id_}")[words.body]["status"]
            except NotThere:
                return True
            if status == "error_deleting":
                raise DiskError(f"the {kind.value} {id_} could not be removed")
            return False

        self._cloud.until(gone, f"removing the {kind.value} {id_}", _VOLUME_SECONDS)

    def check_room(self, new_bytes: int = 0) -> None:
        """See Disks.check_room. The cloud's own quota says so when something is made."""

    def inventory(self, kind: DiskKind) -> dict[str, int]:
        """See Disks.inventory."""
        items = self._cloud.every(BLOCKS, f"{_KINDS[kind].path}/detail")
        ours = sorted((item for item in items if _is(item, kind.value)), key=lambda item: str(item["name"]))
        return {str(item["name"]): int(item["size"]) * GIB for item in ours}

    def damage(self, expected: ExpectedDisk) -> Iterable[Damage]:
        """See Disks.damage. What a volume stands on is the cloud's to know."""
        check_disk_id(expected.id)
        return ()

    def reattach_base(self, expected: ExpectedDisk) -> bool:
        """See Disks.reattach_base. Nothing here can come off its base."""
        check_disk_id(expected.id)
        return True

    def leftovers(self) -> Iterator[Leftover]:
        """See Disks.leftovers."""
        for kind, words in _KINDS.items():
            for item in self._cloud.every(BLOCKS, f"{words.path}/detail"):
                if _is(item, _TEMPORARY):
                    yield Leftover(str(item["name"]), f"A {kind.value} that was read out was left.", None)

    def remove_leftover(self, name: str) -> None:
        """See Disks.remove_leftover."""
        self._forget_temporary(name)

    def _forget_temporary(self, name: str) -> None:
        """Removes what was made to read a disk out: the volume first, which stands on the snapshot."""
        for kind, words in _KINDS.items():
            for item in self._cloud.every(BLOCKS, f"{words.path}/detail", name=name):
                if item["name"] == name and _is(item, _TEMPORARY):
                    self._remove(kind, item["id"])

    def sweep(self) -> int:
        """See Disks.sweep. Others may be at work on what is there; the doctor knows."""
        return 0


def _is(item: dict[str, Any], mark: str) -> bool:
    return bool(item["metadata"].get(MARK) == mark)


def _gigabytes(disk: DiskSpec) -> int:
    return -(-disk.size_bytes // GIB)


def _refuse_encrypted(disk: DiskSpec) -> None:
    if disk.encrypted or disk.passphrases.base is not None:
        raise DiskError(f"the {disk.kind.value} {disk.id} is encrypted, which this engine cannot do")


@contextmanager
def _bounded() -> Iterator[None]:
    try:
        yield
    except OverQuota as error:
        raise DiskFull(str(error)) from error
