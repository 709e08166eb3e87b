"""Bare metal servers: the list, creating one, starting, stopping, deleting. They are simulated, and say so."""

from __future__ import annotations

from collections.abc import Sequence

from kunsthalle.console import refusals
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Linked, Row, everything
from kunsthalle.console.network_pages import OF_VPC, by_vpc
from kunsthalle.console.new_instance_pages import keys, subnet_options, subnets
from kunsthalle.console.page_frame import Visit
from kunsthalle.console.resource_shapes import (
    CREATED,
    CRN,
    GROUP,
    ID,
    NAME,
    NAME_INPUT,
    RENAME_INPUT,
    RESOURCE_GROUP,
    Action,
    Input,
    Kind,
    Link,
    Note,
    Option,
    Part,
    Shown,
    linked,
    of_inputs,
)

_API = "/v1/bare_metal_servers/{id}"
_MOVING = frozenset({"pending", "starting", "stopping", "restarting", "deleting", "reinitializing"})


async def _disks(_visit: Visit, server: Row) -> list[Row]:
    return list(server["disks"])


async def _interfaces(_visit: Visit, server: Row) -> list[Row]:
    return list(server["network_interfaces"])


async def _images(visit: Visit, _row: Row) -> Sequence[Option]:
    """Those of a catalog cannot be put on one."""
    rows, _ = await everything(visit.api, Linked("/v1/images", "images", fixed=(("status", "available"),)))
    own = [row for row in rows if not row["catalog_offering"]["managed"]]
    return [(row["id"], f"{row['name']}: {row['operating_system']['display_name']}") for row in own]


async def _profiles(visit: Visit, _row: Row) -> Sequence[Option]:
    rows, _ = await everything(visit.api, Linked("/v1/bare_metal_server/profiles", "profiles"))
    return [(row["name"], row["name"]) for row in rows]


async def _subnets(visit: Visit, _row: Row) -> Sequence[Option]:
    return subnet_options(await subnets(visit))


async def _keys(visit: Visit, _row: Row) -> Sequence[Option]:
    return await keys(visit)


async def _body(visit: Visit, form: Form, _row: Row) -> Row:
    """VPC and zone follow from the subnet, as on the page of a new instance."""
    id_ = form.get("primary_network_interface")
    subnet = next((row for row in await subnets(visit) if row["id"] == id_), {"zone": {"name": ""}})
    image, ssh_keys = form.get("initialization.image"), form.all("initialization.keys")
    return {
        **form.body("name", "profile.name", "resource_group.id"),
        "zone": {"name": subnet["zone"]["name"]},
        "initialization": {"image": {"id": image}, "keys": [{"id": key} for key in ssh_keys]},
        "primary_network_interface": {"subnet": {"id": id_}},
    }


def _notes(row: Row) -> list[Note]:
    told = [Note("info", "Its states and records change. No machine runs.", "The server is simulated")]
    return told + [Note("warning", reason["message"], reason["code"]) for reason in row["status_reasons"]]


async def _soft(_visit: Visit, form: Form, _row: Row) -> Row:
    return {"type": form.get("type")}


BARE_METAL = Kind(
    word="bare metal server",
    plural="bare metal servers",
    trail=("Infrastructure", "Compute"),
    here="/bare-metal-servers/{bare_metal_id}",
    many="GET /v1/bare_metal_servers",
    one=f"GET {_API}",
    source=linked("/v1/bare_metal_servers", "bare_metal_servers"),
    about="A bare metal server is a whole machine. Here it is simulated: its states and records change, nothing runs.",
    empty="Create one to see what an image is used for, and what its deletion waits for.",
    docs="explanation/simulated.html",
    columns=(
        NAME,
        Shown("status", "Status", shape="status"),
        Shown("profile", "Profile", lambda row: row["profile"]["name"]),
        OF_VPC,
        Shown("address", "Address", lambda row: row["primary_network_interface"]["primary_ip"]["address"], "code"),
        Shown("zone", "Zone", lambda row: row["zone"]["name"]),
        CREATED,
    ),
    facts=(
        ID,
        CRN,
        Shown("profile", "Profile", lambda row: row["profile"]["name"]),
        Shown("cpu", "Processor", lambda row: f"{row['cpu']['core_count']} cores, {row['cpu']['architecture']}"),
        Shown("memory", "Memory", lambda row: f"{row['memory']} GiB"),
        OF_VPC,
        Shown("zone", "Zone", lambda row: row["zone"]["name"]),
        GROUP,
        CREATED,
    ),
    create=(
        Action(
            "new",
            "Create bare metal server",
            "POST /v1/bare_metal_servers",
            "The bare metal server is being created.",
            "",
            (
                NAME_INPUT,
                Input("initialization.image", "Image", "select", "", True, _images, "Choose an image"),
                Input("profile.name", "Profile", "select", options=_profiles, required=True),
                Input("primary_network_interface", "Subnet", "select", options=_subnets, required=True),
                Input("initialization.keys", "SSH keys", "several", options=_keys),
                RESOURCE_GROUP,
            ),
            _body,
        ),
    ),
    actions=(
        Action("edit", "Rename", f"PATCH {_API}", "The server is renamed.", "", (RENAME_INPUT,), of_inputs("name")),
        Action(
            "start",
            "Start",
            f"POST {_API}/start",
            "The server is starting.",
            "The server is started.",
            offered=lambda row: row["status"] not in {"starting", "running"},
        ),
        Action(
            "stop",
            "Stop",
            f"POST {_API}/stop",
            "The server is stopping.",
            "",
            (
                Input(
                    "type",
                    "How",
                    "select",
                    options=(("soft", "Soft: the operating system shuts down"), ("hard", "Hard: the power is cut")),
                ),
            ),
            _soft,
            danger=True,
            offered=lambda row: row["status"] not in {"stopping", "stopped"},
        ),
        Action(
            "restart",
            "Restart",
            f"POST {_API}/restart",
            "The server is restarting.",
            "The operating system is started anew.",
        ),
        Action(
            "delete",
            "Delete",
            f"DELETE {_API}",
            "The server is being deleted.",
            "Its disks are erased.",
            danger=True,
            gone=True,
        ),
    ),
    parts=(
        Part(
            "interfaces",
            "Network interfaces",
            "Each has an address of a subnet.",
            "The server has no network interface.",
            _interfaces,
            (
                NAME,
                Shown("address", "Address", lambda row: row["primary_ip"]["address"], "code"),
                Shown(
                    "subnet",
                    "Subnet",
                    lambda row: [Link(row["subnet"]["name"], f"/subnets/{row['subnet']['id']}")],
                    "links",
                ),
            ),
        ),
        Part(
            "disks",
            "Disks",
            "They belong to the machine.",
            "The server has no disk.",
            _disks,
            (NAME, Shown("size", "Capacity", lambda row: f"{row['size']} GB"), Shown("interface_type", "Interface")),
        ),
    ),
    choices=by_vpc,
    rule=refusals.of_bare_metal,
    status="status",
    notes=_notes,
    moving=lambda row: row["status"] in _MOVING,
)
KINDS = (BARE_METAL,)
