"""`is instances` (cli.md 3.2)."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.command_errors import Refused
from kunsthalle.ibmcloud.commands.instance_views import CREATE_REPLY, INSTANCE, TEMPLATE
from kunsthalle.ibmcloud.commands.named_documents import volume_attachment
from kunsthalle.ibmcloud.commands.prototypes import (
    ALONE,
    ONE_SOURCE,
    OPTIONS,
    PLACE,
    SETTINGS,
    prototype,
    settings,
    trusted_profile,
)
from kunsthalle.ibmcloud.commands.vpc_resources import IMAGE, KEY, VPC
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field, IfAny, look, nested
from kunsthalle.ibmcloud.resource_commands import (
    CREATED,
    NAME,
    Filter,
    changes,
    deletes,
    filled,
    lists,
    makes,
    place,
    reference,
    references,
    shows,
    view_part,
)
from kunsthalle.ibmcloud.serial_console import talk

ACTION: tuple[Field, ...] = (
    ("ID", "id"),
    ("Type", "type"),
    ("Status", "status"),
    CREATED,
    ("Force", "force"),
)
_DOING = {"start": "Starting", "stop": "Stopping", "reboot": "Rebooting"}

_INITIALIZATION: tuple[Field, ...] = (
    ("Keys", nested("keys", ("ID", "id"), ("Name", "name"), ("FingerPrint", "fingerprint"))),
    ("Default trusted profile", IfAny(nested("default_trusted_profile.target", ("ID", "id"), ("CRN", "crn")))),
    ("Password", "password.encrypted_password"),
)

_GROUP = "instance_group_membership.instance_group"
_FILTERS = (
    Filter("reservation", "reservation.id", "RESERVATION", "ID of the reservation."),
    Filter("vpc", "vpc.id", "VPC", "ID, CRN or name of the VPC.", of=VPC),
    Filter("ig", f"{_GROUP}.id", "GROUP", "ID or CRN of the instance group.", by_crn=f"{_GROUP}.crn"),
    Filter("availability-class", "availability.class", text="Availability."),
    Filter("dh", "dedicated_host.id", "HOST", "ID of the dedicated host."),
    Filter("pg", "placement_group.id", "GROUP", "ID of the placement group."),
)


def _addressed(run: Run, servers: list[Any]) -> list[Any]:
    """The servers with the floating IP of each, which a list of servers does not tell."""
    try:
        listed = list(run.api.listed("/v1/floating_ips", "floating_ips"))
    except Refused:
        listed = []
    known = {look(entry, "target.id"): entry.get("address") for entry in listed}
    for server in servers:
        ids = [look(network_interface, "id") for network_interface in server.get("network_interfaces") or ()]
        ids += [
            look(network_attachment, "virtual_network_interface.id")
            for network_attachment in server.get("network_attachments") or ()
        ]
        server["floating_ip"] = next((known[entry] for entry in ids if entry in known), None)
    return servers


def _wired(run: Run, servers: list[Any]) -> list[Any]:
    """The server with all that is known of its interfaces."""
    for server in servers:
        path = path_of("/v1/instances/{}/network_interfaces", str(server["id"]))
        server["network_interfaces"] = list(run.api.listed(path, "network_interfaces"))
    return servers


def _act(run: Run, kind: str) -> None:
    """Start, stop, reboot: the action is shown, and not waited for."""
    ref = run.given["INSTANCE"]
    if kind != "start" and not run.confirmed(f"This will {kind} instance {ref}. Continue"):
        return
    run.progress(_DOING[kind], f"instance {ref}")
    body = {"type": kind} | ({"force": True} if run.given.get("no-wait") else {})
    run.detail(run.api.post(f"{place(run, INSTANCE, ref)}/actions", body), ACTION)


def _reinitialize(run: Run) -> None:
    options, ref = run.given, run.given["INSTANCE"]
    if not run.confirmed(f"This will reinitialize instance {ref} and its boot volume is replaced. Continue"):
        return
    run.progress("Reinitializing", f"instance {ref}")
    body = filled(
        image=reference(run, IMAGE, options.get("image")) if options.has("image") else None,
        boot_volume_attachment=volume_attachment(run, options.get("boot-volume")),
        keys=references(run, KEY, options.get("keys") or ()) or None,
        user_data=options.get("user-data"),
        default_trusted_profile=trusted_profile(run),
    )
    run.api.post(f"{place(run, INSTANCE, ref)}/reinitialize", body)
    run.done(f"Instance {ref} is reinitialized.")


def _console(run: Run) -> None:
    ref = run.given["INSTANCE"]
    kind = "vnc" if run.given.get("vnc") else "serial"
    run.progress("Opening", f"{kind} console of instance {ref}")
    made = run.api.post(f"{place(run, INSTANCE, ref)}/console_access_token", {"console_type": kind})
    if kind == "vnc":
        run.terminal.lines([made["href"]])
        run.terminal.say("A viewer that takes a WebSocket, such as noVNC, opens it within a minute, once.")
        return
    run.terminal.say("Ctrl-] hangs up.")
    path = made["href"].partition("://")[2].partition("/")[2]
    address = f"ws{run.session.endpoint.removeprefix('http')}/{path}"
    verified = not run.session.kept.get("SSLDisabled")
    run.terminal.say(talk(address, run.terminal.stdin, run.terminal.out, verified=verified))


def _of_template(run: Run) -> dict[str, Any]:
    return {**prototype(run), "source_template": reference(run, TEMPLATE, run.given.get("template"))}


def _change(run: Run) -> dict[str, Any]:
    options = run.given
    profile = {"name": options.get("profile")} if options.has("profile") else None
    return filled(name=options.get("name"), profile=profile, **settings(run))


_NO_WAIT = flag("no-wait", text="Do not wait for the operating system to end.")

COMMANDS = (
    lists(INSTANCE, "instances", *_FILTERS, dress=_addressed, also=("is ins",)),
    shows(INSTANCE, "instance", dress=_wired, also=("is in",)),
    makes(
        INSTANCE,
        "instance-create",
        "NAME VPC ZONE PROFILE SUBNET",
        *OPTIONS,
        body=prototype,
        fields=CREATE_REPLY,
        alone=ALONE,
        any_of=((*ONE_SOURCE, "boot-volume"),),
        also=("is inc",),
    ),
    makes(
        INSTANCE,
        "instance-create-from-template",
        "",
        flag("template", "TEMPLATE", "ID or name of the template.", required=True, also=("template-id",)),
        *PLACE,
        *OPTIONS,
        body=_of_template,
        fields=CREATE_REPLY,
        alone=ALONE,
    ),
    changes(
        INSTANCE,
        "instance-update",
        NAME,
        flag("profile", "PROFILE", "Name of the new profile."),
        *SETTINGS,
        body=_change,
        also=("is inu",),
    ),
    deletes(INSTANCE, "instance-delete", also=("is ind",)),
    Command("is instance-start", "Start an instance.", partial(_act, kind="start"), "INSTANCE"),
    Command("is instance-stop", "Stop an instance.", partial(_act, kind="stop"), "INSTANCE", (_NO_WAIT, FORCE)),
    Command("is instance-reboot", "Reboot an instance.", partial(_act, kind="reboot"), "INSTANCE", (_NO_WAIT, FORCE)),
    Command(
        "is instance-initialization-values",
        "View what an instance was initialized with.",
        partial(
            view_part,
            owner=INSTANCE,
            path="initialization",
            fields=_INITIALIZATION,
            noun="initialization values",
        ),
        "INSTANCE",
        (
            flag("private-key", "KEY|@FILE", "Ignored: a password is shown as it is encrypted.", kind="file"),
            flag("private-key-passphrase", "TEXT", "Ignored: no private key is read."),
        ),
    ),
    Command(
        "is instance-reinitialize",
        "Make an instance anew from an image or a boot volume.",
        _reinitialize,
        "INSTANCE",
        (
            flag("image", "IMAGE", "ID or name of the image.", also=("image-id",)),
            flag("boot-volume", "JSON|@FILE", "Boot volume attachment.", kind="json"),
            flag("keys", "LIST", "IDs or names of SSH keys.", kind="list"),
            flag("user-data", "DATA|@FILE", "User data.", kind="file"),
            flag("default-trusted-profile", "PROFILE", "ID, CRN or name of the default trusted profile."),
            flag("default-trusted-profile-auto-link", "true|false", "Whether the profile is linked."),
            FORCE,
        ),
        any_of=(("image", "boot-volume"),),
    ),
    Command(
        "is instance-console",
        "Talk to an instance by its serial console, or get the address of its screen.",
        _console,
        "INSTANCE",
        (flag("vnc", text="The address of the screen (VNC) instead."),),
        output=False,
    ),
)
