"""What hangs below volumes and snapshots: fitting profiles, clones, jobs and software (none here)."""

from __future__ import annotations

from typing import Any

from kunsthalle.api import access
from kunsthalle.api.families.vpc import VPC, collection
from kunsthalle.api.regular import among
from kunsthalle.api.request import Request
from kunsthalle.api.routing import Route, route
from kunsthalle.core.errors import invalid, not_found
from kunsthalle.images.fitting import Profiles, listed, of_disk
from kunsthalle.storage import clones
from kunsthalle.storage.kinds import SNAPSHOT, VOLUME
from kunsthalle.storage.snapshots import DELETING, SnapshotService
from kunsthalle.storage.wire import Clones, CloneWire, clone_wire
from kunsthalle.store.unit import Unit

_CLONES = "/v1/snapshots/{id}/clones"


def _list_clones(unit: Unit, request: Request) -> Clones:
    """List the clones of a snapshot."""
    return Clones(clones=[clone_wire(one, unit.ctx) for one in request.granted.it.clones])


def _get_clone(unit: Unit, request: Request) -> CloneWire:
    """Get a snapshot's clone in a zone."""
    return clone_wire(clones.find(request.granted.it, request.params["zone_name"]), unit.ctx)


def _put_clone(unit: Unit, request: Request) -> CloneWire:
    """Make a clone of a snapshot in a zone, or get the one that is there."""
    return clone_wire(clones.put(unit, request.granted, request.params["zone_name"]), unit.ctx)


def _delete_clone(unit: Unit, request: Request) -> None:
    """Delete a snapshot's clone in a zone."""
    clones.remove(unit, request.granted, request.params["zone_name"])


def _clone_routes() -> tuple[Route, ...]:
    one, see = f"{_CLONES}/{{zone_name}}", access.item(SNAPSHOT)
    change = access.item(SNAPSHOT, "is.snapshot.snapshot.update")
    return (
        route("GET", _CLONES, _list_clones, family=VPC, access=see, answer=Clones),
        route("GET", one, _get_clone, family=VPC, access=see, answer=CloneWire),
        route("PUT", one, _put_clone, family=VPC, access=change, answer=CloneWire),
        route("DELETE", one, _delete_clone, family=VPC, access=change, status=202),
    )


def _no_software(_unit: Unit, _request: Request) -> dict[str, Any]:
    """List the licensed software of a volume or snapshot: none."""
    return {"software_attachments": []}


def _no_such_software(_unit: Unit, _request: Request) -> None:
    """Get one piece of licensed software of a volume or snapshot."""
    raise not_found()


def _no_jobs(unit: Unit, request: Request) -> dict[str, Any]:
    """List the jobs that migrate a volume: none."""
    nothing: list[str] = []
    page, limit = among(request, nothing, str)
    return collection(request, unit, "jobs", page, lambda one, _unit: one, limit)


def _empty_routes() -> tuple[Route, ...]:
    found = []
    for kind, name in ((VOLUME, "volume"), (SNAPSHOT, "snapshot")):
        every, see = f"/v1/{name}s/{{{name}_id}}/software_attachments", access.item(kind, param=f"{name}_id")
        found.append(route("GET", every, _no_software, family=VPC, access=see))
        found.append(route("GET", f"{every}/{{id}}", _no_such_software, family=VPC, access=see))
    see = access.item(VOLUME, param="volume_id")
    return (*found, route("GET", "/v1/volumes/{volume_id}/jobs", _no_jobs, family=VPC, access=see))


def routes(snapshots: SnapshotService, profiles: Profiles) -> tuple[Route, ...]:
    def fitting(unit: Unit, request: Request) -> dict[str, Any]:
        """List the instance profiles that a bootable volume or snapshot can be used with."""
        it = request.granted.it
        if it.operating_system is None:
            raise invalid("bad_field", "Only what holds an operating system goes with instance profiles.", "id")
        return listed(request, unit, "instance", profiles.instance(of_disk(it.operating_system, it.uses)))

    def delete_many(unit: Unit, request: Request) -> None:
        """Delete all snapshots of a volume."""
        volume_id = request.query.get("source_volume.id")
        if volume_id is None:
            text = "The parameter source_volume.id is required."
            raise invalid("validation_required_field", text, "source_volume.id", type_="parameter")
        snapshots.delete_of(unit, volume_id)

    below = "{id}/instance_profiles"
    return (
        route("DELETE", "/v1/snapshots", delete_many, family=VPC, access=access.create(DELETING), status=202),
        route("GET", f"/v1/volumes/{below}", fitting, family=VPC, access=access.item(VOLUME)),
        route("GET", f"/v1/snapshots/{below}", fitting, family=VPC, access=access.item(SNAPSHOT)),
        *_clone_routes(),
        *_empty_routes(),
    )
