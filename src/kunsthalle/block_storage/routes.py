"""`/v1/volumes`, `/v1/volume/profiles` and `/v1/snapshots`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.crud import among
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC, PageParameters, collection
from kunsthalle.block_storage.queries import SnapshotParameters, VolumeParameters, list_snapshots, list_volumes
from kunsthalle.block_storage.requests import (
    CreateSnapshotRequest,
    CreateVolumeRequest,
    UpdateSnapshotRequest,
    UpdateVolumeRequest,
)
from kunsthalle.block_storage.resources import MAKE, SNAPSHOT, VOLUME
from kunsthalle.block_storage.schemas import SnapshotResponse, VolumeResponse, snapshot_response, volume_response
from kunsthalle.block_storage.schemas_profiles import VolumeProfileResponse, profile_response
from kunsthalle.block_storage.service import VolumeService
from kunsthalle.block_storage.snapshots import SnapshotService
from kunsthalle.block_storage.volume_profiles import PROFILES, named
from kunsthalle.db.session import Session


def _list_volumes(session: Session, request: Request, query: VolumeParameters) -> dict[str, Any]:
    """List the volumes."""
    return collection(request, session, "volumes", list_volumes(session, query), volume_response, query.limit)


def _get_volume(session: Session, request: Request) -> VolumeResponse:
    """Get a volume."""
    return volume_response(request.authorized.resource, session)


def _list_snapshots(session: Session, request: Request, query: SnapshotParameters) -> dict[str, Any]:
    """List the snapshots."""
    return collection(request, session, "snapshots", list_snapshots(session, query), snapshot_response, query.limit)


def _get_snapshot(session: Session, request: Request) -> SnapshotResponse:
    """Get a snapshot."""
    return snapshot_response(request.authorized.resource, session)


def _list_profiles(session: Session, request: Request, query: PageParameters) -> dict[str, Any]:
    """List the volume profiles."""
    page = among(query, sorted(PROFILES.values(), key=lambda one: one.name), lambda one: one.name)
    return collection(request, session, "profiles", page, lambda one, u: profile_response(one, u.ctx), query.limit)


def _get_profile(session: Session, request: Request) -> VolumeProfileResponse:
    """Get a volume profile by its name."""
    return profile_response(named(request.params["name"]), session.ctx)


def _volume_changes(service: VolumeService) -> tuple[Route, ...]:
    def create(session: Session, request: Request) -> VolumeResponse:
        """Make a volume, empty or of a snapshot."""
        return volume_response(service.create(session, request.body), session)

    def update(session: Session, request: Request) -> VolumeResponse:
        """Change a volume: its name and tags, its size, its speed."""
        return volume_response(service.update(session, request.authorized, request.body), session)

    def delete(session: Session, request: Request) -> None:
        """Delete a volume."""
        service.delete(session, request.authorized)

    every, one = "/v1/volumes", "/v1/volumes/{id}"
    make = access.create(MAKE)
    change, remove = (access.item(VOLUME, f"is.volume.volume.{verb}") for verb in ("update", "delete"))
    return (
        route(
            "POST", every, create, surface=VPC, access=make, body=CreateVolumeRequest, answer=VolumeResponse, status=201
        ),
        route("PATCH", one, update, surface=VPC, access=change, body=UpdateVolumeRequest, answer=VolumeResponse),
        route("DELETE", one, delete, surface=VPC, access=remove, status=204),
    )


def _snapshot_changes(service: SnapshotService) -> tuple[Route, ...]:
    def create(session: Session, request: Request) -> SnapshotResponse:
        """Take a snapshot of a volume."""
        return snapshot_response(service.create(session, request.body), session)

    def update(session: Session, request: Request) -> SnapshotResponse:
        """Change a snapshot's name and tags."""
        return snapshot_response(service.update(session, request.authorized, request.body), session)

    def delete(session: Session, request: Request) -> None:
        """Delete a snapshot."""
        service.delete(session, request.authorized)

    every, one = "/v1/snapshots", "/v1/snapshots/{id}"
    make = access.create("is.snapshot.snapshot.create")
    change, remove = (access.item(SNAPSHOT, f"is.snapshot.snapshot.{verb}") for verb in ("update", "delete"))
    return (
        route(
            "POST",
            every,
            create,
            surface=VPC,
            access=make,
            body=CreateSnapshotRequest,
            answer=SnapshotResponse,
            status=201,
        ),
        route("PATCH", one, update, surface=VPC, access=change, body=UpdateSnapshotRequest, answer=SnapshotResponse),
        route("DELETE", one, delete, surface=VPC, access=remove, status=202),
    )


def routes(volumes: VolumeService, snapshots: SnapshotService) -> tuple[Route, ...]:
    anybody = access.member("is.volume.volume.read")
    profiles, volume, snapshot = "/v1/volume/profiles", access.item(VOLUME), access.item(SNAPSHOT)
    return (
        route("GET", "/v1/volumes", _list_volumes, surface=VPC, access=access.listing(VOLUME), query=VolumeParameters),
        route("GET", "/v1/volumes/{id}", _get_volume, surface=VPC, access=volume, answer=VolumeResponse),
        *_volume_changes(volumes),
        route(
            "GET",
            "/v1/snapshots",
            _list_snapshots,
            surface=VPC,
            access=access.listing(SNAPSHOT),
            query=SnapshotParameters,
        ),
        route("GET", "/v1/snapshots/{id}", _get_snapshot, surface=VPC, access=snapshot, answer=SnapshotResponse),
        *_snapshot_changes(snapshots),
        route("GET", profiles, _list_profiles, surface=VPC, access=anybody, query=PageParameters),
        route("GET", f"{profiles}/{{name}}", _get_profile, surface=VPC, access=anybody, answer=VolumeProfileResponse),
    )
