"""
Encrypted disks as nodes of a QEMU process, and the commands that open them (QEMU: `object-add`, `blockdev-add`).

A passphrase reaches the process over its control socket alone: other users of the host read command lines, and files
outlive what they were written for. The process forgets it as soon as the disk is open.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from kunsthalle.hypervisor.overlays import read_header
from kunsthalle.hypervisor.protocol import DiskError, Passphrases
from kunsthalle.hypervisor.qemu.qmp import Command

Node = dict[str, Any]


def disk_node(name: str, path: Path, passphrases: Passphrases, *, direct: bool) -> Node:
    """A qcow2 disk as a node. `direct`: whether its file is read uncached. DiskError for one without its base."""
    cache = {"direct": direct}
    file = {"driver": "file", "filename": str(path), "cache": cache}
    node: Node = {"driver": "qcow2", "node-name": name, "discard": "unmap", "cache": cache, "file": file}
    if passphrases.disk is not None:
        node["encrypt"] = _opened_by(_secret(name))
    if passphrases.base is not None:
        node["backing"] = {
            "driver": "qcow2",
            "read-only": True,
            "file": {"driver": "file", "filename": _base_of(path), "read-only": True},
            "encrypt": _opened_by(_base_secret(name)),
        }
    return node


def is_direct(disk: Path) -> bool:
    """Whether a disk is read past the host's memory, which keeps that free; memory file systems cannot do it."""
    try:
        os.close(os.open(disk, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def opening(node: Node, passphrases: Passphrases) -> list[Command]:
    """The commands that open a disk. The first that is refused ends them: `forgetting` goes on from there."""
    secrets = [
        ("object-add", {"qom-type": "secret", "id": id_, "format": "base64", "data": base64.b64encode(octets).decode()})
        for id_, octets in _secrets(str(node["node-name"]), passphrases).items()
    ]
    return [*secrets, ("blockdev-add", node), *forgetting(node, passphrases)]


def forgetting(node: Node, passphrases: Passphrases) -> list[Command]:
    """The commands by which the process forgets the passphrases of a disk."""
    return [("object-del", {"id": id_}) for id_ in _secrets(str(node["node-name"]), passphrases)]


def _secrets(name: str, passphrases: Passphrases) -> dict[str, bytes]:
    secrets = {_secret(name): passphrases.disk, _base_secret(name): passphrases.base}
    return {id_: octets for id_, octets in secrets.items() if octets is not None}


def _secret(name: str) -> str:
    return f"{name}-key"


def _base_secret(name: str) -> str:
    return f"{name}-base-key"


def _opened_by(secret: str) -> Node:
    return {"format": "luks", "key-secret": secret}


def _base_of(path: Path) -> str:
    header = read_header(path)
    if header is None or header.base is None:
        raise DiskError(f"the disk {path} names no image that it stands on")
    return header.base
