"""Servers and templates as they are shown (cli.md 3.2, 3.3), and how they are named."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.vpc_resources import CRN, GROUP_TABLE, ID, NAMED, STATUS
from kunsthalle.ibmcloud.printed_tables import ID_NAME, Field, IfAny, look, names, nested
from kunsthalle.ibmcloud.resource_commands import CREATED, RESOURCE_GROUP, Resource


def _interfaces(server: Any) -> list[dict[str, Any]]:
    """The interfaces, the primary one first, with what the list of interfaces alone would say beside them."""
    primary = look(server, "primary_network_interface.id")
    network_interfaces = [dict(network_interface) for network_interface in server.get("network_interfaces") or ()]
    for network_interface in network_interfaces:
        network_interface["kind"] = "Primary" if network_interface.get("id") == primary else "Secondary"
    return sorted(network_interfaces, key=lambda network_interface: str(network_interface["kind"]))


def _disk(attachment: Any) -> Any:
    """The name of an attachment's volume; a volume that is being made has none yet."""
    return look(attachment, "volume.name") or "PROVISIONING"


def _boot(server: Any) -> Any:
    return server.get("boot_volume_attachment")


def _data(server: Any) -> list[Any]:
    boot = look(server, "boot_volume_attachment.id")
    return [
        volume_attachment
        for volume_attachment in server.get("volume_attachments") or ()
        if volume_attachment.get("id") != boot
    ]


_VOLUMES: tuple[Field, ...] = (
    ("ID", "volume.id"),
    ("Name", _disk),
    ("Attachment ID", "id"),
    ("Attachment name", "name"),
)

_INTERFACES: Field = (
    "Network Interfaces",
    nested(
        _interfaces,
        ("Interface", "kind"),
        ("Name", "name"),
        ("ID", "id"),
        ("Subnet", "subnet.name"),
        ("Subnet ID", "subnet.id"),
        ("Floating IP", names("floating_ips", "address")),
        ("Security Groups", names("security_groups")),
        ("Allow source IP spoofing", "allow_ip_spoofing"),
        ("Reserved IP", "primary_ip.address"),
    ),
)

_FIRST: tuple[Field, ...] = (
    ID,
    NAMED,
    CRN,
    STATUS,
    ("Availability policy on host failure", "availability_policy.host_failure"),
    ("Startable", "startable"),
    ("Profile", "profile.name"),
    ("Architecture", "vcpu.architecture"),
    ("vCPU Manufacturer", "vcpu.manufacturer"),
    ("vCPUs", "vcpu.count"),
    ("Memory(GiB)", "memory"),
    ("Bandwidth(Mbps)", "bandwidth"),
    ("Volume bandwidth(Mbps)", "total_volume_bandwidth"),
    ("Network bandwidth(Mbps)", "total_network_bandwidth"),
    ("Lifecycle Reasons", nested("lifecycle_reasons", ("Code", "code"), ("Message", "message"))),
    ("Lifecycle State", "lifecycle_state"),
    (
        "Metadata service",
        nested(
            "metadata_service",
            ("Enabled", "enabled"),
            ("Protocol", "protocol"),
            ("Response hop limit", "response_hop_limit"),
        ),
    ),
    ("Image", nested("image", *ID_NAME)),
    ("VPC", nested("vpc", *ID_NAME)),
    ("Zone", "zone.name"),
    GROUP_TABLE,
    CREATED,
)
_LAST: tuple[Field, ...] = (
    ("Boot volume", nested(_boot, *_VOLUMES)),
    ("Data volumes", IfAny(nested(_data, *_VOLUMES))),
    ("Catalog Offering", IfAny(nested("catalog_offering", ("Version CRN", "version.crn"), ("Plan CRN", "plan.crn")))),
)

INSTANCE = Resource(
    "instance",
    "instances",
    "/v1/instances",
    "instances",
    (
        ID,
        NAMED,
        STATUS,
        ("Reserved IP", "primary_network_interface.primary_ip.address"),
        ("Floating IP", "floating_ip"),
        ("Profile", "profile.name"),
        ("Image", "image.name"),
        ("VPC", "vpc.name"),
        ("Zone", "zone.name"),
        ("Confidential Compute Mode", "confidential_compute_mode"),
        ("Enable Secure Boot", "enable_secure_boot"),
        RESOURCE_GROUP,
        ("Reservation Name", "reservation.name"),
        ("Cluster Network ID", "cluster_network.id"),
        ("Cluster Network Name", "cluster_network.name"),
        ("Cluster Network Attachments", names("cluster_network_attachments")),
    ),
    (*_FIRST, _INTERFACES, *_LAST),
    grouped=True,
)
CREATE_REPLY = (*_FIRST, *_LAST)
"""What `instance-create` shows: no interfaces yet (cli.md 3.2)."""

_SOURCE: tuple[Field, ...] = (
    ("Image", lambda template: None if template.get("catalog_offering") else look(template, "image.id")),
    (
        "Catalog Offering",
        IfAny(
            nested(
                "catalog_offering",
                ("Offering CRN", "offering.crn"),
                ("Version CRN", "version.crn"),
                ("Plan CRN", "plan.crn"),
            )
        ),
    ),
)

TEMPLATE = Resource(
    "instance template",
    "instance templates",
    "/v1/instance/templates",
    "templates",
    (
        ID,
        NAMED,
        ("Image", "image.id"),
        ("VPC", "vpc.id"),
        ("Zone", "zone.name"),
        ("Profile", "profile.name"),
        RESOURCE_GROUP,
    ),
    (
        ID,
        NAMED,
        CRN,
        RESOURCE_GROUP,
        _SOURCE[0],
        _SOURCE[1],
        ("VPC", "vpc.id"),
        ("Zone", "zone.name"),
        ("Profile", "profile.name"),
        (
            "Boot volume",
            nested(
                "boot_volume_attachment",
                ("Name", "volume.name"),
                ("Capacity", "volume.capacity"),
                ("Profile", "volume.profile.name"),
                ("IOPS", "volume.iops"),
                ("Attachment name", "name"),
                ("Auto delete", "delete_volume_on_instance_delete"),
                ("Tags", "volume.user_tags"),
            ),
        ),
        (
            "Primary Network Interface",
            nested(
                "primary_network_interface",
                ("Name", "name"),
                ("Subnet ID", "subnet.id"),
                ("Security Groups", names("security_groups", "id")),
                ("Allow source IP spoofing", "allow_ip_spoofing"),
                ("Reserved IP", "primary_ip.address"),
            ),
        ),
        (
            "Primary Network Attachment",
            IfAny(
                nested(
                    "primary_network_attachment",
                    ("Name", "name"),
                    ("VNI ID", "virtual_network_interface.id"),
                    ("Subnet ID", "virtual_network_interface.subnet.id"),
                )
            ),
        ),
        ("Placement", nested("placement_target", ("ID", "id"))),
        CREATED,
    ),
    grouped=True,
)
