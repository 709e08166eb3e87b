"""Everything that is not the database, chosen by the settings."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.core.clock import duration
from kunsthalle.core.disk_space import Space
from kunsthalle.core.helper_processes import HelperProcesses
from kunsthalle.core.lazy import Lazy
from kunsthalle.core.sizes import GIB, MIB
from kunsthalle.settings import Settings

if TYPE_CHECKING:
    from kunsthalle.authz.context import Context
    from kunsthalle.blobs.protocol import Blobs
    from kunsthalle.db.engine import Store
    from kunsthalle.disk_images.limits import Limits
    from kunsthalle.disk_images.qemu_img import Tools
    from kunsthalle.hypervisor.folder_disks import LocalStorage
    from kunsthalle.hypervisor.protocol import Hypervisor
    from kunsthalle.images.import_sources import AccountBuckets


MOST_IMAGE_PROCESSES = 2
"""Processes that take in and inspect image files. One account has one of them at a time while others ask."""


class Drivers:
    """What packages work with. `disks` is the folder of disks that this host keeps, with the `scratch` of files on
    their way into the blobs, which is this process's; `alone` says that no other node works in it. `machines` is the
    engine's own folder, `space` bounds what all of it may take. `reclamation_period` is in microseconds.

    What a start can do without is found, and its code loaded, when it is asked for the first time. Not so a
    hypervisor that is named: Unavailable where it cannot run, BadSpec for another word or cloud. BadAddress for blobs
    or buckets that are nowhere. `tools` is given where several servers of one process share what was found.
    """

    def __init__(self, settings: Settings, tools: Lazy[Tools | None] | None = None) -> None:
        shared = settings.shared_root
        self.bucket_bytes = settings.account_bucket_gb * GIB
        self.reclamation_period = duration(settings.reclamation_period)
        self.space = Space(settings.disk_reserve * MIB)
        self.blobs = _blobs(settings, self.space)
        self.disks = shared / "disks"
        self._buckets = Lazy(lambda: _buckets(shared / "buckets", settings, self.space))
        self.machines = shared / "machines"
        self.scratch = _scratch(self.disks, settings)
        self.alone = not settings.shared_folder
        self._hypervisor = Lazy(lambda: _hypervisor(self.machines, settings, self._storage, self.blobs))
        self._engine = Lazy(lambda: self._guard(self._hypervisor()))
        self._guard: Callable[[Hypervisor], Hypervisor] = lambda engine: engine
        self._tools = tools or Lazy(find_image_tools)
        self._limits = Lazy(_limits)
        self.image_processes = HelperProcesses("kunsthalle.disk_images.image_process", MOST_IMAGE_PROCESSES, GIB)
        self._settings = settings
        if settings.hypervisor != "auto":
            self._hypervisor()
        if settings.buckets:
            self._buckets()

    @property
    def buckets(self) -> AccountBuckets:
        """The embedded object storage."""
        return self._buckets()

    @property
    def hypervisor(self) -> Hypervisor:
        """What servers run on."""
        return self._engine()

    def share(self, store: Store, ctx: Context) -> None:
        """Has the nodes of a store change a server of an engine that they share one at a time. `ctx` is the program's
        own. To be called before the hypervisor is asked for.
        """

        def guard(engine: Hypervisor) -> Hypervisor:
            from kunsthalle.instances.locked_engine import LockedEngine
            from kunsthalle.instances.server_locks import ServerLocks

            return LockedEngine(engine, ServerLocks(store, ctx)) if engine.shared else engine

        self._guard = guard

    @property
    def tools(self) -> Tools | None:
        """qemu-img, where this host has it."""
        return self._tools()

    @property
    def limits(self) -> Limits:
        """How large images may be, and what the tools that look at them may use."""
        return self._limits()

    def host_engine(self) -> Hypervisor:
        """An engine that keeps disks in the folder of this host, whichever is chosen: QEMU where it is installed."""
        from kunsthalle.hypervisor.hypervisor_drivers import find_hypervisor

        return find_hypervisor(self.machines, "auto", self._storage, self._settings.accelerator)

    def _storage(self) -> LocalStorage:
        """Where disks are kept, by an engine that keeps them on this host."""
        from kunsthalle.hypervisor.disk_quota import Quota
        from kunsthalle.hypervisor.folder_disks import LocalStorage

        quota = Quota(self._settings.disk_quota, self._settings.volume_quota)
        return LocalStorage(self.disks, self.blobs, self.tools, self.limits, quota, self.space, self.scratch)


def _scratch(disks: Path, settings: Settings) -> Path:
    """On the file system of the disks, for what is done there gets its place by a link; one for each node."""
    if not settings.shared_folder:
        return disks / "scratch"
    node = f"{socket.gethostname()}\0{settings.data.resolve()}"
    return disks / "scratch" / hashlib.sha256(node.encode(errors="surrogateescape")).hexdigest()[:16]


def _blobs(settings: Settings, space: Space) -> Blobs:
    """BadAddress for an address that cannot be used."""
    if not settings.blobs.startswith("s3:"):
        return FilesystemBlobs(settings.blob_root, space)
    from kunsthalle.blobs import s3_address
    from kunsthalle.blobs.blob_cache import BlobCache
    from kunsthalle.blobs.s3 import S3Bucket
    from kunsthalle.blobs.s3_blobs import S3Blobs

    address = s3_address.parse(settings.blobs, settings.s3_keys("blobs", os.environ), "KUNSTHALLE_BLOBS").at()
    return S3Blobs(S3Bucket(address), BlobCache(settings.cache_root, settings.blob_cache_gb * GIB, space))


def _buckets(root: Path, settings: Settings, space: Space) -> AccountBuckets:
    from kunsthalle.images.import_sources import AccountBuckets

    if not settings.buckets:
        return AccountBuckets(root, space=space)
    from kunsthalle.blobs import s3_address
    from kunsthalle.object_storage import s3_buckets

    template = s3_buckets.checked(
        s3_address.parse(settings.buckets, settings.s3_keys("buckets", os.environ), "KUNSTHALLE_BUCKETS")
    )
    return AccountBuckets(root, lambda account: s3_buckets.S3Buckets(template, account))


def _hypervisor(root: Path, settings: Settings, storage: Callable[[], LocalStorage], blobs: Blobs) -> Hypervisor:
    from kunsthalle.hypervisor.hypervisor_drivers import Elsewhere, find_hypervisor
    from kunsthalle.hypervisor.protocol import Bounds

    bounds = Bounds(settings.server_memory, settings.servers_memory)
    elsewhere = Elsewhere(blobs, settings.openstack_cloud, os.environ, settings.availability_zones)
    chosen, hosts = settings.hypervisor, settings.simulated_hosts
    return find_hypervisor(root, chosen, storage, settings.accelerator, bounds, elsewhere, hosts)


def find_image_tools() -> Tools | None:
    """qemu-img of this host: finding it means running it once."""
    from kunsthalle.disk_images.qemu_img import find_tools

    return find_tools()


def _limits() -> Limits:
    from kunsthalle.disk_images.limits import Limits

    return Limits()
