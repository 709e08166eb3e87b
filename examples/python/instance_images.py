"""Tells of each instance of an account which image it runs, and whether the account can read that image.

An instance of another account's catalog version shows a reference to the image: its ID and its name. A request for the
image itself is answered 404, as if it did not exist. The program reports that instead of failing.

The SDK finds the server and the key in its environment. Against Kunsthalle:

    kunsthalle run --scenario archived-while-instances-run --account consumer-a -- python3 instance_images.py
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ibm_cloud_sdk_core import ApiException
from ibm_vpc import VpcV1
from ibm_vpc.vpc_v1 import InstancesPager

NOT_FOUND = 404


def image_of(vpc: VpcV1, instance: dict[str, Any]) -> tuple[str, str]:
    """The name of an instance's image and what is known of it; ApiException for any answer but 200 and 404."""
    image = instance["image"]
    try:
        state = vpc.get_image(image["id"]).get_result()["status"]
    except ApiException as error:
        if error.status_code != NOT_FOUND:  # 403, 429 or 5xx say nothing about the image
            raise
        return image["name"], "of another account, or deleted"
    return image["name"], state


def rows(vpc: VpcV1) -> Iterator[str]:
    """A line for each instance, by name. The pager asks for one page after the other."""
    for instance in sorted(InstancesPager(client=vpc).get_all(), key=lambda each: each["name"]):
        name, state = image_of(vpc, instance)
        version = instance.get("catalog_offering", {}).get("version", {}).get("crn", "none")
        yield f"{instance['name']}: image {name} ({state}), catalog version {version.rsplit(':', 1)[-1]}"


if __name__ == "__main__":
    print("\n".join(rows(VpcV1.new_instance())))
