"""Everything that is not the database, chosen by the settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kunsthalle.blobs.filesystem import FilesystemBlobs
from kunsthalle.core.lazy import Lazy
from kunsthalle.settings import Settings

if TYPE_CHECKING:
    from kunsthalle.hypervisor.protocol import Hypervisor
    from kunsthalle.images.sources import AccountBuckets
    from kunsthalle.imaging.limits import Limits
    from kunsthalle.imaging.tools import Tools
    from kunsthalle.storage.quota import Quota


class Drivers:
    """What rooms work with. `disks` is the folder of volumes and snapshots, `machines` the engine's own.

    What a start can do without is found, and its code loaded, when it is asked for the first time. Not so a
    hypervisor that is named: Unavailable where it cannot run, BadSpec for another word.
    """

    def __init__(self, settings: Settings) -> None:
        data = settings.data.resolve()
        self.blobs = FilesystemBlobs(settings.blob_root)
        self.disks = data / "disks"
        self._buckets = Lazy(lambda: _buckets(data / "buckets"))
        self.machines = data / "machines"
        self._hypervisor = Lazy(lambda: _hypervisor(self.machines, settings))
        self._tools = Lazy(_tools)
        self._limits = Lazy(_limits)
        self._quota = Lazy(lambda: _quota(settings))
        if settings.hypervisor != "auto":
            self._hypervisor()

    @property
    def buckets(self) -> AccountBuckets:
        """The embedded object storage."""
        return self._buckets()

    @property
    def hypervisor(self) -> Hypervisor:
        """What servers run on."""
        return self._hypervisor()

    @property
    def tools(self) -> Tools | None:
        """qemu-img, where this host has it."""
        return self._tools()

    @property
    def quota(self) -> Quota:
        """How much room disks may take."""
        return self._quota()

    @property
    def limits(self) -> Limits:
        """How large images may be, and what the tools that look at them may use."""
        return self._limits()


def _buckets(root: Path) -> AccountBuckets:
    from kunsthalle.images.sources import AccountBuckets

    return AccountBuckets(root)


def _hypervisor(root: Path, settings: Settings) -> Hypervisor:
    from kunsthalle.hypervisor.probe import find_hypervisor
    from kunsthalle.hypervisor.protocol import Bounds
    from kunsthalle.imaging.make import write_overlay

    bounds = Bounds(settings.server_memory, settings.servers_memory)
    return find_hypervisor(root, settings.hypervisor, write_overlay, settings.accelerator, bounds)


def _tools() -> Tools | None:
    from kunsthalle.imaging.tools import find_tools

    return find_tools()


def _limits() -> Limits:
    from kunsthalle.imaging.limits import Limits

    return Limits()


def _quota(settings: Settings) -> Quota:
    from kunsthalle.storage.quota import Quota

    return Quota(settings.disk_quota, settings.volume_quota)
