"""`is bare-metal-servers` (cli.md 3.4). No flags for catalogs: their images cannot be used with bare metal."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.commands.named_documents import each, interface_document, reserved_ip, vlans
from kunsthalle.ibmcloud.commands.network_resources import SECURITY_GROUP, VNI
from kunsthalle.ibmcloud.commands.vpc_resources import (
    BARE_METAL_PROFILE,
    CRN,
    GROUP_TABLE,
    ID,
    IMAGE,
    KEY,
    NAMED,
    STATUS,
    SUBNET,
    VPC,
)
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import ID_NAME, Field, nested
from kunsthalle.ibmcloud.resource_commands import (
    CREATED,
    NAME,
    RESOURCE_GROUP,
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
    references,
    shows,
    view_part,
)

SERVER = Resource(
    "bare metal server",
    "bare metal servers",
    "/v1/bare_metal_servers",
    "bare_metal_servers",
    (
        ID,
        NAMED,
        STATUS,
        ("Profile", "profile.name"),
        ("Zone", "zone.name"),
        ("VPC", "vpc.name"),
        RESOURCE_GROUP,
    ),
    (
        ID,
        NAMED,
        CRN,
        STATUS,
        ("Profile", "profile.name"),
        ("Architecture", "cpu.architecture"),
        ("CPU cores", "cpu.core_count"),
        ("CPU sockets", "cpu.socket_count"),
        ("Memory(GiB)", "memory"),
        ("Bandwidth(Mbps)", "bandwidth"),
        ("Lifecycle State", "lifecycle_state"),
        ("Enable Secure Boot", "enable_secure_boot"),
        ("Trusted platform module", nested("trusted_platform_module", ("Mode", "mode"), ("Enabled", "enabled"))),
        ("Boot target", nested("boot_target", *ID_NAME)),
        ("VPC", nested("vpc", *ID_NAME)),
        ("Zone", "zone.name"),
        GROUP_TABLE,
        CREATED,
        (
            "Network Interfaces",
            nested(
                "network_interfaces",
                *ID_NAME,
                ("Subnet", "subnet.name"),
                ("Reserved IP", "primary_ip.address"),
            ),
        ),
    ),
    grouped=True,
)

_INITIALIZATION: tuple[Field, ...] = (
    ("Image", nested("image", *ID_NAME)),
    ("Keys", nested("keys", ("ID", "id"), ("Name", "name"), ("FingerPrint", "fingerprint"))),
    ("User accounts", nested("user_accounts", ("User name", "username"), ("Encrypted password", "encrypted_password"))),
)

_IMAGE = flag("image", "IMAGE", "ID or name of the image.", also=("image-id",), required=True)
_KEYS = flag("keys", "LIST", "IDs or names of SSH keys.", kind="list", required=True)
_USER_DATA = flag("user-data", "DATA|@FILE", "User data.", kind="file")
_SECURE = flag("enable-secure-boot", "true|false", "Whether secure boot is enabled.")
_TPM = flag("tpm-mode", text="Trusted platform module.", choices=("tpm_2", "disabled"))


def _values(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        image=reference(run, IMAGE, options.get("image")),
        keys=references(run, KEY, options.get("keys")),
        user_data=options.get("user-data"),
    )


def _settings(run: Run) -> dict[str, Any]:
    mode = run.given.get("tpm-mode")
    return filled(
        enable_secure_boot=run.given.get("enable-secure-boot"),
        trusted_platform_module={"mode": mode} if mode else None,
    )


def _network(run: Run) -> dict[str, Any]:
    options = run.given
    if options.has("pnac-vni"):
        interface: dict[str, Any] = reference(run, VNI, options.get("pnac-vni"))
        return {"primary_network_attachment": {"virtual_network_interface": interface}}
    if options.has("pnac-vni-subnet"):
        subnet = {"subnet": reference(run, SUBNET, options.get("pnac-vni-subnet"))}
        return {"primary_network_attachment": {"virtual_network_interface": subnet}}
    groups = references(run, SECURITY_GROUP, options.get("pnic-sgs") or ())
    primary = filled(
        name=options.get("pnic-name"),
        subnet=reference(run, SUBNET, options.get("pnic-subnet")),
        primary_ip=reserved_ip(run, options.get("pnic-subnet"), "pnic-rip"),
        security_groups=groups or None,
        allowed_vlans=vlans(run, "pnic-allowed-vlans"),
        enable_infrastructure_nat=options.get("pnic-ein"),
        allow_ip_spoofing=options.get("pnic-ais"),
    )
    return filled(
        primary_network_interface=primary,
        network_interfaces=each(run, options.get("network-interfaces"), interface_document),
    )


def _server(run: Run) -> dict[str, Any]:
    options = run.given
    return filled(
        name=options.get("name"),
        zone={"name": options.get("zone")},
        profile={"name": options.get("profile")},
        vpc=reference(run, VPC, options.get("vpc")) if options.has("vpc") else None,
        initialization=_values(run),
        **_network(run),
        **_settings(run),
        resource_group=group_of(run),
    )


_PRIMARY_IP = (
    flag("pnic-rip", "RESERVED_IP", "ID or name of the reserved IP of the primary network interface."),
    flag("pnic-rip-address", "IP", "Address to reserve for the primary network interface."),
    flag("pnic-rip-auto-delete", "true|false", "Whether the reserved IP ends with the interface."),
    flag("pnic-rip-name", "NAME", "Name of the reserved IP."),
)
_DOING = {"start": "Starting", "stop": "Stopping", "restart": "Restarting"}


def _act(run: Run, verb: str) -> None:
    ref = run.given[SERVER.label()]
    if verb != "start" and not run.confirmed(f"This will {verb} bare metal server {ref}. Continue"):
        return
    run.progress(_DOING[verb], f"bare metal server {ref}")
    body = {"type": run.given.get("type") or "soft"} if verb == "stop" else None
    run.api.post(f"{place(run, SERVER, ref)}/{verb}", body)
    run.done(f"The request to {verb} bare metal server {ref} has been accepted.")


def _replace(run: Run) -> None:
    ref = run.given[SERVER.label()]
    run.progress("Replacing", f"initialization of bare metal server {ref}")
    path = f"{place(run, SERVER, ref)}/initialization"
    run.detail(run.api.call("PUT", path, _values(run)).body, _INITIALIZATION)


COMMANDS = (
    lists(
        SERVER,
        "bare-metal-servers",
        Filter("vpc", "vpc.id", "VPC", "ID or name of the VPC.", of=VPC),
        Filter("reservation", "reservation.id", "ID", "ID of the reservation."),
        also=("is bms",),
    ),
    shows(SERVER, "bare-metal-server", also=("is bm",)),
    lists(BARE_METAL_PROFILE, "bare-metal-server-profiles"),
    shows(BARE_METAL_PROFILE, "bare-metal-server-profile"),
    makes(
        SERVER,
        "bare-metal-server-create",
        "",
        flag("zone", "ZONE", "Name of the zone.", required=True),
        flag("profile", "PROFILE", "Name of the profile.", required=True),
        _IMAGE,
        _KEYS,
        flag("pnic-subnet", "SUBNET", "Subnet of the primary network interface."),
        flag("pnic-name", "NAME", "Name of the primary network interface."),
        *_PRIMARY_IP,
        flag("pnic-sgs", "LIST", "Security groups of the primary network interface.", kind="list"),
        flag("pnic-allowed-vlans", "LIST", "VLAN IDs and ranges of them, for VLAN interfaces on it."),
        flag("pnic-ein", "true|false", "Whether NAT is done by the infrastructure."),
        flag("pnic-ais", "true|false", "Whether source IP spoofing is allowed."),
        flag("network-interfaces", "JSON|@FILE", "List of further network interfaces.", kind="json"),
        flag("interactive", text="Ignored: nothing is asked.", also=("i",)),
        flag("pnac-vni", "VNI", "Virtual network interface of the primary attachment."),
        flag("pnac-vni-subnet", "SUBNET", "Subnet of a new virtual network interface."),
        flag("name", "NAME", "Name of the server."),
        flag("vpc", "VPC", "ID or name of the VPC."),
        _USER_DATA,
        _SECURE,
        _TPM,
        body=_server,
        alone=(("pnic-subnet", "pnac-vni", "pnac-vni-subnet"), ("pnic-rip", "pnic-rip-address")),
        any_of=(("pnic-subnet", "pnac-vni", "pnac-vni-subnet"),),
    ),
    changes(
        SERVER,
        "bare-metal-server-update",
        NAME,
        _SECURE,
        _TPM,
        body=lambda run: {**filled(name=run.given.get("name")), **_settings(run)},
    ),
    deletes(SERVER, "bare-metal-server-delete"),
    Command(
        "is bare-metal-server-initialization-values",
        "View what a bare metal server was initialized with.",
        partial(
            view_part,
            owner=SERVER,
            path="initialization",
            fields=_INITIALIZATION,
            noun="initialization values",
        ),
        SERVER.label(),
        (
            flag("private-key", "KEY|@FILE", "Ignored: a password is shown as it is encrypted.", kind="file"),
            flag("private-key-passphrase", "TEXT", "Ignored: no private key is read."),
        ),
    ),
    Command(
        "is bare-metal-server-initialization-replace",
        "Replace what a bare metal server is initialized with.",
        _replace,
        SERVER.label(),
        (_IMAGE, _KEYS, _USER_DATA),
    ),
    Command(
        "is bare-metal-server-start",
        "Start a bare metal server.",
        partial(_act, verb="start"),
        SERVER.label(),
        output=False,
    ),
    Command(
        "is bare-metal-server-stop",
        "Stop a bare metal server.",
        partial(_act, verb="stop"),
        SERVER.label(),
        (flag("type", text="How it is stopped.", choices=("soft", "hard")), FORCE),
        output=False,
    ),
    Command(
        "is bare-metal-server-restart",
        "Restart a bare metal server.",
        partial(_act, verb="restart"),
        SERVER.label(),
        (FORCE,),
        output=False,
    ),
)
