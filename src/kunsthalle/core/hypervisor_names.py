"""The hypervisors that instances may run on: a row each. The drivers themselves: `hypervisor/hypervisor_drivers.py`."""

from typing import NamedTuple


class HypervisorName(NamedTuple):
    """What settings, commands and pages say of a hypervisor."""

    name: str
    runs_guests: bool
    """Whether a guest runs in an instance; otherwise it has a state and disks only."""
    told: str
    """What the demo says of its instances."""
    shared: bool = False
    """Whether it is apart from this host: all nodes of a store use it, and it keeps the disks elsewhere."""
    extra: str = ""
    """The extra of the package that its driver needs; empty: none."""


HYPERVISORS = {
    hypervisor_name.name: hypervisor_name
    for hypervisor_name in (
        HypervisorName(
            "qemu",
            runs_guests=True,
            told="Instances are QEMU processes of this computer (--hypervisor simulated does without).",
        ),
        HypervisorName(
            "simulated",
            runs_guests=False,
            told="Instances are simulated: they have states and disks, and no guest runs. With QEMU they boot.",
        ),
        HypervisorName(
            "openstack",
            runs_guests=True,
            told="Instances are servers of an OpenStack, on its hosts.",
            shared=True,
            extra="openstack",
        ),
    )
}
"""In the order in which `auto` tries them: the first that the host can run, which `simulated` always is. What comes
after that one is only to be had by its name.
"""
