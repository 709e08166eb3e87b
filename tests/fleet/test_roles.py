"""A user with the roles and policies of docs/how-to/openstack.md alone, on a real cloud: they are enough, and each of
the policies is needed for what the page says.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from fixtures.clients import eventually
from fixtures.engines import storage_at
from fixtures.fleet import Fleet
from fixtures.killed_calls import disk
from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.disk_images.qemu_img import find_tools
from kunsthalle.hypervisor.host_protocol import HostNotBack, HostState
from kunsthalle.hypervisor.openstack.cloud_access import find_cloud, open_cloud
from kunsthalle.hypervisor.openstack.openstack_engine import OpenStack
from kunsthalle.hypervisor.openstack.raw_images import RawImages
from kunsthalle.hypervisor.protocol import HypervisorError, SeedSpec, ServerSpec, Status

pytestmark = pytest.mark.fleet
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "openstack.md"
LIMITED = "limited"
SERVER = "server-of-roles"
PATIENCE = 400
"""Seconds for what a cloud does on two cores that others use, too."""


def of_the_page() -> dict[str, str]:
    """The policies that the page has an operator set."""
    (block,) = [text for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "os_compute" in text]
    return dict(yaml.safe_load(block))


@pytest.fixture
def engine(fleet: Fleet, tmp_path: Path, boot_image: Path) -> Iterator[OpenStack]:
    """As the limited user, with a volume."""
    fleet.make_user(LIMITED, ("member", "kunsthalle"))
    blobs, copy = FilesystemBlobs(tmp_path / "blobs"), tmp_path / "image"
    shutil.copyfile(boot_image, copy)
    digest = hashlib.sha256(copy.read_bytes()).hexdigest()
    blobs.adopt(copy, digest)
    cloud = open_cloud(find_cloud("", {**os.environ, "OS_USERNAME": LIMITED}))
    made = OpenStack(cloud, blobs, tmp_path / "consoles", RawImages(storage_at(tmp_path, find_tools())))
    fleet.set_policies(of_the_page())
    made.disks.make(disk(digest), None)
    yield made
    fleet.set_policies({})
    fleet.empty()


@contextmanager
def without(fleet: Fleet, *policies: str) -> Iterator[None]:
    """All of the page but these hold meanwhile: of them the defaults do."""
    given = of_the_page()
    assert set(policies) <= set(given)
    fleet.set_policies({name: rule for name, rule in given.items() if name not in policies})
    try:
        yield
    finally:
        fleet.set_policies(given)


def refused(call: Callable[[], object]) -> None:
    with pytest.raises(HypervisorError, match=" 403 "):
        call()


def taken_back(engine: OpenStack) -> bool:
    """Whether node1 may have servers again."""
    with contextlib.suppress(HostNotBack):
        engine.hosts.take_back("node1")
        return True
    return False


def test_the_policies_of_the_page_are_enough_and_each_is_needed(
    fleet: Fleet, engine: OpenStack, walk_seed: int
) -> None:
    hosts, api = engine.hosts, "os_compute_api:"
    size = random.Random(walk_seed).randint(129, 1_000_000) % 512 + 128  # one that no earlier run has made
    seed = SeedSpec(SERVER, SERVER, "kunsthalle-stay", ())
    spec = ServerSpec(SERVER, SERVER, "boot", 1, size, seed, "02:00:0a:00:00:05")
    fleet.forget_flavors()
    tried = set()

    def tell(name: str) -> str:
        tried.add(api + name)
        return api + name

    with without(fleet, tell("os-flavor-manage:create")):
        refused(lambda: engine.start(spec))
    with fleet.closed("node2"):
        engine.start(spec)
    assert {host.name: host.servers for host in hosts.inventory()} == {"node1": (SERVER,), "node2": ()}
    with without(fleet, tell("os-extended-server-attributes")):
        assert [host.servers for host in hosts.inventory()] == [(), ()], "nobody knows who is where"
    with without(fleet, tell("os-hypervisors:list-detail")):
        refused(hosts.inventory)
    with without(fleet, tell("os-services:list")):
        refused(hosts.inventory)
        refused(hosts.states)

    fleet.node("kill-node", "node1")
    fleet.press(SERVER)
    eventually(lambda: engine.status(SERVER) is Status.UNREACHABLE, "the silence", 60)
    with without(fleet, tell("servers:show:host_status")):
        assert engine.status(SERVER) is Status.RUNNING, "nothing says that its host is silent"
    with without(fleet, tell("os-services:update")):
        refused(lambda: hosts.lose("node1"))
    hosts.lose("node1")
    assert engine.states([SERVER], thorough=True) == {SERVER: Status.STRANDED}
    with without(fleet, tell("os-admin-actions:reset_state")):
        refused(lambda: engine.start(spec))
    with without(fleet, tell("os-evacuate")):
        refused(lambda: engine.start(spec))
    engine.start(spec)
    assert {host.name: host.servers for host in hosts.inventory()} == {"node1": (), "node2": (SERVER,)}

    fleet.node("start-node", "node1")
    eventually(lambda: taken_back(engine), "the agent's start", PATIENCE)
    eventually(lambda: set(hosts.states().values()) == {HostState.UP}, "the host", PATIENCE)
    assert tried == set(of_the_page())
