"""What is in a project of an OpenStack, by openstacksdk: told `list` it says so, told `empty` it removes it all.

Run by the Python of the lab, which has that library. Where the cloud is, OS_* say. A line is a word, the answer a
line of JSON: it goes on until there is nothing more to be read, for to be loaded takes it seconds.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from typing import Any

import openstack

PATIENCE_SECONDS = 240
_KINDS = ("servers", "snapshots", "volumes", "images")
"""In the order in which they can be removed, over and over until nothing is left."""


def main() -> None:
    cloud = openstack.connect(compute_api_version="2.96", image_api_version="2")
    for line in sys.stdin:
        match line.strip():
            case "list":
                answer = {kind: [told(item) for item in listed(cloud, kind)] for kind in _KINDS}
            case "empty":
                answer = {}
                empty(cloud)
            case word:
                sys.exit(f"not a word: {word}")
        print(json.dumps(answer), flush=True)


def empty(cloud: Any) -> None:
    """Removes all, whatever state it is in."""
    begun = time.monotonic()
    while sum(remove(cloud, kind) for kind in _KINDS):
        if time.monotonic() - begun > PATIENCE_SECONDS:
            sys.exit(f"The project is not empty after {PATIENCE_SECONDS} s.")
        time.sleep(0.3)


def listed(cloud: Any, kind: str) -> Iterable[Any]:
    """All items of a kind, with all that is to be known of them."""
    if kind == "servers":
        return cloud.compute.servers(details=True)
    if kind == "images":
        return cloud.image.images()
    return getattr(cloud.block_storage, kind)(details=True)


def told(item: Any) -> dict[str, Any]:
    """The part of an item that tests ask for."""
    names = ("id", "name", "status", "size", "tags", "metadata", "compute_host", "volume_id", "attachments")
    return {name: getattr(item, name, None) for name in names}


def remove(cloud: Any, kind: str) -> int:
    """Asks for the removal of all items of a kind; how many there were. What is needed yet has its turn later."""
    items = list(listed(cloud, kind))
    for item in items:
        service = {"servers": cloud.compute, "images": cloud.image}.get(kind, cloud.block_storage)
        try:
            getattr(service, f"delete_{kind.removesuffix('s')}")(item)
        except openstack.exceptions.HttpException as error:
            if error.status_code not in {400, 404, 409}:
                raise
    return len(items)


if __name__ == "__main__":
    main()
