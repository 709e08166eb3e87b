"""Copies what encrypted disks hold into others, with qemu-img: encrypted anew, or for the first time.

qemu-img reads the passphrases from pipes that it inherits: they are on no command line and in no file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import field
from pathlib import Path
from typing import Any

from kunsthalle.core.records import dataclass
from kunsthalle.disk_images.detection import block_node
from kunsthalle.disk_images.limits import Limits
from kunsthalle.disk_images.qemu_img import SLOWEST_WRITE, Tools, conversion_failed, piped, run, secret_object


@dataclass(frozen=True, slots=True)
class Layer:
    """A qcow2 disk and the file that it stands on, if any; with a passphrase each that is encrypted."""

    path: Path
    passphrase: bytes | None = field(default=None, repr=False)
    base: Path | None = None
    base_format: str = "qcow2"
    base_passphrase: bytes | None = field(default=None, repr=False)


def copy_content(
    tools: Tools, source: Layer, target: Layer, *, own_only: bool, quota_bytes: int, limits: Limits
) -> None:
    """Writes what `source` holds into the disk `target`, which is there, empty, and at least as large.

    With `own_only` what comes from the base of the source is left out: the target stands on the same one. At most
    `quota_bytes` are written. Raises as `qemu_img.convert` does; the target is of no use then.
    """
    secrets: dict[str, bytes] = {}
    described = json.dumps(_node(source, "source", secrets))
    target_options = ",".join(_options(_node(target, "target", secrets)))
    seconds = limits.tool_seconds + quota_bytes // SLOWEST_WRITE
    base = ["-B", str(source.base)] if own_only and source.base is not None else []
    with ExitStack() as pipes:
        descriptors = {name: pipes.enter_context(piped(passphrase)) for name, passphrase in secrets.items()}
        objects = [part for name, descriptor in descriptors.items() for part in secret_object(name, descriptor)]
        command = ["convert", "-n", *objects, *base, f"json:{described}", "--target-image-opts", target_options]
        ran = run(
            tools,
            command,
            limits,
            seconds=seconds,
            cpu_seconds=seconds,
            file_bytes=quota_bytes,
            descriptors=tuple(descriptors.values()),
        )
    if ran.code != 0:
        raise conversion_failed(ran, quota_bytes)


def _node(layer: Layer, name: str, secrets: dict[str, bytes]) -> dict[str, Any]:
    """The disk as a node of QEMU's; its passphrases are added to `secrets` by the names that the node calls them."""
    node = _opened(block_node(layer.path, "qcow2"), name, layer.passphrase, secrets)
    if layer.base is None:
        return node
    base = block_node(layer.base, layer.base_format)
    return {**node, "backing": _opened(base, f"{name}-base", layer.base_passphrase, secrets)}


def _opened(node: dict[str, Any], name: str, passphrase: bytes | None, secrets: dict[str, bytes]) -> dict[str, Any]:
    if passphrase is None:
        return node
    secrets[name] = passphrase
    return {**node, "encrypt": {"format": "luks", "key-secret": name}}


def _options(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """A node as options of a command line: a comma within a value is written twice."""
    for name, value in node.items():
        if isinstance(value, Mapping):
            yield from _options(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}={str(value).replace(',', ',,')}"
