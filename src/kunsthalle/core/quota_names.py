"""The quotas of an account: their names, and what they count."""

from __future__ import annotations

from kunsthalle.core.text_values import integer

QUOTAS = {
    "images": "custom images",
    "image_gb": "GB (2**30 bytes) of files of custom images, those that are being imported included",
    "volumes": "volumes, boot volumes included",
    "snapshots": "snapshots",
    "instances": "instances",
    "vcpus": "virtual CPUs of all instances",
    "placement_groups": "placement groups",
    "keys": "SSH keys",
    "vpcs": "VPCs",
    "catalogs": "catalogs",
    "offerings": "offerings",
    "api_keys": "API keys",
}
LARGEST = 2**31 - 1


class BadQuota(ValueError):
    """A text that names no quota, or no number; the message says which, and what is allowed."""


def parse(text: str) -> dict[str, int]:
    """The limits of a text such as `images=100,vcpus=64`. BadQuota."""
    limits: dict[str, int] = {}
    for part in filter(None, text.split(",")):
        name, _, number = part.strip().partition("=")
        limit = integer(number)
        if name not in QUOTAS:
            raise BadQuota(f"{name[:40]!a} is no quota; give one of {', '.join(QUOTAS)}")
        if limit is None or not 0 <= limit <= LARGEST:
            raise BadQuota(f"give a whole number of 0 or more for {name}, as {name}=100")
        limits[name] = limit
    return limits
