"""Images go to a cloud on Ceph as raw disks, of which it makes clones, and to any other as they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.engines import storage_at
from fixtures.hand_made_cloud import HandMade, hand_made_cloud
from kunsthalle.core.sizes import MIB
from kunsthalle.disk_images.qemu_img import find_tools
from kunsthalle.disk_images.writers import write_qcow2
from kunsthalle.hypervisor.disk_protocol import ImageBytes
from kunsthalle.hypervisor.folder_disks import LocalStorage
from kunsthalle.hypervisor.openstack.cloud_disks import CloudDisks
from kunsthalle.hypervisor.openstack.cloud_images import image_id
from kunsthalle.hypervisor.openstack.raw_images import RawImages
from kunsthalle.hypervisor.protocol import DiskError, Unresponsive

from .conftest import stored

pytestmark = pytest.mark.needs_qemu_img
CONTENT = b"what a guest reads first"


class Site:
    """A cloud, and a node with two images of it."""

    def __init__(self, cloud: HandMade, client: object, folder: Path) -> None:
        self.cloud, self.client, self.folder = cloud, client, folder
        self.storage: LocalStorage = storage_at(folder, find_tools())()
        self.images = [self.image(name) for name in ("one", "other")]

    def image(self, name: str, size: int = 2 * MIB) -> ImageBytes:
        file = self.folder / f"{name}.qcow2"
        write_qcow2(file, size, CONTENT + name.encode())
        return ImageBytes(stored(self.folder, file)[1], "qcow2")

    def disks(self, *, tools: bool = True) -> CloudDisks:
        """The disks of another process."""
        storage = self.storage if tools else replace(self.storage, tools=None)
        return CloudDisks(self.client, self.storage.blobs, RawImages(lambda: storage))  # type: ignore[arg-type]  # a Cloud

    def uploaded(self) -> list[str]:
        """The formats of the images that there are."""
        return sorted(image["disk_format"] for image in self.cloud.images.values())

    def posts(self) -> int:
        return self.cloud.calls.count("POST /image/v2/images")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with hand_made_cloud() as (cloud, client):
        cloud.ceph = True
        yield Site(cloud, client, tmp_path)


def test_a_cloud_on_ceph_gets_disks_and_is_asked_once(site: Site) -> None:
    disks = site.disks()
    for image, name in zip(site.images, ("one", "other"), strict=True):
        content = site.cloud.files[disks.images.base(image)]
        assert (len(content), content[: len(CONTENT) + len(name)]) == (2 * MIB, CONTENT + name.encode())
    assert (site.uploaded(), site.posts()) == (["raw", "raw"], 3)
    assert list(site.storage.unfinished.iterdir()) == [], "nothing is left on this host"
    assert list(disks.leftovers()) == []


@pytest.mark.parametrize(("ceph", "tools", "posts"), [(False, True, 3), (True, False, 2)])
def test_any_other_cloud_gets_images_as_they_are(site: Site, ceph: bool, tools: bool, posts: int) -> None:
    site.cloud.ceph = ceph
    disks = site.disks(tools=tools)
    for image in site.images:
        assert site.cloud.files[disks.images.base(image)] == site.storage.blobs.local_path(image.digest).read_bytes()
    assert (site.uploaded(), site.posts()) == (["qcow2", "qcow2"], posts)


def test_what_is_nearly_empty_is_sent_as_it_is(site: Site) -> None:
    full, hollow = site.image("full"), site.image("hollow", 200 * MIB)
    for image in (full, hollow):
        site.disks().images.base(image)
    formats = {image["name"]: image["disk_format"] for image in site.cloud.images.values()}
    assert formats == {f"kunsthalle-base-{full.digest}": "raw", f"kunsthalle-base-{hollow.digest}": "qcow2"}


def test_what_one_node_has_announced_another_uploads_in_the_same_format(site: Site) -> None:
    image = site.images[0]
    site.cloud.faults += [("PUT", "/file", "none"), ("PUT", "/file", 503)]  # of what asks, and of the image
    with pytest.raises(Unresponsive):
        site.disks().images.base(image)
    site.cloud.ceph = False
    with pytest.raises(DiskError, match="no qemu-img"):
        site.disks(tools=False).images.base(image)
    site.disks().images.base(image)
    assert len(site.cloud.files[image_id(image.digest)]) == 2 * MIB


@pytest.mark.parametrize("call", [("POST", "/images"), ("PUT", "/file"), ("GET", "/images/")])
def test_what_asks_the_cloud_is_not_left(site: Site, call: tuple[str, str]) -> None:
    site.cloud.faults += [(*call, "cut"), ("DELETE", "/images/", 503)]
    with pytest.raises(Unresponsive):
        site.disks().images.base(site.images[0])
    site.cloud.faults.clear()
    disks = site.disks()
    assert {leftover.name for leftover in disks.leftovers()} <= {"kunsthalle-probe"}
    disks.images.base(site.images[0])
    assert (site.uploaded(), list(disks.leftovers())) == (["raw"], [])


def test_a_file_that_a_killed_process_left_goes_at_the_next_start(site: Site) -> None:
    disks = site.disks()
    disks.images.base(site.images[0])
    (site.storage.unfinished / "digest.raw.part").touch()
    assert (disks.sweep(), disks.sweep()) == (1, 0)
