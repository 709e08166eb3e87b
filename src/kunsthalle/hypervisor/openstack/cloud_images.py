"""Images of Glance: the bytes of ours that disks stand on, once for each digest, and others that are there for minutes.

Glance takes an id of our choosing, so that of two nodes which bring the same bytes at once one makes the image. It
never takes an id again that a deleted image had: the next one of the digest's ids is then taken.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from kunsthalle.blobs.protocol import BlobNotFound, Blobs
from kunsthalle.hypervisor.disk_protocol import ImageBytes, Leftover
from kunsthalle.hypervisor.openstack.cloud_client import Cloud, NotThere, WrongState
from kunsthalle.hypervisor.openstack.raw_images import RAW, RawImages
from kunsthalle.hypervisor.protocol import DiskError, Unresponsive

IMAGES = "image"
MARK = "kunsthalle"
"""The key of the metadata by which our volumes, snapshots and images are known; its value says what it is for."""

BASE, SEED, TEMPORARY = "base", "seed", "temporary"
_DIGEST = "kunsthalle_digest"
_PROBE = f"{MARK}-probe"
_SPACE = uuid.UUID("5c0a5b0e-7f3d-5d0f-9a53-1f1f2a6b8c11")
_MOST_GENERATIONS = 1000
_IMAGE_SECONDS = 3600.0
_FORMATS = {"qcow2": "qcow2", "vhd": "vpc"}
_LOST = frozenset({"killed", "deleted", "pending_delete", "deactivated"})


def image_id(digest: str, generation: int = 0) -> str:
    """The id of the image that has these bytes, after so many deleted ones that had them."""
    return str(uuid.uuid5(_SPACE, f"{digest} {generation}" if generation else digest))


@dataclass(frozen=True, slots=True)
class CloudImages:
    """`blobs` are the bytes that images are made of, `raw` makes raw ones of them where the cloud wants them so."""

    cloud: Cloud
    blobs: Blobs
    raw: RawImages | None = None

    def base(self, base: ImageBytes) -> str:
        """The id of the image that has these bytes; they are uploaded if the cloud has none yet."""
        named = self._named(f"{MARK}-base-{base.digest}", BASE)
        image = next(iter(sorted(named, key=lambda image: image["status"] != "active")), None) or self._register(base)
        id_ = str(image["id"])
        if image["status"] == "queued":
            with suppress(WrongState), self._content(base, str(image["disk_format"])) as content:
                self.cloud.put_content(f"/v2/images/{id_}/file", content)
        if image["status"] != "active":
            self.size(id_)
        return id_

    def _content(self, base: ImageBytes, form: str) -> AbstractContextManager[BinaryIO]:
        """The bytes of an image in the format in which the cloud was told it would have them, by whichever node."""
        if form != RAW:
            return self.blobs.open(base.digest)
        if self.raw is None:
            raise DiskError(f"the image {base.digest} is to be raw, which this engine does not make")
        return self.raw.content(base)

    def _place(self, content: BinaryIO) -> str:
        """Where Glance keeps a raw image that it is given, in its own words; empty where it does not say."""
        self.remove_leftover(_PROBE)
        names = {"name": _PROBE, MARK: TEMPORARY, "visibility": "private"}
        id_ = str(self._post({"disk_format": RAW, **names})["id"])
        try:
            self.cloud.put_content(f"/v2/images/{id_}/file", content)
            self.size(id_)
            return str(self.cloud.get(IMAGES, f"/v2/images/{id_}").get("direct_url", ""))
        except NotThere as error:
            raise Unresponsive("another node is asking the cloud where it keeps images") from error
        finally:
            self.delete(id_)

    def _register(self, base: ImageBytes) -> dict[str, Any]:
        raw = self.raw is not None and self.raw.wanted(base, self._place)
        form = RAW if raw else _FORMATS[base.format]
        names = {"name": f"{MARK}-base-{base.digest}", MARK: BASE, _DIGEST: base.digest, "visibility": "private"}
        for generation in range(_MOST_GENERATIONS):
            id_ = image_id(base.digest, generation)
            try:
                return self._post({"id": id_, "disk_format": form, **names})
            except WrongState:  # another node has just made it, or it is one of the deleted
                with suppress(NotThere):
                    return dict(self.cloud.get(IMAGES, f"/v2/images/{id_}"))
        raise DiskError(f"the cloud has no id left for the image {base.digest}")

    def _post(self, image: dict[str, str]) -> dict[str, Any]:
        return dict(self.cloud.post(IMAGES, "/v2/images", {"container_format": "bare", **image}))

    def size(self, id_: str) -> int:
        """Bytes of an image, which has come to be whole."""

        def ready() -> int:
            state = self.cloud.get(IMAGES, f"/v2/images/{id_}")
            if state["status"] in _LOST:
                raise DiskError(f"the image {id_} became {state['status']}")
            return int(state["size"]) if state["status"] == "active" else 0

        size: int = self.cloud.until(ready, f"the image {id_}", _IMAGE_SECONDS)
        return size

    def forget_base(self, digest: str) -> None:
        """Removes the image that has these bytes. WrongState while a disk of the cloud stands on it."""
        for image in self._named(f"{MARK}-base-{digest}", BASE):
            self.delete(image["id"])

    def add_seed(self, server_id: str, content: BinaryIO) -> str:
        """The image of a server's seed, a qcow2 file: a raw one would be cloned, and kept by its clone. `forget_seeds`
        removes it, with those that starts left that were killed.
        """
        names = {"name": f"{MARK}-seed-{server_id}", MARK: SEED, "visibility": "private"}
        id_ = str(self._post({"disk_format": "qcow2", **names})["id"])
        self.cloud.put_content(f"/v2/images/{id_}/file", content)
        return id_

    def add_temporary(self, name: str, content: BinaryIO) -> str:
        """An image of a qcow2 file that is there until `remove_leftover`; what an earlier try left is replaced."""
        self.remove_leftover(name)
        names = {"name": name, MARK: TEMPORARY, "visibility": "private"}
        id_ = str(self._post({"disk_format": "qcow2", **names})["id"])
        self.cloud.put_content(f"/v2/images/{id_}/file", content)
        self.size(id_)
        return id_

    def forget_seeds(self, server_id: str) -> None:
        """Removes what starts of a server left that were killed."""
        for image in self._named(f"{MARK}-seed-{server_id}", SEED):
            self.delete(image["id"])

    def download(self, id_: str, stream: BinaryIO) -> None:
        """Writes the content of an image, once it is whole, and removes the image whatever came of it."""
        try:
            with self.cloud.content(f"/v2/images/{id_}/file", self.size(id_)) as chunks:
                stream.writelines(chunks)
        finally:
            self.delete(id_)

    def delete(self, id_: str) -> None:
        """Removes an image; an absent one is fine. WrongState while a disk of the cloud stands on it."""
        self.cloud.delete(IMAGES, f"/v2/images/{id_}")

    def leftovers(self, temporary: str) -> Iterator[Leftover]:
        """What killed work left. `temporary` begins the names of images that a volume is read out by."""
        for image in self._listed():
            name, mark = str(image["name"]), image.get(MARK)
            if mark == SEED:
                yield Leftover(name, "The image of a seed was left, with what is secret in it.", None)
            elif mark == BASE and not self._has_blob(str(image[_DIGEST])):
                yield Leftover(name, "An image was left whose bytes nobody refers to.", None)
            elif name == _PROBE:
                yield Leftover(name, "An image was left that was to show where the cloud keeps images.", None)
            elif name.startswith(temporary):
                yield Leftover(name, "An image that was read out was left.", None)

    def _has_blob(self, digest: str) -> bool:
        try:
            self.blobs.size(digest)
        except BlobNotFound:
            return False
        return True

    def remove_leftover(self, name: str) -> None:
        """Removes images of this name."""
        for image in self._listed(name=name):
            self.delete(image["id"])

    def _named(self, name: str, mark: str) -> list[dict[str, Any]]:
        return [image for image in self._listed(name=name) if image.get(MARK) == mark]

    def _listed(self, **query: str) -> list[dict[str, Any]]:
        """Private images of the project, of those that may be looked at."""
        owner = self.cloud.project
        images = self.cloud.every(IMAGES, "/v2/images", owner=owner, visibility="private", **query)
        return [image for image in images if query.get("name", image["name"]) == image["name"]]
