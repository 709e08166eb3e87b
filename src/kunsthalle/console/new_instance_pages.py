"""Creating an instance: first what it boots from, then a form that shows only what goes with that."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from kunsthalle.console.api_client import Refused, segment
from kunsthalle.console.catalog_pages import BASE, versions_of
from kunsthalle.console.forms import Form, number
from kunsthalle.console.listing import Linked, Offsets, Row, everything
from kunsthalle.console.offering_pages import owner_of, state_of
from kunsthalle.console.page_frame import Page, Visit, form
from kunsthalle.console.placement_group_pages import choices_of_groups
from kunsthalle.console.root_key_pages import choices_of_keys
from kunsthalle.core.records import dataclass

BOOTABLE = frozenset({"available", "deprecated"})
CATALOG_ARCHITECTURE = "amd64"
"""Images of catalogs are of this architecture alone (R1)."""
_BOOT = "boot_volume_attachment.volume"
Options = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Source:
    """What a server is to boot from: `key` names it in forms, `body` says it to the API.

    `architecture` and `image` narrow the profiles; `least` is the smallest boot volume in GB, where that is known.
    """

    key: str
    label: str
    body: Row
    architecture: str
    image: str = ""
    least: int = 0
    deprecated: bool = False


def _of_image(image: Row) -> Source:
    label = f"{image['name']}: {image['operating_system']['display_name']}"
    architecture, least = image["operating_system"]["architecture"], image.get("minimum_provisioned_size", 0)
    body, old = {"image": {"id": image["id"]}}, image["status"] == "deprecated"
    return Source(f"image {image['id']}", label, body, architecture, image["id"], least, old)


def _of_version(offering: Row, version: Row, own: bool) -> Source:
    label = f"{offering['label']} {version['version']}" + ("" if own else f" of account {owner_of(offering)}")
    body = {"catalog_offering": {"version": {"crn": version["crn"]}}}
    old = state_of(version) == "deprecated"
    return Source(f"version {version['crn']}", label, body, CATALOG_ARCHITECTURE, deprecated=old)


def _of_snapshot(snapshot: Row) -> Source:
    body = {"boot_volume_attachment": {"volume": {"source_snapshot": {"id": snapshot["id"]}}}}
    architecture = snapshot.get("operating_system", {}).get("architecture", CATALOG_ARCHITECTURE)
    return Source(f"snapshot {snapshot['id']}", snapshot["name"], body, architecture, "", snapshot["minimum_capacity"])


async def sources(visit: Visit) -> dict[str, list[Source]]:
    """Everything that this account can boot from now, by kind."""
    api, here = visit.api, visit.session.active if visit.session else ""
    images, _ = await everything(api, Linked("/v1/images", "images"))
    offerings, _ = await everything(api, Offsets(f"{BASE}/offerings", fixed=(("digest", "true"),)))
    snapshots, _ = await everything(api, Linked("/v1/snapshots", "snapshots"))
    versions = [(offering, version) for offering in offerings for version in versions_of(offering)]
    return {
        "Own and stock images": [_of_image(image) for image in images if image["status"] in BOOTABLE],
        "Catalog images": [
            _of_version(entry, version, owner_of(entry) == here)
            for entry, version in versions
            if state_of(version) in {"published", "deprecated"}
        ],
        "Snapshots": [
            _of_snapshot(snapshot)
            for snapshot in snapshots
            if snapshot["bootable"] and snapshot["lifecycle_state"] == "stable"
        ],
    }


def chosen(offered: dict[str, list[Source]], key: str) -> Source | None:
    return next((entry for kind in offered.values() for entry in kind if entry.key == key), None)


async def profiles(visit: Visit, source: Source) -> Options:
    """The profiles that go with a source, the smallest first, which is preselected."""
    every, _ = await everything(visit.api, Linked("/v1/instance/profiles", "profiles"))
    fitting = [entry for entry in every if source.architecture in entry["os_architecture"]["values"]]
    if source.image:
        path = f"/v1/images/{segment(source.image)}/instance_profiles"
        names = {entry["name"] for entry in (await everything(visit.api, Linked(path, "instance_profiles")))[0]}
        fitting = [entry for entry in fitting if entry["name"] in names]
    fitting.sort(key=lambda entry: (entry["vcpu_count"]["value"], entry["memory"]["value"], entry["name"]))
    return [(entry["name"], _profile(entry)) for entry in fitting]


def _profile(row: Row) -> str:
    return f"{row['name']}: {row['vcpu_count']['value']} vCPU, {row['memory']['value']} GiB"


async def subnets(visit: Visit) -> list[Row]:
    """The subnets that have an address left."""
    every, _ = await everything(visit.api, Linked("/v1/subnets", "subnets"))
    return [entry for entry in every if entry["status"] == "available" and entry["available_ipv4_address_count"] > 0]


def subnet_options(rows: list[Row]) -> Options:
    return [
        (row["id"], f"{row['vpc']['name']}, {row['zone']['name']}: {row['name']} ({row['ipv4_cidr_block']})")
        for row in rows
    ]


async def keys(visit: Visit) -> Options:
    every, _ = await everything(visit.api, Linked("/v1/keys", "keys"))
    return [(entry["id"], f"{entry['name']} ({entry['type']})") for entry in every]


async def prototype(visit: Visit, filled: Form, source: Source) -> Row:
    """What the form asks for, as the API is told it: VPC and zone follow from the subnet."""
    body = {**filled.body("name", "profile.name", "placement_target.id", "user_data"), **source.body}
    subnet = next((entry for entry in await subnets(visit) if entry["id"] == filled.get("subnet")), None)
    if subnet is None:
        raise Refused(400, "bad_request", "Choose a subnet that has an address left.", "subnet")
    body |= {"vpc": {"id": subnet["vpc"]["id"]}, "zone": {"name": subnet["zone"]["name"]}}
    body["primary_network_interface"] = {"subnet": {"id": subnet["id"]}}
    body["keys"] = [{"id": row} for row in filled.all("keys")]
    volume = {**body.get("boot_volume_attachment", {}).get("volume", {}), **_boot_volume(filled)}
    return {**body, "boot_volume_attachment": {"volume": volume}} if volume else body


def _boot_volume(filled: Form) -> Row:
    """What the form asks of the boot volume: its size, and the root key that encrypts it."""
    size, key = filled.get(f"{_BOOT}.capacity"), filled.get(f"{_BOOT}.encryption_key.crn")
    asked: Row = {"capacity": number(size)} if size else {}
    return {**asked, "encryption_key": {"crn": key}} if key else asked


async def form_values(visit: Visit, filled: Form) -> dict[str, Any]:
    """What the form of an instance, or of a template of instances, shows."""
    offered = await sources(visit)
    key = filled.get("source") or visit.query.get("source", "")
    source = chosen(offered, key)
    fits: dict[str, Any] = {"profiles": [], "subnets": [], "keys": [], "root_keys": [], "placement_groups": []}
    if source is not None:
        options = subnet_options(await subnets(visit))
        root_keys = await choices_of_keys(visit.api)
        ssh_keys = await keys(visit)
        fits = {
            "profiles": await profiles(visit, source),
            "subnets": options,
            "keys": ssh_keys,
            "root_keys": root_keys,
            "placement_groups": await choices_of_groups(visit),
        }
    return {"offered": offered, "source": source, "lost": bool(key) and source is None, **fits}


async def wanted(visit: Visit, filled: Form) -> Row:
    """The prototype that a sent form means; a source that is not offered (any more) is refused."""
    source = chosen(await sources(visit), filled.get("source"))
    if source is None:
        raise Refused(400, "bad_request", "Choose an image, version or snapshot.", "source")
    return await prototype(visit, filled, source)


async def _new_page(visit: Visit, filled: Form) -> Response:
    told = {"title": "Create instance", "back": "/instances", "entry": "/instances", "what": "server"}
    return visit.form_page("instances/new.html", filled, **told, **await form_values(visit, filled))


async def _new(visit: Visit, filled: Form) -> Response:
    made = await visit.api.send("POST", "/v1/instances", await wanted(visit, filled))
    return visit.to(f"/instances/{segment(made['id'])}", "The instance is being created.", "info")


PAGES: tuple[Page, ...] = form("/instances/new", _new_page, _new, "POST /v1/instances")
