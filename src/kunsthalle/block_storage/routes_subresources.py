"""What hangs below volumes and snapshots: fitting profiles, clones, jobs and software (none here)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from kunsthalle.api import access
from kunsthalle.api.crud import among
from kunsthalle.api.query_params import Parameters
from kunsthalle.api.request import Request
from kunsthalle.api.router import Route, route
from kunsthalle.api.surfaces.vpc import VPC, PageParameters, collection
from kunsthalle.block_storage import snapshot_clones
from kunsthalle.block_storage.models import Snapshot, Volume
from kunsthalle.block_storage.resources import SNAPSHOT, VOLUME
from kunsthalle.block_storage.schemas import CloneResponse, Clones, clone_response
from kunsthalle.block_storage.snapshots import DELETING, SnapshotService
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import Authorized
from kunsthalle.images.compatible_profiles import Profiles, listed, of_disk


class DeletedSnapshots(Parameters, frozen=True):
    """Which snapshots are deleted together."""

    source_volume_id: Annotated[str, Meta(description="Delete the snapshots of the volume with this ID.")] = field(
        name="source_volume.id"
    )


_CLONES = "/v1/snapshots/{id}/clones"


def _list_clones(session: Session, _request: Request, snapshot: Snapshot) -> Clones:
    """List the clones of a snapshot."""
    return Clones(clones=[clone_response(clone, session.ctx) for clone in snapshot.clones])


def _get_clone(session: Session, request: Request, snapshot: Snapshot) -> CloneResponse:
    """Get a snapshot's clone in a zone."""
    return clone_response(snapshot_clones.find(snapshot, request.params["zone_name"]), session.ctx)


def _put_clone(session: Session, request: Request, snapshot: Authorized[Snapshot]) -> CloneResponse:
    """Make a clone of a snapshot in a zone, or get the one that is there."""
    return clone_response(snapshot_clones.put(session, snapshot, request.params["zone_name"]), session.ctx)


def _delete_clone(session: Session, request: Request, snapshot: Authorized[Snapshot]) -> None:
    """Delete a snapshot's clone in a zone."""
    snapshot_clones.remove(session, snapshot, request.params["zone_name"])


def _clone_routes() -> tuple[Route, ...]:
    item_path, see = f"{_CLONES}/{{zone_name}}", access.item(SNAPSHOT)
    change = access.item(SNAPSHOT, "is.snapshot.snapshot.update")
    return (
        route("GET", _CLONES, _list_clones, surface=VPC, access=see, answer=Clones),
        route("GET", item_path, _get_clone, surface=VPC, access=see, answer=CloneResponse),
        route("PUT", item_path, _put_clone, surface=VPC, access=change, answer=CloneResponse),
        route("DELETE", item_path, _delete_clone, surface=VPC, access=change, status=202),
    )


def _no_software(_session: Session, _request: Request, _disk: Volume | Snapshot) -> dict[str, Any]:
    """List the licensed software of a volume or snapshot: none."""
    return {"software_attachments": []}


def _no_such_software(_session: Session, _request: Request, _disk: Volume | Snapshot) -> None:
    """Get one piece of licensed software of a volume or snapshot."""
    raise not_found()


def _no_jobs(session: Session, request: Request, _volume: Volume, query: PageParameters) -> dict[str, Any]:
    """List the jobs that migrate a volume: none."""
    nothing: list[str] = []
    page = among(query, nothing, str)
    return collection(request, session, "jobs", page, lambda job, _session: job, query.limit)


def _empty_routes() -> tuple[Route, ...]:
    jobs = []
    for kind, name in ((VOLUME, "volume"), (SNAPSHOT, "snapshot")):
        every, see = f"/v1/{name}s/{{{name}_id}}/software_attachments", access.item(kind, param=f"{name}_id")
        listed, read = (
            f"List the licensed software of a {name}: none.",
            f"Get one piece of licensed software of a {name}: there is none.",
        )
        jobs.append(route("GET", every, _no_software, surface=VPC, access=see, summary=listed))
        jobs.append(route("GET", f"{every}/{{id}}", _no_such_software, surface=VPC, access=see, summary=read))
    see = access.item(VOLUME, param="volume_id")
    return (
        *jobs,
        route("GET", "/v1/volumes/{volume_id}/jobs", _no_jobs, surface=VPC, access=see, query=PageParameters),
    )


def routes(snapshots: SnapshotService, profiles: Profiles) -> tuple[Route, ...]:
    def fitting(session: Session, request: Request, disk: Volume | Snapshot, query: PageParameters) -> dict[str, Any]:
        """List the instance profiles that a bootable volume or snapshot can be used with."""
        if disk.operating_system is None:
            raise invalid("bad_field", "Only what holds an operating system goes with instance profiles.", "id")
        return listed(request, session, query, "instance", profiles.instance(of_disk(disk.operating_system, disk.uses)))

    def delete_many(session: Session, request: Request, query: DeletedSnapshots) -> None:  # noqa: ARG001  a handler's shape
        """Delete all snapshots of a volume."""
        snapshots.delete_of(session, query.source_volume_id)

    below, rule = "{id}/instance_profiles", access.create(DELETING)
    return (
        route("DELETE", "/v1/snapshots", delete_many, surface=VPC, access=rule, status=202, query=DeletedSnapshots),
        route(
            "GET",
            f"/v1/volumes/{below}",
            fitting,
            surface=VPC,
            access=access.item(VOLUME),
            query=PageParameters,
            summary="List the instance profiles that a bootable volume can be used with.",
        ),
        route(
            "GET",
            f"/v1/snapshots/{below}",
            fitting,
            surface=VPC,
            access=access.item(SNAPSHOT),
            query=PageParameters,
            summary="List the instance profiles that a bootable snapshot can be used with.",
        ),
        *_clone_routes(),
        *_empty_routes(),
    )
