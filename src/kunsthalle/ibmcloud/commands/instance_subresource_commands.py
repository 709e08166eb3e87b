"""What is attached to servers: volumes, interfaces, software (cli.md 3.2)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed, Refused
from kunsthalle.ibmcloud.commands.image_commands import ALLOWED_USE
from kunsthalle.ibmcloud.commands.instance_views import INSTANCE
from kunsthalle.ibmcloud.commands.volume_commands import volume_prototype
from kunsthalle.ibmcloud.commands.vpc_resources import ID, NAMED, STATUS, VOLUME
from kunsthalle.ibmcloud.grammar import FORCE, Command, WrongUsage, flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field, names
from kunsthalle.ibmcloud.resource_commands import (
    CREATED,
    NAME,
    Resource,
    changes,
    filled,
    id_of,
    lists,
    place,
    reference,
    renames,
    shows,
)

_ATTACHMENT: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Volume", "volume.name"),
    ("Volume ID", "volume.id"),
    STATUS,
    ("Type", "type"),
    ("Device", "device.id"),
    ("Auto delete", "delete_volume_on_instance_delete"),
)
ATTACHMENT = Resource(
    "volume attachment",
    "volume attachments",
    "/v1/instances/{}/volume_attachments",
    "volume_attachments",
    _ATTACHMENT,
    (*_ATTACHMENT, ("Bandwidth(Mbps)", "bandwidth"), CREATED),
    parents=(INSTANCE,),
)

_INTERFACE: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Subnet", "subnet.name"),
    ("Reserved IP", "primary_ip.address"),
    ("Floating IP", names("floating_ips", "address")),
    ("Security Groups", names("security_groups")),
    STATUS,
    ("Type", "type"),
)
INTERFACE = Resource(
    "network interface",
    "network interfaces",
    "/v1/instances/{}/network_interfaces",
    "network_interfaces",
    _INTERFACE,
    (*_INTERFACE, ("Allow source IP spoofing", "allow_ip_spoofing"), CREATED),
    parents=(INSTANCE,),
)

_SOFTWARE: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Lifecycle State", "lifecycle_state"),
    ("Catalog Offering Version", "catalog_offering.version.crn"),
    ("Catalog Offering Plan", "catalog_offering.plan.crn"),
    CREATED,
)
SOFTWARE = Resource(
    "software attachment",
    "software attachments",
    "/v1/instances/{}/software_attachments",
    "software_attachments",
    _SOFTWARE,
    _SOFTWARE,
    parents=(INSTANCE,),
)

_DISK: tuple[Field, ...] = (ID, NAMED, ("Size", "size"), ("Interface Type", "interface_type"))
DISK = Resource(
    "instance disk",
    "instance disks",
    "/v1/instances/{}/disks",
    "disks",
    _DISK,
    (*_DISK, CREATED),
    parents=(INSTANCE,),
)

_AUTO_DELETE = flag("auto-delete", "true|false", "Whether the volume ends with the instance.")


def _attach(run: Run) -> dict[str, Any]:
    """A volume that is there, or a new one of the flags."""
    options, ref = run.given, run.given["VOLUME"]
    if not ref and not options.has("profile"):
        raise WrongUsage("VOLUME or --profile is required")
    name = options.get("new-volume-name")
    volume = reference(run, VOLUME, ref) if ref else {**filled(name=name), **volume_prototype(run)}
    return filled(name=options["NAME"], volume=volume, delete_volume_on_instance_delete=run.given.get("auto-delete"))


def _add(run: Run) -> None:
    server = run.given["INSTANCE"]
    run.progress("Creating", f"volume attachment {run.given['NAME']} for instance {server}")
    run.detail(run.api.post(f"{place(run, INSTANCE, server)}/volume_attachments", _attach(run)), ATTACHMENT.fields)


def _detach(run: Run) -> None:
    """Each in turn, past failures, as deletions go."""
    server, refs, parent = run.given["INSTANCE"], run.given[ATTACHMENT.label()], None
    if not run.confirmed(f"This will delete volume attachment {', '.join(refs)} and cannot be undone. Continue"):
        return
    told = []
    for ref in refs:
        run.progress("Deleting", f"volume attachment {ref} from instance {server}")
        result = {"id": ref, "name": ref, "result": False}
        try:
            parent = parent or id_of(run, INSTANCE, server)
            path = f"{place(run, INSTANCE, parent)}/volume_attachments/{id_of(run, ATTACHMENT, ref, [parent])}"
            run.api.call("DELETE", path)
            result["result"] = True
            if not run.json:
                run.done(f"Volume attachment {ref} is deleted.")
        except (Refused, Failed) as failure:
            run.complain(failure)
        told.append(result)
    if run.json:
        run.print_json(told)


def _change(run: Run) -> dict[str, Any]:
    return {**renames(run), **filled(delete_volume_on_instance_delete=run.given.get("auto-delete"))}


COMMANDS = (
    lists(ATTACHMENT, "instance-volume-attachments", also=("is in-vols",)),
    shows(ATTACHMENT, "instance-volume-attachment"),
    Command(
        "is instance-volume-attachment-add",
        "Attach a volume to an instance.",
        _add,
        "NAME INSTANCE [VOLUME]",
        (
            flag("profile", "PROFILE", "Profile of a new volume."),
            flag("new-volume-name", "NAME", "Name of a new volume.", also=("volume-name",)),
            flag("capacity", "GB", "Capacity in gigabytes.", kind="int"),
            flag("iops", "N", "Input and output operations a second.", kind="int"),
            flag("bandwidth", "MBPS", "Bandwidth.", kind="int"),
            flag("source-snapshot", "SNAPSHOT", "ID, CRN or name of the snapshot.", also=("snapshot",)),
            flag("encryption-key", "CRN", "CRN of the root key."),
            flag("tags", "LIST", "Comma separated tags.", kind="list"),
            *ALLOWED_USE,
            _AUTO_DELETE,
        ),
    ),
    Command(
        "is instance-volume-attachment-detach",
        "Detach a volume from an instance.",
        _detach,
        f"INSTANCE {ATTACHMENT.label()}...",
        (FORCE,),
    ),
    changes(ATTACHMENT, "instance-volume-attachment-update", NAME, _AUTO_DELETE, body=_change),
    lists(DISK, "instance-disks", also=("is in-disks",)),
    shows(DISK, "instance-disk", also=("is in-disk",)),
    changes(DISK, "instance-disk-update", NAME, body=renames, any_of=(("name",),)),
    lists(INTERFACE, "instance-network-interfaces", also=("is in-nics",)),
    shows(INTERFACE, "instance-network-interface", also=("is in-nic",)),
    lists(SOFTWARE, "instance-software-attachments"),
    shows(SOFTWARE, "instance-software-attachment"),
    changes(SOFTWARE, "instance-software-attachment-update", NAME, body=renames),
)
