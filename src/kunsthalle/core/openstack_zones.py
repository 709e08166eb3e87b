"""Which availability zones of an OpenStack the zones of the API are, as the operator has written it."""

from __future__ import annotations

import re
from collections.abc import Collection

from kunsthalle.core.records import dataclass

_FORM = "ZONE=NAME or ZONE=NAME:NAME, as us-south-1=az1 or us-south-1=az1:nova"
_NAME = re.compile(r"[!-9;<>-~]([ -9;<>-~]{0,253}[!-9;<>-~])?")
"""Nova and Cinder allow 255 characters; a colon and an equals sign would be read as something else here."""


class BadZone(ValueError):
    """A text that says of a zone what cannot be; the message says what is allowed."""


@dataclass(frozen=True, slots=True)
class AvailabilityZones:
    """What a zone is called there: `compute` by Nova, which runs its instances, `volumes` by Cinder."""

    compute: str
    volumes: str


def parse(text: str, zones: Collection[str] | None = None) -> dict[str, AvailabilityZones]:
    """The availability zones of a text such as `us-south-1=az1,us-south-2=az2:nova`, by the API's zones. BadZone, also
    for another zone than one of `zones`, if they are given.
    """
    known: dict[str, AvailabilityZones] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        zone, separator, names = part.partition("=")
        compute, colon, volumes = names.partition(":")
        told = (compute, volumes) if colon else (compute,)
        if not separator or not all(_NAME.fullmatch(name) for name in told):
            raise BadZone(f"{part[:80]!a} names no availability zone; give {_FORM}")
        if zones is not None and zone not in zones:
            raise BadZone(f"{zone[:40]!a} is no zone of the region; give one of {', '.join(zones)}")
        if zone in known:
            raise BadZone(f"{zone} is there twice; give each zone once")
        known[zone] = AvailabilityZones(compute, volumes or compute)
    return known
