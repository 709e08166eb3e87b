"""
Data disks of a QEMU process: on its command line, and while it runs (QEMU: `device_add`, `device_del`).

A disk is a device of the guest on a node of the host. A guest is asked to let go of a device and does so when it is
ready: until its system runs, or without a driver for it, it does not, and QEMU cannot make it. A reset lets go, too.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kunsthalle.hypervisor.protocol import DataDisk, DiskError, HypervisorError, Unresponsive
from kunsthalle.hypervisor.qemu import encrypted_nodes
from kunsthalle.hypervisor.qemu.qmp import Command

Place = Callable[[str], Path]
"""Where the disk of a volume is, by the volume's id."""

Ask = Callable[..., list[Any]]
"""Sends commands to the process; the answers, or none if it ended."""

_DRIVER = "virtio-blk-pci"
_DEVICE, _NODE = "disk-", "data-"
_SERIAL = 20
_NAME_DIGITS = 16
_PATIENCE_SECONDS, _PAUSE_SECONDS = 5.0, 0.1


def arguments(data: tuple[DataDisk, ...], place: Place) -> list[str]:
    """The part of a command line that gives a server its data disks.

    The nodes of encrypted disks are not in it: see `opening`.
    """
    nodes = []
    for disk in data:
        options = (f"{name}={value}" for name, value in _device(disk).items())
        if not disk.passphrases:
            nodes += ["-blockdev", json.dumps(_node(disk, place))]
        nodes += ["-device", ",".join((_DRIVER, *options))]
    return nodes


def opening(data: tuple[DataDisk, ...], place: Place) -> list[Command]:
    """The commands that open the encrypted ones of the disks, before there is a machine."""
    nodes: list[Command] = []
    for disk in data:
        if disk.passphrases:
            nodes += encrypted_nodes.opening(_node(disk, place), disk.passphrases)
    return nodes


def set_disks(ask: Ask, data: tuple[DataDisk, ...], place: Place) -> set[str]:
    """See Hypervisor.set_disks."""
    disks = {disk.id: disk for disk in data}
    present = _present(ask)
    for name in _nodes(ask) - {_node_name(id_) for id_ in present}:
        _drop(ask, name)  # of a disk that the guest has let go of since somebody asked
    for id_ in disks.keys() - present:
        _add(ask, disks[id_], place)
    return _let_go(ask, present - disks.keys())


def _present(ask: Ask) -> set[str]:
    """The ids of the disks that the guest has."""
    answers = ask(("qom-list", {"path": "/machine/peripheral"}))
    names = [str(answer["name"]) for answer in answers[0]] if answers else []
    return {name.removeprefix(_DEVICE) for name in names if name.startswith(_DEVICE)}


def _add(ask: Ask, disk: DataDisk, place: Place) -> None:
    node = _node(disk, place)
    try:
        ask(*encrypted_nodes.opening(node, disk.passphrases))
        ask(("device_add", {"driver": _DRIVER, **_device(disk)}))
    except Unresponsive:
        raise
    except HypervisorError as error:
        _drop(ask, str(node["node-name"]))
        for command in encrypted_nodes.forgetting(node, disk.passphrases):
            _try(ask, command)
        raise DiskError(f"the disk {disk.id} cannot be added: {error}") from error


def _nodes(ask: Ask) -> set[str]:
    """The names of the nodes of data disks."""
    answers = ask(("query-named-block-nodes", {"flat": True}))
    names = (str(answer.get("node-name")) for answer in answers[0]) if answers else ()
    return {name for name in names if name.startswith(_NODE)}


def _let_go(ask: Ask, surplus: set[str]) -> set[str]:
    """Asks the guest, waits a little; the ids of those that it has not let go of, or whose file is still open."""
    for id_ in surplus:
        _try(ask, ("device_del", {"id": f"{_DEVICE}{id_}"}))
    left, deadline = surplus, time.monotonic() + _PATIENCE_SECONDS
    while left and time.monotonic() < deadline:
        present = _present(ask)
        for id_ in left - present:
            _drop(ask, _node_name(id_))
        nodes = _nodes(ask)
        left = {id_ for id_ in left if id_ in present or _node_name(id_) in nodes}
        if left:
            time.sleep(_PAUSE_SECONDS)  # QEMU would tell, but on a connection that nobody else could use meanwhile
    return left


def _drop(ask: Ask, name: str) -> None:
    _try(ask, ("blockdev-del", {"node-name": name}))


def _try(ask: Ask, command: Command) -> None:
    """What QEMU refuses here is done already, or under way."""
    try:
        ask(command)
    except Unresponsive:
        raise
    except HypervisorError:
        return


def _node_name(id_: str) -> str:
    """QEMU's names of nodes have at most 31 characters."""
    return _NODE + hashlib.blake2b(id_.encode(), digest_size=_NAME_DIGITS // 2).hexdigest()


def _node(disk: DataDisk, place: Place) -> dict[str, Any]:
    path = place(disk.disk)
    direct = encrypted_nodes.is_direct(path)
    return encrypted_nodes.disk_node(_node_name(disk.id), path, disk.passphrases, direct=direct)


def _device(disk: DataDisk) -> dict[str, str]:
    return {"id": f"{_DEVICE}{disk.id}", "drive": _node_name(disk.id), "serial": disk.id[:_SERIAL]}
