"""`is snapshots` (cli.md 3.4)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.image_commands import ALLOWED_USE, allowed_use
from kunsthalle.ibmcloud.commands.vpc_resources import IMAGE, SNAPSHOT, VOLUME
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import (
    CREATED,
    NAME,
    Filter,
    Resource,
    changes,
    deletes,
    filled,
    group_of,
    lists,
    makes,
    place,
    reference,
    shows,
)

_CLONE: tuple[Field, ...] = (("Zone", "zone.name"), ("Available", "available"), CREATED)
CLONE = Resource(
    "snapshot clone",
    "snapshot clones",
    "/v1/snapshots/{}/clones",
    "clones",
    _CLONE,
    _CLONE,
    parents=(SNAPSHOT,),
    by_name=True,
)
_TAGS = flag("tags", "LIST", "Comma separated tags.", kind="list")


def _snapshot(run: Run) -> dict[str, Any]:
    options, key = run.given, run.given.get("encryption-key")
    if options.has("volume"):
        source = {"source_volume": reference(run, VOLUME, options.get("volume"))}
    else:
        source = {"source_snapshot": {"crn": options.get("source-snapshot-crn")}}
    return filled(
        name=options.get("name"),
        **source,
        encryption_key={"crn": key} if key else None,
        clones=[{"zone": {"name": zone}} for zone in options.get("clone-zones") or ()] or None,
        user_tags=options.get("tags"),
        allowed_use=allowed_use(run),
        resource_group=group_of(run),
    )


def _change(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(name=options.get("name"), user_tags=options.get("tags"), allowed_use=allowed_use(run))


def _clone(run: Run) -> None:
    ref, zone = run.given["SNAPSHOT"], run.given.get("zone")
    run.progress("Creating", f"clone of snapshot {ref} in zone {zone}")
    path = f"{place(run, SNAPSHOT, ref)}/clones/{path_of('{}', zone)}"
    run.detail(run.api.call("PUT", path, {}).body, _CLONE)


def _clone_delete(run: Run) -> None:
    ref, zone = run.given["SNAPSHOT"], run.given.get("zone")
    if not run.confirmed(f"This will delete the clone of snapshot {ref} in zone {zone} and cannot be undone. Continue"):
        return
    run.progress("Deleting", f"clone of snapshot {ref} in zone {zone}")
    run.api.call("DELETE", f"{place(run, SNAPSHOT, ref)}/clones/{path_of('{}', zone)}")
    run.done(f"Deletion request for the clone of snapshot {ref} has been accepted.")


_ZONE = flag("zone", "ZONE", "Name of the zone.", required=True)
_ONE = (("volume", "source-snapshot-crn"),)

COMMANDS = (
    lists(
        SNAPSHOT,
        "snapshots",
        Filter("volume", "source_volume.id", "VOLUME", "ID, CRN or name of the source volume.", of=VOLUME),
        Filter("tag", "tag", "TAG", "Tag."),
        Filter("source-image", "source_image.id", "IMAGE", "ID, CRN or name of the source image.", of=IMAGE),
        Filter(
            "source-snapshot", "source_snapshot.id", "SNAPSHOT", "ID, CRN or name of the source snapshot.", of=SNAPSHOT
        ),
        Filter("copies", "copies[].id", "ID", "ID of a copy."),
        Filter("backup-policy-plan", "backup_policy_plan.id", "ID", "ID of the backup policy plan."),
    ),
    shows(SNAPSHOT, "snapshot"),
    makes(
        SNAPSHOT,
        "snapshot-create",
        "",
        flag("volume", "VOLUME", "ID or name of the source volume."),
        flag("source-snapshot-crn", "CRN", "CRN of a snapshot of another region."),
        flag("encryption-key", "CRN", "CRN of the root key."),
        flag("name", "NAME", "Name of the snapshot."),
        flag("clone-zones", "LIST", "Zones to make clones in.", kind="list"),
        _TAGS,
        *ALLOWED_USE,
        body=_snapshot,
        alone=_ONE,
        any_of=_ONE,
    ),
    changes(SNAPSHOT, "snapshot-update", NAME, _TAGS, *ALLOWED_USE, body=_change),
    deletes(SNAPSHOT, "snapshot-delete"),
    lists(CLONE, "snapshot-clones"),
    shows(CLONE, "snapshot-clone"),
    Command("is snapshot-clone-create", "Make a clone of a snapshot in a zone.", _clone, "SNAPSHOT", (_ZONE,)),
    Command("is snapshot-clone-delete", "Delete a clone of a snapshot.", _clone_delete, "SNAPSHOT", (_ZONE, FORCE)),
)
