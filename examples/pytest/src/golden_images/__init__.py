"""Imports images and removes them again: the program under test. It knows nothing of Kunsthalle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from ibm_cloud_sdk_core import ApiException
from ibm_vpc import VpcV1

NOT_FOUND, CONFLICT = 404, 409


class StillInUse(Exception):
    """The image is in a catalog, or is used otherwise."""


def import_image(vpc: VpcV1, name: str, href: str, wait: Callable[[], None]) -> dict[str, Any]:
    """The image, available. An image of that name that is there already is taken as it is."""
    known = vpc.list_images(name=name, visibility="private").get_result()["images"]
    if known:
        return dict(known[0])
    prototype = {"name": name, "file": {"href": href}, "operating_system": {"name": "debian-12-amd64"}}
    image = vpc.create_image(prototype).get_result()
    wait()
    return dict(vpc.get_image(image["id"]).get_result())


def remove_image(vpc: VpcV1, id_: str) -> None:
    """Deletes the image; one that is gone already is fine. StillInUse where it must stay."""
    try:
        vpc.delete_image(id_)
    except ApiException as error:
        if error.status_code == CONFLICT:
            raise StillInUse(error.message) from error
        if error.status_code != NOT_FOUND:
            raise


async def count_images(url: str, token: str) -> int:
    """How many images the account has."""
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        query = {"version": "2025-06-30", "generation": 2, "visibility": "private"}
        answer = await client.get("/v1/images", params=query)
        answer.raise_for_status()
        return int(answer.json()["total_count"])
