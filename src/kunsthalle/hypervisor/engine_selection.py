"""Which engine this host can offer."""

from __future__ import annotations

import shutil
from pathlib import Path

from kunsthalle.hypervisor.protocol import DEFAULT_BOUNDS, BadSpec, Bounds, Hypervisor, Unavailable
from kunsthalle.hypervisor.simulated.engine import Simulated, WriteOverlay

BINARY = "qemu-system-x86_64"
IMAGE_TOOL = "qemu-img"
_PACKAGES = {BINARY: "qemu-system-x86", IMAGE_TOOL: "qemu-utils"}


def find_hypervisor(
    root: Path,
    choice: str,
    write_overlay: WriteOverlay,
    accelerator: str = "auto",
    bounds: Bounds = DEFAULT_BOUNDS,
) -> Hypervisor:
    """
    The engine of the folder `root`. `choice`: `simulated`, `qemu`, or `auto`: QEMU where it is installed.

    Nothing is run: whether KVM is any good is found out at the first boot. Unavailable if QEMU was asked for
    by name and is not installed; BadSpec for another word.
    """
    if choice not in {"auto", "simulated", "qemu"}:
        raise BadSpec(f"not an engine: {choice[:40]!r}")
    found = {name: shutil.which(name) for name in _PACKAGES}
    absent = [name for name, path in found.items() if path is None]
    if choice == "qemu" and absent:
        packages = " ".join(_PACKAGES[name] for name in absent)
        raise Unavailable(f"{' and '.join(absent)} not found (Debian: apt-get install {packages})")
    if choice == "simulated" or absent:
        return Simulated(root, write_overlay)
    from kunsthalle.hypervisor.qemu.engine import Qemu

    return Qemu(root, Path(str(found[BINARY])), Path(str(found[IMAGE_TOOL])), accelerator, bounds)
