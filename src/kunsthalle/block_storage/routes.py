"""`/v1/volumes`, `/v1/volume/profiles` and `/v1/snapshots`."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.crud import Resource, among, changing, making, reading, removing
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
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.block_storage.schemas import SnapshotResponse, VolumeResponse, snapshot_response, volume_response
from kunsthalle.block_storage.schemas_volume_profiles import VolumeProfileResponse, profile_response
from kunsthalle.block_storage.service import VolumeService
from kunsthalle.block_storage.snapshots import SnapshotService
from kunsthalle.block_storage.volume_profiles import PROFILES, named
from kunsthalle.db.session import Session

VOLUMES = Resource(VOLUME, "/v1/volumes", volume_response, VolumeResponse)
SNAPSHOTS = Resource(SNAPSHOT, "/v1/snapshots", snapshot_response, SnapshotResponse)


def _list_volumes(session: Session, request: Request, query: VolumeParameters) -> dict[str, Any]:
    """List the volumes."""
    return collection(request, session, "volumes", list_volumes(session, query), volume_response, query.limit)


def _list_snapshots(session: Session, request: Request, query: SnapshotParameters) -> dict[str, Any]:
    """List the snapshots."""
    return collection(request, session, "snapshots", list_snapshots(session, query), snapshot_response, query.limit)


def _list_profiles(session: Session, request: Request, query: PageParameters) -> dict[str, Any]:
    """List the volume profiles."""
    page = among(query, sorted(PROFILES.values(), key=lambda profile: profile.name), lambda profile: profile.name)
    return collection(
        request, session, "profiles", page, lambda profile, u: profile_response(profile, u.ctx), query.limit
    )


def _get_profile(session: Session, request: Request) -> VolumeProfileResponse:
    """Get a volume profile by its name."""
    return profile_response(named(request.params["name"]), session.ctx)


def routes(volumes: VolumeService, snapshots: SnapshotService) -> tuple[Route, ...]:
    anybody = access.member("is.volume.volume.read")
    profiles = "/v1/volume/profiles"
    return (
        route("GET", "/v1/volumes", _list_volumes, surface=VPC, access=access.listing(VOLUME), query=VolumeParameters),
        reading(VOLUMES, "Get a volume."),
        making(VOLUMES, "Make a volume, empty or of a snapshot.", volumes.create, CreateVolumeRequest),
        changing(
            VOLUMES, "Change a volume: its name and tags, its size, its speed.", volumes.update, UpdateVolumeRequest
        ),
        removing(VOLUMES, "Delete a volume.", volumes.delete),
        route(
            "GET",
            "/v1/snapshots",
            _list_snapshots,
            surface=VPC,
            access=access.listing(SNAPSHOT),
            query=SnapshotParameters,
        ),
        reading(SNAPSHOTS, "Get a snapshot."),
        making(SNAPSHOTS, "Take a snapshot of a volume.", snapshots.create, CreateSnapshotRequest),
        changing(SNAPSHOTS, "Change a snapshot's name and tags.", snapshots.update, UpdateSnapshotRequest),
        removing(SNAPSHOTS, "Delete a snapshot.", snapshots.delete, status=202),
        route("GET", profiles, _list_profiles, surface=VPC, access=anybody, query=PageParameters),
        route("GET", f"{profiles}/{{name}}", _get_profile, surface=VPC, access=anybody, answer=VolumeProfileResponse),
    )
