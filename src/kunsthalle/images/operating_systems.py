"""Operating systems that an image may name: static data, from `operating_system_table`."""

from __future__ import annotations

from collections.abc import Iterator

from kunsthalle.core import near_matches
from kunsthalle.core.closed_tables import ClosedTable
from kunsthalle.core.errors import not_found
from kunsthalle.core.records import dataclass
from kunsthalle.images.operating_system_table import FAMILIES, Surface

_FORMATS = ClosedTable(
    "mark of an operating system", "nei*", {"n": None, "e": "esxi_kickstart", "i": "ipxe", "*": None}
)


@dataclass(frozen=True, slots=True)
class OperatingSystem:
    """`user_data_format` is `cloud_init` for everything that a virtual server can run."""

    name: str
    family: str
    vendor: str
    version: str
    display_name: str
    architecture: str
    user_data_format: str = "cloud_init"
    allow_user_image_creation: bool = True
    dedicated_host_only: bool = False


def _systems(family: Surface) -> Iterator[OperatingSystem]:
    title, vendor, _source, rows = family
    for name, version, display, marks in rows:
        architecture = "s390x" if "s390x" in name else "amd64"
        yield OperatingSystem(
            name,
            title,
            vendor,
            version,
            display or f"{title} {version} ({architecture})",
            architecture,
            next((name for name in map(_FORMATS.__getitem__, marks) if name), "cloud_init"),
            allow_user_image_creation="n" not in marks,
        )


OPERATING_SYSTEMS = {system.name: system for family in FAMILIES for system in _systems(family)}


def operating_system(name: str, target: str = "name", type_: str = "parameter") -> OperatingSystem:
    """The operating system of that name, or 404 with the names that are close to it."""
    try:
        return OPERATING_SYSTEMS[name]
    except KeyError as error:
        raise not_found(target, type_, near_matches.hint(name, OPERATING_SYSTEMS)) from error
