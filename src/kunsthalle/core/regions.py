"""Regions, zones and the id prefixes that tell where a resource lives (reference/vpc-api.md A3)."""

from __future__ import annotations

from msgspec import Struct


class Region(Struct, frozen=True):
    """`zones` maps a zone's name to its id prefix."""

    name: str
    prefix: str
    zones: dict[str, str]


def _region(name: str, prefix: str, zones: str) -> Region:
    return Region(name, prefix, {f"{name}-{n}": zone for n, zone in enumerate(zones.split(), 1)})


# Zone prefixes beyond the documented ones are our own (U).
REGIONS = {
    region.name: region
    for region in (
        _region("us-south", "r006", "0717 0727 0737"),
        _region("us-east", "r014", "0757 0767 0777"),
        _region("eu-gb", "r018", "0787 0797 07a7"),
        _region("eu-de", "r010", "02b7 02c7 02d7"),
        _region("au-syd", "r026", "02h7 02i7 02j7"),
        _region("jp-tok", "r022", "02e7 02f7 02g7"),
        _region("jp-osa", "r034", "02k7 02l7 02m7"),
        _region("ca-tor", "r038", "02q7 02r7 02s7"),
        _region("br-sao", "r042", "02t7 02u7 02v7"),
        _region("eu-es", "r050", "02w7 02x7 02y7"),
        _region("ca-mon", "r058", "02z7 0307 0317"),
    )
}

_PLACES = {region.prefix: region.name for region in REGIONS.values()} | {
    prefix: zone for region in REGIONS.values() for zone, prefix in region.zones.items()
}


def place(id_: str) -> str:
    """The region or zone that an id's first four characters stand for."""
    return _PLACES.get(id_[:4], "")
