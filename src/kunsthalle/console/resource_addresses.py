"""Where a resource is that a CRN names: its page in the console, its path in the API, and the name of its type."""

from __future__ import annotations

from kunsthalle.console.api_client import segment
from kunsthalle.core.records import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A type of resources: its name, the page of one, and the path that the API reads and deletes one by.

    `{id}` is the last part of a CRN, `{above}` the part before it, `{instance}` the instance of the service. '' where
    there is none.
    """

    label: str
    page: str = ""
    api: str = ""


@dataclass(frozen=True, slots=True)
class Address:
    """A resource by its CRN: its place, with the parts of the CRN filled in."""

    crn: str
    label: str
    page: str
    api: str


_CATALOGS = "/api/v1-beta/catalogs/{instance}"
PLACES = {
    ("is", "image"): Place("Image", "/images/custom/{id}", "/v1/images/{id}"),
    ("is", "instance"): Place("Instance", "/instances/{id}", "/v1/instances/{id}"),
    ("is", "instance-template"): Place("Instance template", "/templates/{id}", "/v1/instance/templates/{id}"),
    ("is", "instance-group"): Place("Instance group", "/groups/{id}", "/v1/instance_groups/{id}"),
    ("is", "placement-group"): Place("Placement group", "/placement-groups/{id}", "/v1/placement_groups/{id}"),
    ("is", "bare-metal-server"): Place("Bare metal server", "/bare-metal-servers/{id}", "/v1/bare_metal_servers/{id}"),
    ("is", "volume"): Place("Volume", "/volumes/{id}", "/v1/volumes/{id}"),
    ("is", "snapshot"): Place("Snapshot", "/snapshots/{id}", "/v1/snapshots/{id}"),
    ("is", "vpc"): Place("VPC", "/vpcs/{id}", "/v1/vpcs/{id}"),
    ("is", "subnet"): Place("Subnet", "/subnets/{id}", "/v1/subnets/{id}"),
    ("is", "security-group"): Place("Security group", "/security-groups/{id}", "/v1/security_groups/{id}"),
    ("is", "floating-ip"): Place("Floating IP", "/floating-ips/{id}", "/v1/floating_ips/{id}"),
    ("is", "key"): Place("SSH key", "/ssh-keys/{id}", "/v1/keys/{id}"),
    ("globalcatalog-collection", ""): Place("Catalog", "/catalogs/{instance}"),
    ("globalcatalog-collection", "offering"): Place("Offering", "/catalogs/{instance}/offerings/{id}"),
    ("globalcatalog-collection", "version"): Place("Version", "/catalogs/{instance}/offerings/{above}"),
    ("kms", "key"): Place("Key", "/keys/{instance}/{id}"),
}
"""By the service and the type of a CRN."""


def address_of(crn: str, pages: frozenset[str], kind: str = "") -> Address:
    """Where a CRN leads; to no page where `pages`, the shapes of those that there are, have none.

    `kind` is what the type is called where it is not in the table.
    """
    parts = crn.split(":", 9)
    if len(parts) < 10:
        return Address(crn, kind, "", "")
    service, instance, type_, resource = parts[4], parts[7], parts[8], parts[9]
    place = PLACES.get((service, type_), Place(kind.replace("-", " ").capitalize()))
    above, _, last = resource.rpartition("/")
    values = {"id": segment(last), "above": segment(above), "instance": segment(instance)}
    page = place.page.format(**values) if shape(place.page) in pages else ""
    return Address(crn, place.label, page, place.api.format(**values))


def shape(path: str) -> str:
    """A page's path without the names of what is in it."""
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))
