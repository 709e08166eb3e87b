"""The command line of a server's QEMU process (reference/data-plane.md section 7)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path

from kunsthalle.core.records import dataclass
from kunsthalle.hypervisor.channels import SCREEN, SERIAL
from kunsthalle.hypervisor.cloud_init_seed import ignition
from kunsthalle.hypervisor.protocol import ServerSpec
from kunsthalle.hypervisor.qemu import encrypted_nodes, hotplug
from kunsthalle.hypervisor.qemu.encrypted_nodes import is_direct
from kunsthalle.hypervisor.qemu.qmp import SOCKET, Command

PID_FILE = "pid"
CONSOLE = "console.log"
SEED = "seed.iso"
IGNITION = "config.ign"
FACTS = "facts.json"
PRESSED = "pressed"
"""Names in the server's folder, which is the process's working directory."""

BUILD = "x-exit-preconfig"
"""The command upon which a machine that waits for its disks is built, and starts."""

_BOOT = "d0"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
# For ids that hold no UUID: any fixed name space, so that the same id always gets the same UUID.
_SPACE = uuid.UUID("7d1c4a52-3f0e-5a7b-9f46-0c8a2b1e6d33")
# `host` hands the processor through, `max` is all that TCG knows: current distributions need x86-64-v2.
_CPU = {"kvm": "host", "tcg": "max"}


@dataclass(frozen=True, slots=True)
class Machine:
    """How the processes of one engine are run: the QEMU binary, `kvm` or `tcg`, and what a guest may have."""

    binary: Path
    accelerator: str
    max_memory_mib: int
    max_vcpus: int

    def vcpus(self, spec: ServerSpec) -> int:
        """What a guest gets of what its profile promises."""
        return min(spec.vcpus, self.max_vcpus)

    def memory_mib(self, spec: ServerSpec) -> int:
        """As above."""
        return min(spec.memory_mib, self.max_memory_mib)


def server_uuid(server_id: str) -> str:
    """The UUID a guest sees: the one in the server's id, or one made from the id."""
    match = _UUID.search(server_id)
    return match[0].lower() if match else str(uuid.uuid5(_SPACE, server_id))


def identity(server_id: str) -> list[str]:
    """The arguments by which a server's process is recognised."""
    return ["-name", f"guest={server_id},process=kh-{server_id}", "-uuid", server_uuid(server_id)]


def processor(accelerator: str) -> list[str]:
    """The arguments that choose accelerator and CPU; the probe of KVM uses the same."""
    return ["-machine", "pc,dump-guest-core=off", "-accel", accelerator, "-cpu", _CPU[accelerator]]


def server_command(spec: ServerSpec, machine: Machine, place: Callable[[str], Path]) -> list[str]:
    """
    The arguments, to be run in the server's folder. Guests get at most what the machine allows. `place`: where the
    disk of a volume is.

    There is no `-daemonize` (the sandbox forbids the fork) and no `-no-reboot` (it would turn every reset
    into an exit).
    """
    vcpus, memory = machine.vcpus(spec), machine.memory_mib(spec)
    command = [str(machine.binary), *identity(spec.id), *processor(machine.accelerator)]
    command += ["-smp", str(vcpus), "-m", str(memory), "-nodefaults", "-no-user-config", "-display", "none"]
    if opening(spec, place):
        command += ["-preconfig"]  # the machine waits for its disks, and for `BUILD`
    if spec.passphrases:
        command += _device(_BOOT, "serial=boot0")
    else:
        disk = place(spec.disk)
        options = f"format=qcow2,cache={_cache(disk)},discard=unmap"
        command += _drive(_BOOT, str(disk), options, "serial=boot0")
    if spec.seed is not None:
        command += _drive("s0", SEED, "format=raw,readonly=on", "serial=seed0")
        if ignition(spec.seed.user_data) is not None:
            command += ["-fw_cfg", f"name=opt/com.coreos/config,file={IGNITION}"]
    command += hotplug.arguments(spec.data, place)
    # Without a ROM the guest cannot be booted from the network, and no ROM package is needed.
    command += ["-netdev", "user,id=n0,restrict=on"]
    command += ["-device", f"virtio-net-pci,netdev=n0,mac={spec.mac},romfile=", "-device", "virtio-rng-pci"]
    serial = f"socket,id=c0,path={SERIAL},server=on,wait=off,logfile={CONSOLE},logappend=on"
    command += ["-chardev", serial, "-serial", "chardev:c0"]
    command += ["-device", "VGA", "-vnc", f"unix:{SCREEN},share=force-shared"]
    command += [
        "-chardev",
        f"socket,id=m0,path={SOCKET},server=on,wait=off",
        "-mon",
        "chardev=m0,mode=control",
    ]
    command += ["-pidfile", PID_FILE]
    return [*command, "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"]


def opening(spec: ServerSpec, place: Callable[[str], Path]) -> list[Command]:
    """The commands that open the encrypted disks of a server before its machine is built; none if it has none."""
    commands: list[Command] = []
    if spec.passphrases:
        disk = place(spec.disk)
        node = encrypted_nodes.disk_node(_BOOT, disk, spec.passphrases, direct=is_direct(disk))
        commands += encrypted_nodes.opening(node, spec.passphrases)
    return commands + hotplug.opening(spec.data, place)


def _drive(name: str, path: str, options: str, device: str) -> list[str]:
    escaped = path.replace(",", ",,")
    drive = f"file={escaped},if=none,id={name},{options}"
    return ["-drive", drive, *_device(name, device)]


def _device(name: str, options: str) -> list[str]:
    return ["-device", f"virtio-blk-pci,drive={name},{options}"]


def _cache(disk: Path) -> str:
    return "none" if is_direct(disk) else "writeback"
