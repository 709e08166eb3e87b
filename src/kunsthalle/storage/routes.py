"""`/v1/volumes`, `/v1/volume/profiles` and `/v1/snapshots`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC, collection, paging
from kunsthalle.api.regular import among
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.storage.bodies import CreateSnapshotBody, CreateVolumeBody, UpdateSnapshotBody, UpdateVolumeBody
from kunsthalle.storage.kinds import MAKE, SNAPSHOT, VOLUME
from kunsthalle.storage.profile_wire import VolumeProfileWire, profile_wire
from kunsthalle.storage.profiles import PROFILES, named
from kunsthalle.storage.queries import list_snapshots, list_volumes
from kunsthalle.storage.service import VolumeService
from kunsthalle.storage.snapshots import SnapshotService
from kunsthalle.storage.wire import SnapshotWire, VolumeWire, snapshot_wire, volume_wire
from kunsthalle.store.unit import Unit


def _list_volumes(unit: Unit, request: Request) -> dict[str, Any]:
    """List the volumes."""
    after, limit = paging(request)
    return collection(request, unit, "volumes", list_volumes(unit, request, after, limit), volume_wire, limit)


def _get_volume(unit: Unit, request: Request) -> VolumeWire:
    """Get a volume."""
    return volume_wire(request.granted.it, unit)


def _list_snapshots(unit: Unit, request: Request) -> dict[str, Any]:
    """List the snapshots."""
    page, limit = list_snapshots(unit, request)
    return collection(request, unit, "snapshots", page, snapshot_wire, limit)


def _get_snapshot(unit: Unit, request: Request) -> SnapshotWire:
    """Get a snapshot."""
    return snapshot_wire(request.granted.it, unit)


def _list_profiles(unit: Unit, request: Request) -> dict[str, Any]:
    """List the volume profiles."""
    page, limit = among(request, sorted(PROFILES.values(), key=lambda one: one.name), lambda one: one.name)
    return collection(request, unit, "profiles", page, lambda one, u: profile_wire(one, u.ctx), limit)


def _get_profile(unit: Unit, request: Request) -> VolumeProfileWire:
    """Get a volume profile by its name."""
    return profile_wire(named(request.params["name"]), unit.ctx)


def _volume_changes(service: VolumeService) -> tuple[Route, ...]:
    def create(unit: Unit, request: Request) -> VolumeWire:
        """Make a volume, empty or of a snapshot."""
        return volume_wire(service.create(unit, request.body), unit)

    def update(unit: Unit, request: Request) -> VolumeWire:
        """Change a volume: its name and tags, its size, its speed."""
        return volume_wire(service.update(unit, request.granted, request.body), unit)

    def delete(unit: Unit, request: Request) -> None:
        """Delete a volume."""
        service.delete(unit, request.granted)

    every, one = "/v1/volumes", "/v1/volumes/{id}"
    make = access.create(MAKE)
    change, remove = (access.item(VOLUME, f"is.volume.volume.{verb}") for verb in ("update", "delete"))
    return (
        route("POST", every, create, family=VPC, access=make, body=CreateVolumeBody, answer=VolumeWire, status=201),
        route("PATCH", one, update, family=VPC, access=change, body=UpdateVolumeBody, answer=VolumeWire),
        route("DELETE", one, delete, family=VPC, access=remove, status=204),
    )


def _snapshot_changes(service: SnapshotService) -> tuple[Route, ...]:
    def create(unit: Unit, request: Request) -> SnapshotWire:
        """Take a snapshot of a volume."""
        return snapshot_wire(service.create(unit, request.body), unit)

    def update(unit: Unit, request: Request) -> SnapshotWire:
        """Change a snapshot's name and tags."""
        return snapshot_wire(service.update(unit, request.granted, request.body), unit)

    def delete(unit: Unit, request: Request) -> None:
        """Delete a snapshot."""
        service.delete(unit, request.granted)

    every, one = "/v1/snapshots", "/v1/snapshots/{id}"
    make = access.create("is.snapshot.snapshot.create")
    change, remove = (access.item(SNAPSHOT, f"is.snapshot.snapshot.{verb}") for verb in ("update", "delete"))
    return (
        route("POST", every, create, family=VPC, access=make, body=CreateSnapshotBody, answer=SnapshotWire, status=201),
        route("PATCH", one, update, family=VPC, access=change, body=UpdateSnapshotBody, answer=SnapshotWire),
        route("DELETE", one, delete, family=VPC, access=remove, status=202),
    )


def routes(volumes: VolumeService, snapshots: SnapshotService) -> tuple[Route, ...]:
    anybody = access.member("is.volume.volume.read")
    profiles, volume, snapshot = "/v1/volume/profiles", access.item(VOLUME), access.item(SNAPSHOT)
    return (
        route("GET", "/v1/volumes", _list_volumes, family=VPC, access=access.listing(VOLUME)),
        route("GET", "/v1/volumes/{id}", _get_volume, family=VPC, access=volume, answer=VolumeWire),
        *_volume_changes(volumes),
        route("GET", "/v1/snapshots", _list_snapshots, family=VPC, access=access.listing(SNAPSHOT)),
        route("GET", "/v1/snapshots/{id}", _get_snapshot, family=VPC, access=snapshot, answer=SnapshotWire),
        *_snapshot_changes(snapshots),
        route("GET", profiles, _list_profiles, family=VPC, access=anybody),
        route("GET", f"{profiles}/{{name}}", _get_profile, family=VPC, access=anybody, answer=VolumeProfileWire),
    )
