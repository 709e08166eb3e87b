"""`is volumes` and volume profiles (cli.md 3.4)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands import profiles
from kunsthalle.ibmcloud.commands.image_commands import ALLOWED_USE, allowed_use
from kunsthalle.ibmcloud.commands.vpc_resources import ID, NAMED, SNAPSHOT, STATUS, VOLUME
from kunsthalle.ibmcloud.grammar import flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import (
    NAME,
    Filter,
    Resource,
    changes,
    deletes,
    filled,
    group_of,
    lists,
    makes,
    reference,
    shows,
)

_JOB: tuple[Field, ...] = (ID, NAMED, STATUS, ("Type", "job_type"), ("Auto delete", "auto_delete"))
JOB = Resource("volume job", "volume jobs", "/v1/volumes/{}/jobs", "jobs", _JOB, _JOB, parents=(VOLUME,))
"""Jobs change a volume to another generation of storage; there is one generation here, and so never a job."""

_FILTERS = (
    Filter("attachment-state", "attachment_state", text="Attachment."),
    Filter("encryption", "encryption", text="Encryption."),
    Filter("operating-system-family", "operating_system.family", "FAMILY", "Family of the operating system."),
    Filter(
        "operating-system-architecture",
        "operating_system.architecture",
        "ARCH",
        "Architecture of the operating system.",
    ),
    Filter("zone", "zone.name", "ZONE", "Name of the zone."),
)
_SIZE = (
    flag("capacity", "GB", "Capacity in gigabytes.", kind="int"),
    flag("iops", "N", "Input and output operations a second.", kind="int"),
    flag("bandwidth", "MBPS", "Bandwidth.", kind="int"),
)
_TAGS = flag("tags", "LIST", "Comma separated tags.", kind="list")
_SNAPSHOT = flag("snapshot", "SNAPSHOT", "ID, CRN or name of the snapshot.")
_KEY = flag("encryption-key", "CRN", "CRN of the root key.")
_PROFILE = flag("profile", "PROFILE", "Name of the profile.")


def _sizes(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        capacity=options.get("capacity"),
        iops=options.get("iops"),
        bandwidth=options.get("bandwidth"),
        user_tags=options.get("tags"),
        allowed_use=allowed_use(run),
    )


def volume_prototype(run: Run) -> dict[str, Any]:
    """A new volume, from the flags of `volume-create` and of `instance-volume-attachment-add`."""
    options = run.given
    snapshot = options.get("snapshot") or options.get("source-snapshot")
    key = options.get("encryption-key")
    return filled(
        profile={"name": options.words.get("PROFILE") or options.get("profile")},
        source_snapshot=reference(run, SNAPSHOT, snapshot) if snapshot else None,
        encryption_key={"crn": key} if key else None,
        **_sizes(run),
    )


def _volume(run: Run) -> dict[str, Any]:
    options = run.given
    return {
        "name": options["NAME"],
        "zone": {"name": options["ZONE"]},
        **volume_prototype(run),
        **filled(resource_group=group_of(run)),
    }


def _change(run: Run) -> dict[str, Any]:
    profile = run.given.get("profile")
    return filled(name=run.given.get("name"), profile={"name": profile} if profile else None, **_sizes(run))


COMMANDS = (
    *profiles.COMMANDS,
    lists(VOLUME, "volumes", *_FILTERS, also=("is vols",)),
    shows(VOLUME, "volume", also=("is vol",)),
    makes(
        VOLUME,
        "volume-create",
        "NAME PROFILE ZONE",
        *_SIZE,
        _KEY,
        _SNAPSHOT,
        _TAGS,
        *ALLOWED_USE,
        body=_volume,
        also=("is volc",),
    ),
    changes(VOLUME, "volume-update", NAME, *_SIZE, _PROFILE, _TAGS, *ALLOWED_USE, body=_change, also=("is volu",)),
    lists(JOB, "volume-jobs"),
    deletes(VOLUME, "volume-delete", also=("is vold",)),
)
