"""Disks as volumes and snapshots of Cinder, on images of Glance.

A volume or snapshot has the product's id as its name, and a mark; whatever has no mark is somebody else's and is left
alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, NamedTuple

from kunsthalle.blobs.protocol import Blobs
from kunsthalle.core.sizes import GIB
from kunsthalle.hypervisor.disk_protocol import Damage, DiskKind, Disks, DiskSpec, ExpectedDisk, Leftover
from kunsthalle.hypervisor.openstack.cloud_client import BLOCKS, Cloud, NotAccepted, NotThere, OverQuota
from kunsthalle.hypervisor.openstack.cloud_images import MARK, TEMPORARY, CloudImages
from kunsthalle.hypervisor.openstack.cloud_zones import CloudZones
from kunsthalle.hypervisor.openstack.raw_images import RawImages
from kunsthalle.hypervisor.protocol import DiskError, DiskFull, HypervisorError
from kunsthalle.hypervisor.specs import check_disk_id

_RETIRED = "retired"
"""A volume that is deleted as far as the product goes, and that Cinder keeps for its snapshots."""

_READ_OUT, _READ_IN = f"{MARK}-read-", f"{MARK}-read-in-"
"""Begin the names of what is made to read a disk out, and in."""

_VOLUME_SECONDS = 600.0
_CAME_TO_NOTHING = frozenset({"error", "error_deleting", "deleting"})
_AT_WORK = frozenset({"creating", "downloading", "uploading", "extending"})


class _Words(NamedTuple):
    """How Cinder calls a kind: its path, and the key of its body."""

    path: str
    body: str


_KINDS = {DiskKind.VOLUME: _Words("/volumes", "volume"), DiskKind.SNAPSHOT: _Words("/snapshots", "snapshot")}


class CloudDisks(Disks):
    """See Disks. A volume with a key of its owner's has no place here: the cloud would have to know the passphrase."""

    def __init__(
        self, cloud: Cloud, blobs: Blobs, raw: RawImages | None = None, zones: CloudZones | None = None
    ) -> None:
        self._cloud, self.images = cloud, CloudImages(cloud, blobs, raw)
        self._zones = zones or CloudZones(cloud, {})

    def make(self, disk: DiskSpec, origin: DiskSpec | None) -> None:
        """See Disks.make."""
        _refuse_encrypted(disk)
        volume = self._usable(DiskKind.VOLUME, disk.id)
        if volume is not None:
            if volume["size"] != _gigabytes(disk):
                raise DiskError(f"the volume {disk.id} is there, and has another size")
            self._settled(DiskKind.VOLUME, volume["id"])
        elif origin is not None and (snapshot := self.find(DiskKind.SNAPSHOT, origin.id)) is not None:
            self._create_in_zone(disk, {"snapshot_id": snapshot["id"]})
        elif disk.base is not None:
            self._create_in_zone(disk, {"imageRef": self.images.base(disk.base)})

    def outgrows(self, disk: DiskSpec, origin: DiskSpec) -> bool:  # noqa: ARG002  Cinder makes any size of any snapshot
        """See Disks.outgrows."""
        return False

    def ensure(self, disk: DiskSpec) -> None:
        """See Disks.ensure."""
        _refuse_encrypted(disk)
        volume = self._usable(DiskKind.VOLUME, disk.id)
        if volume is None:
            self._create_in_zone(disk, {})
        else:
            self._settled(DiskKind.VOLUME, volume["id"])

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
        name = _READ_OUT + disk.id
        self.remove_leftover(name)
        try:
            snapshot = source
            if disk.kind is DiskKind.VOLUME:
                snapshot = self._take(source["id"], name, TEMPORARY)
                self._settled(DiskKind.SNAPSHOT, snapshot["id"])
            volume = self._create(name, _gigabytes(disk), TEMPORARY, {"snapshot_id": snapshot["id"]})
            with tempfile.TemporaryFile() as stream:
                self._download(volume, name, stream)
                stream.seek(0)
                yield stream
        finally:
            self._forget_temporary(name)

    def _download(self, volume: str, name: str, stream: BinaryIO) -> None:
        wish = {"image_name": name, "disk_format": "qcow2", "container_format": "bare", "visibility": "private"}
        action = {"os-volume_upload_image": wish}
        made = self._cloud.post(BLOCKS, f"/volumes/{volume}/action", action)["os-volume_upload_image"]["image_id"]
        self.images.download(made, stream)

    def read_in(self, disk: DiskSpec, content: BinaryIO | None) -> None:
        """See Disks.read_in. A volume is made of an image that is there for so long. A snapshot is one of a volume that
        is retired from its beginning, and goes with it.
        """
        _refuse_encrypted(disk)
        if (there := self._usable(disk.kind, disk.id)) is not None:
            self._settled(disk.kind, there["id"])
        elif disk.kind is DiskKind.VOLUME:
            self._create_of(disk.id, DiskKind.VOLUME.value, disk, content)
        else:
            volume = self._retired_of(disk.id) or self._create_of(_retired(disk.id), _RETIRED, disk, content)
            self._settled(DiskKind.VOLUME, volume)
            taken = self._take(volume, disk.id, DiskKind.SNAPSHOT.value)
            self._settled(DiskKind.SNAPSHOT, taken["id"])
        self.images.remove_leftover(_READ_IN + disk.id)

    def _create_of(self, name: str, mark: str, disk: DiskSpec, content: BinaryIO | None) -> str:
        """A volume with some content: that of its base's image, or of one that the caller removes."""
        source = {}
        if content is not None:
            source = {"imageRef": self.images.add_temporary(_READ_IN + disk.id, content)}
        elif disk.base is not None:
            source = {"imageRef": self.images.base(disk.base)}
        return self._create(name, _gigabytes(disk), mark, {**source, **self._zones.of_volume(disk.zone)})

    def _retired_of(self, snapshot_id: str) -> str | None:
        """The volume of a snapshot that an earlier try has begun to read in; what came to nothing is removed."""
        name = _retired(snapshot_id)
        for item in self._cloud.every(BLOCKS, "/volumes/detail", name=name):
            if item["name"] == name and _is(item, _RETIRED):
                if item["status"] not in _CAME_TO_NOTHING:
                    return str(item["id"])
                self._remove(DiskKind.VOLUME, item["id"])
        return None

    def _create_in_zone(self, disk: DiskSpec, source: dict[str, str]) -> None:
        where = self._zones.of_volume(disk.zone)
        self._create(disk.id, _gigabytes(disk), DiskKind.VOLUME.value, {**source, **where})

    def _create(self, name: str, size: int, mark: str, source: dict[str, str]) -> str:
        with _bounded():
            body = {"name": name, "size": size, "metadata": {MARK: mark}, **source}
            made: str = self._cloud.post(BLOCKS, "/volumes", {"volume": body})["volume"]["id"]
        self._settled(DiskKind.VOLUME, made)
        return made

    def _usable(self, kind: DiskKind, id_: str) -> dict[str, Any] | None:
        """What an earlier try has begun; what came to nothing is removed first."""
        item = self.find(kind, id_)
        if item is not None and item["status"] in _CAME_TO_NOTHING:
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
        """See Disks.delete. Cinder keeps a volume that has snapshots: it is retired, and goes with the last of them."""
        item = self.find(kind, id_)
        if item is None:
            return
        if kind is DiskKind.SNAPSHOT and self._is_last_of_retired(item):
            self._remove(DiskKind.VOLUME, item["volume_id"], "?cascade=true")
            return
        try:
            self._remove(kind, item["id"])
        except NotAccepted:
            if kind is not DiskKind.VOLUME or not self._snapshots_of(item["id"]):
                raise
            retired = {"name": _retired(id_), "metadata": {MARK: _RETIRED}}
            self._cloud.put(BLOCKS, f"/volumes/{item['id']}", {"volume": retired})

    def _snapshots_of(self, volume: str) -> list[dict[str, Any]]:
        return self._cloud.every(BLOCKS, "/snapshots/detail", volume_id=volume)

    def _is_last_of_retired(self, snapshot: dict[str, Any]) -> bool:
        try:
            volume = self._cloud.get(BLOCKS, f"/volumes/{snapshot['volume_id']}")["volume"]
        except NotThere:
            return False
        return _is(volume, _RETIRED) and len(self._snapshots_of(volume["id"])) == 1

    def _remove(self, kind: DiskKind, id_: str, how: str = "") -> None:
        """Removes it, or waits for the end of one that is on its way out."""
        try:
            self._cloud.delete(BLOCKS, f"{_KINDS[kind].path}/{id_}{how}")
        except NotAccepted:
            if self._status(kind, id_) not in {"deleting", ""}:
                raise

        def gone() -> bool:
            status = self._status(kind, id_)
            if status == "error_deleting":
                raise DiskError(f"the {kind.value} {id_} could not be removed")
            return not status

        self._cloud.until(gone, f"removing the {kind.value} {id_}", _VOLUME_SECONDS)

    def _status(self, kind: DiskKind, id_: str) -> str:
        """How it is; empty where it is gone."""
        words = _KINDS[kind]
        try:
            return str(self._cloud.get(BLOCKS, f"{words.path}/{id_}")[words.body]["status"])
        except NotThere:
            return ""

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

    def forget_base(self, digest: str) -> None:
        """See Disks.forget_base."""
        with suppress(HypervisorError):  # such as a retired volume that stands on it: it is one of the leftovers
            self.images.forget_base(digest)

    def leftovers(self) -> Iterator[Leftover]:
        """See Disks.leftovers."""
        yield from self.images.leftovers(_READ_OUT)
        retired = []
        for kind, words in _KINDS.items():
            for item in self._cloud.every(BLOCKS, f"{words.path}/detail"):
                if _is(item, TEMPORARY):
                    yield Leftover(str(item["name"]), f"A {kind.value} that was read out was left.", None)
                elif _is(item, _RETIRED):
                    retired.append(item)
        for volume in retired:
            if not self._snapshots_of(volume["id"]):
                yield Leftover(str(volume["name"]), "A volume was left whose last snapshot is gone.", None)

    def remove_leftover(self, name: str) -> None:
        """See Disks.remove_leftover."""
        self._forget_temporary(name)
        self.images.remove_leftover(name)

    def _forget_temporary(self, name: str) -> None:
        """Removes what was made to read a disk out: the volume first, which stands on the snapshot."""
        for kind, words in _KINDS.items():
            for item in self._cloud.every(BLOCKS, f"{words.path}/detail", name=name):
                if item["name"] == name and (_is(item, TEMPORARY) or _is(item, _RETIRED)):
                    self._idle(kind, item["id"])
                    self._remove(kind, item["id"])

    def _idle(self, kind: DiskKind, id_: str) -> None:
        """Waits for work that a killed process has begun: Cinder removes nothing meanwhile."""
        work = f"what is under way with the {kind.value} {id_}"
        self._cloud.until(lambda: self._status(kind, id_) not in _AT_WORK, work, _VOLUME_SECONDS)

    def sweep(self) -> int:
        """See Disks.sweep. Of what is in the cloud others may be at work on it; the doctor knows."""
        return 0 if self.images.raw is None else self.images.raw.sweep()


def _is(item: dict[str, Any], mark: str) -> bool:
    return bool(item["metadata"].get(MARK) == mark)


def _retired(id_: str) -> str:
    """The name of a volume that is there for its snapshots alone."""
    return f"{MARK}-{_RETIRED}-{id_}"


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
