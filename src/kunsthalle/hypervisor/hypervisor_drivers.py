"""The drivers of hypervisors, and which of them this host can offer.

Here a driver is added: a class that keeps `hypervisor/protocol.py::Hypervisor` and has a row here, and one with its
name in `core/hypervisor_names.py`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from kunsthalle.core.hypervisor_names import HYPERVISORS
from kunsthalle.core.records import dataclass
from kunsthalle.hypervisor.protocol import DEFAULT_BOUNDS, BadSpec, Bounds, Hypervisor, Unavailable

if TYPE_CHECKING:
    from kunsthalle.blobs.protocol import Blobs
    from kunsthalle.core.openstack_zones import AvailabilityZones
    from kunsthalle.hypervisor.folder_disks import LocalStorage

BINARY = "qemu-system-x86_64"
IMAGE_TOOL = "qemu-img"


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What an engine that is not on this host is made with: the bytes of images, which it is sent, the name of its
    cloud, and the environment, which may say how that is reached. `zones` are its availability zones, by the zones of
    the API.
    """

    blobs: Blobs
    cloud: str
    environment: Mapping[str, str] = field(repr=False)
    zones: Mapping[str, AvailabilityZones] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Host:
    """What a driver is made with: its own folder, the programs that it needs by their names, where disks are kept on
    this host, and the settings. `elsewhere` is None where no driver for other hosts can be asked for.
    """

    root: Path
    programs: Mapping[str, Path]
    storage: Callable[[], LocalStorage]
    accelerator: str
    bounds: Bounds
    elsewhere: Elsewhere | None
    simulated_hosts: int = 1


@dataclass(frozen=True, slots=True)
class Driver:
    """One driver: the programs that it needs, each with its Debian package, and how it is made."""

    make: Callable[[Host], Hypervisor]
    needs: Mapping[str, str]


def _qemu(host: Host) -> Hypervisor:
    from kunsthalle.hypervisor.qemu.qemu_engine import Qemu

    programs = host.programs[BINARY], host.programs[IMAGE_TOOL]
    return Qemu(host.root, *programs, host.storage, host.accelerator, host.bounds)


def _simulated(host: Host) -> Hypervisor:
    from kunsthalle.hypervisor.simulated.simulated_engine import Simulated

    return Simulated(host.root, host.storage, hosts=host.simulated_hosts)


def _openstack(host: Host) -> Hypervisor:
    from kunsthalle.hypervisor.openstack.cloud_access import find_cloud, open_cloud

    if host.elsewhere is None:
        raise Unavailable("there is no cloud here")
    entry = find_cloud(host.elsewhere.cloud, host.elsewhere.environment)
    from kunsthalle.hypervisor.openstack.openstack_engine import OpenStack
    from kunsthalle.hypervisor.openstack.raw_images import RawImages

    blobs, zones = host.elsewhere.blobs, host.elsewhere.zones
    return OpenStack(open_cloud(entry), blobs, host.root / "consoles", RawImages(host.storage), zones)


DRIVERS = {
    "qemu": Driver(_qemu, {BINARY: "qemu-system-x86", IMAGE_TOOL: "qemu-utils"}),
    "simulated": Driver(_simulated, {}),
    "openstack": Driver(_openstack, {}),
}
if tuple(DRIVERS) != tuple(HYPERVISORS):
    raise TypeError(f"Drivers of hypervisors: {tuple(DRIVERS)}; declared: {tuple(HYPERVISORS)}.")


def find_hypervisor(
    root: Path,
    choice: str,
    storage: Callable[[], LocalStorage],
    accelerator: str = "auto",
    bounds: Bounds = DEFAULT_BOUNDS,
    elsewhere: Elsewhere | None = None,
    simulated_hosts: int = 1,
) -> Hypervisor:
    """Return the hypervisor that is chosen, with the folder `root`; for `auto` the first that this host can run.

    Nothing is run: whether KVM is any good is found out at the first boot. Unavailable if a driver was asked for by
    name whose programs are not installed; BadSpec for another word, and for a cloud that nobody can come into.
    """
    if choice != "auto" and choice not in DRIVERS:
        raise BadSpec(f"not an engine: {choice[:40]!r}")
    for name, driver in DRIVERS.items() if choice == "auto" else ((choice, DRIVERS[choice]),):
        programs = {program: shutil.which(program) for program in driver.needs}
        absent = [program for program, path in programs.items() if path is None]
        if not absent:
            paths = {program: Path(str(path)) for program, path in programs.items()}
            return driver.make(Host(root, paths, storage, accelerator, bounds, elsewhere, simulated_hosts))
        if choice == name:
            packages = " ".join(driver.needs[program] for program in absent)
            raise Unavailable(f"{' and '.join(absent)} not found (Debian: apt-get install {packages})")
    raise Unavailable("This host can run no hypervisor.")
