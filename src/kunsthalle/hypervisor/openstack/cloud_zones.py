"""Availability zones of Nova and Cinder: where instances and volumes of a zone go, as far as the operator has said it.

What is of a zone that is not named goes wherever the cloud puts it.
"""

from __future__ import annotations

from collections.abc import Mapping

from kunsthalle.core.openstack_zones import AvailabilityZones
from kunsthalle.core.records import dataclass
from kunsthalle.hypervisor.openstack.cloud_client import BLOCKS, COMPUTE, Cloud
from kunsthalle.hypervisor.protocol import AbsentZone

_PATH = "/os-availability-zone"


@dataclass(frozen=True, slots=True)
class CloudZones:
    """Those of one cloud. `named` are the operator's, by the zones of the API."""

    cloud: Cloud
    named: Mapping[str, AvailabilityZones]

    def of_instance(self, zone: str | None) -> str | None:
        """What Nova calls a zone; None where it may choose."""
        known = self.named.get(zone or "")
        return None if known is None else known.compute

    def of_volume(self, zone: str | None) -> dict[str, str]:
        """What is said to Cinder of a new volume in a zone."""
        known = self.named.get(zone or "")
        return {} if known is None else {"availability_zone": known.volumes}

    def absent(self) -> tuple[AbsentZone, ...]:
        """The availability zones that are named and not there. NoAnswer, Unresponsive."""
        if not self.named:
            return ()
        compute = {zone: known.compute for zone, known in self.named.items()}
        volumes = {zone: known.volumes for zone, known in self.named.items()}
        return (*self._absent("Nova", COMPUTE, compute), *self._absent("Cinder", BLOCKS, volumes))

    def _absent(self, project: str, service: str, named: Mapping[str, str]) -> list[AbsentZone]:
        rows = self.cloud.get(service, _PATH)["availabilityZoneInfo"]
        there = sorted({str(row["zoneName"]) for row in rows})
        allowed = ", ".join(map(ascii, there))
        return [
            AbsentZone(zone, f"{project} has no availability zone {name!a} for {zone}; give one of {allowed}")
            for zone, name in named.items()
            if name not in there
        ]
