"""What the VPC API holds, as the command line shows it: columns of lists and fields of detail views (cli.md 3)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.printed_tables import ID_NAME, Field, IfAny, look, names, nested, when
from kunsthalle.ibmcloud.resource_commands import CREATED, RESOURCE_GROUP, Resource

GROUP_TABLE: Field = ("Resource group", nested("resource_group", *ID_NAME))
ID: Field = ("ID", "id")
NAMED: Field = ("Name", "name")
STATUS: Field = ("Status", "status")
CRN: Field = ("CRN", "crn")

ALLOWED_USE: tuple[Field, ...] = (
    ("Allowed Use API Version", "allowed_use.api_version"),
    ("Allowed Use Bare Metal Server", "allowed_use.bare_metal_server"),
    ("Allowed Use Instance", "allowed_use.instance"),
)


def _managed(image: Any) -> str | None:
    resource = look(image, "catalog_offering.managed")
    return "managed" if resource else None


OPERATING_SYSTEM = Resource(
    "operating system",
    "operating systems",
    "/v1/operating_systems",
    "operating_systems",
    (
        NAMED,
        ("Display name", "display_name"),
        ("Family", "family"),
        ("Vendor", "vendor"),
        ("Version", "version"),
        ("Architecture", "architecture"),
        ("Dedicated host only", "dedicated_host_only"),
    ),
    (
        NAMED,
        ("Display name", "display_name"),
        ("Family", "family"),
        ("Vendor", "vendor"),
        ("Version", "version"),
        ("Architecture", "architecture"),
        ("Dedicated host only", "dedicated_host_only"),
        ("User Data Format", "user_data_format"),
    ),
    by_name=True,
)

IMAGE = Resource(
    "image",
    "images",
    "/v1/images",
    "images",
    (
        ID,
        NAMED,
        STATUS,
        ("Arch", "operating_system.architecture"),
        ("OS name", "operating_system.name"),
        ("OS version", "operating_system.version"),
        ("File size(GB)", "file.size"),
        ("Visibility", "visibility"),
        ("Encryption", "encryption"),
        RESOURCE_GROUP,
        ("Catalog Offering", _managed),
        ("User Data Format", "user_data_format"),
        ("Remote Account ID", lambda image: look(image, "remote.account.id") or " "),  # empty for one's own
    ),
    (
        ID,
        NAMED,
        CRN,
        STATUS,
        ("Status reasons", IfAny(nested("status_reasons", ("Code", "code"), ("Message", "message")))),
        (
            "Operating system",
            nested(
                "operating_system",
                ("Name", "name"),
                ("Architecture", "architecture"),
                ("Vendor", "vendor"),
                ("Version", "version"),
                ("Dedicated host only", "dedicated_host_only"),
            ),
        ),
        ("Source volume", nested("source_volume", *ID_NAME)),
        CREATED,
        ("Deprecation Date", when("deprecation_at")),
        ("Obsolescence Date", when("obsolescence_at")),
        ("Visibility", "visibility"),
        ("Minimum provisioned size(GB)", "minimum_provisioned_size"),
        ("SHA256 Checksum", "file.checksums.sha256"),
        ("File size(GB)", "file.size"),
        ("Encryption", "encryption"),
        RESOURCE_GROUP,
        ("Resource type", "resource_type"),
        ("Catalog Offering Managed", "catalog_offering.managed"),
        ("User Data Format", "user_data_format"),
        ("Remote Account ID", "remote.account.id"),
        ("Zones", names("zones")),
        *ALLOWED_USE,
    ),
    grouped=True,
)

KEY = Resource(
    "key",
    "keys",
    "/v1/keys",
    "keys",
    (
        ID,
        NAMED,
        ("Type", "type"),
        ("Length", "length"),
        ("FingerPrint", lambda key: str(key.get("fingerprint", ""))[:16] + ".."),
        RESOURCE_GROUP,
    ),
    (
        ID,
        NAMED,
        CRN,
        ("Type", "type"),
        ("Length", "length"),
        ("FingerPrint", "fingerprint"),
        ("Public key", "public_key"),
        RESOURCE_GROUP,
        CREATED,
    ),
    grouped=True,
)

PLACEMENT_GROUP = Resource(
    "placement group",
    "placement groups",
    "/v1/placement_groups",
    "placement_groups",
    (ID, NAMED, ("Strategy", "strategy"), ("Lifecycle state", "lifecycle_state"), RESOURCE_GROUP),
    (
        ID,
        NAMED,
        CRN,
        ("Strategy", "strategy"),
        ("Lifecycle state", "lifecycle_state"),
        RESOURCE_GROUP,
        ("Resource type", "resource_type"),
        CREATED,
    ),
    grouped=True,
)

VPC = Resource(
    "vpc",
    "vpcs",
    "/v1/vpcs",
    "vpcs",
    (
        ID,
        NAMED,
        STATUS,
        ("Classic access", "classic_access"),
        ("Default network ACL", "default_network_acl.name"),
        ("Default security group", "default_security_group.name"),
        RESOURCE_GROUP,
    ),
    (
        ID,
        NAMED,
        CRN,
        STATUS,
        ("Classic access", "classic_access"),
        CREATED,
        ("Default network ACL", nested("default_network_acl", *ID_NAME)),
        ("Default security group", nested("default_security_group", *ID_NAME)),
        ("Default routing table", nested("default_routing_table", *ID_NAME)),
        GROUP_TABLE,
        ("Health state", "health_state"),
    ),
    grouped=True,
)

SUBNET = Resource(
    "subnet",
    "subnets",
    "/v1/subnets",
    "subnets",
    (
        ID,
        NAMED,
        STATUS,
        ("Subnet CIDR", "ipv4_cidr_block"),
        (
            "Addresses",
            lambda subnet: f"{subnet.get('available_ipv4_address_count')}/{subnet.get('total_ipv4_address_count')}",
        ),
        ("ACL", "network_acl.name"),
        ("Public Gateway", "public_gateway.name"),
        ("VPC", "vpc.name"),
        ("Zone", "zone.name"),
        RESOURCE_GROUP,
    ),
    (
        ID,
        NAMED,
        CRN,
        STATUS,
        ("IPv4 CIDR", "ipv4_cidr_block"),
        ("Address available", "available_ipv4_address_count"),
        ("Address total", "total_ipv4_address_count"),
        CREATED,
        ("ACL", nested("network_acl", *ID_NAME)),
        ("Routing table", nested("routing_table", *ID_NAME)),
        ("Public Gateway", nested("public_gateway", *ID_NAME)),
        ("VPC", nested("vpc", *ID_NAME)),
        ("Zone", "zone.name"),
        GROUP_TABLE,
    ),
    grouped=True,
)

VOLUME = Resource(
    "volume",
    "volumes",
    "/v1/volumes",
    "volumes",
    (
        ID,
        NAMED,
        STATUS,
        ("Capacity", "capacity"),
        ("IOPS", "iops"),
        ("Profile", "profile.name"),
        ("Attachment state", "attachment_state"),
        ("Attachment type", "volume_attachments.0.type"),
        ("Zone", "zone.name"),
        RESOURCE_GROUP,
        ("Catalog Offering Version", "catalog_offering.version.crn"),
        ("Catalog Offering Plan", "catalog_offering.plan.crn"),
        ("Storage Generation", "storage_generation"),
    ),
    (
        ID,
        NAMED,
        CRN,
        STATUS,
        ("Attachment state", "attachment_state"),
        ("Capacity", "capacity"),
        ("IOPS", "iops"),
        ("Bandwidth(Mbps)", "bandwidth"),
        ("Profile", "profile.name"),
        ("Encryption key", "encryption_key.crn"),
        ("Encryption", "encryption"),
        RESOURCE_GROUP,
        CREATED,
        ("Zone", "zone.name"),
        ("Health State", "health_state"),
        (
            "Volume Attachment Instance Reference",
            nested(
                "volume_attachments",
                ("Attachment type", "type"),
                ("Instance ID", "instance.id"),
                ("Instance name", "instance.name"),
                ("Auto delete", "delete_volume_on_instance_delete"),
                ("Attachment ID", "id"),
                ("Attachment name", "name"),
            ),
        ),
        ("Operating system", IfAny("operating_system.name")),
        ("Source image", IfAny(nested("source_image", *ID_NAME))),
        ("Source snapshot", IfAny(nested("source_snapshot", *ID_NAME))),
        ("Active", "active"),
        ("Adjustable Capacity States", "adjustable_capacity_states"),
        ("Adjustable IOPS States", "adjustable_iops_states"),
        ("Busy", "busy"),
        ("Tags", "user_tags"),
        (
            "Catalog Offering",
            IfAny(nested("catalog_offering", ("Version CRN", "version.crn"), ("Plan CRN", "plan.crn"))),
        ),
        ("Storage Generation", "storage_generation"),
        *ALLOWED_USE,
    ),
    grouped=True,
)

_REFERENCE: tuple[Field, ...] = (
    ID,
    NAMED,
    ("Remote Region", "remote.region.name"),
    CRN,
    ("Resource type", "resource_type"),
)

SNAPSHOT = Resource(
    "snapshot",
    "snapshots",
    "/v1/snapshots",
    "snapshots",
    (
        ID,
        NAMED,
        ("Status", "lifecycle_state"),
        ("Source volume", "source_volume.name"),
        ("Bootable", "bootable"),
        RESOURCE_GROUP,
        CREATED,
        ("Catalog Offering Version", "catalog_offering.version.crn"),
        ("Catalog Offering Plan", "catalog_offering.plan.crn"),
        ("Storage Generation", "storage_generation"),
    ),
    (
        ID,
        NAMED,
        CRN,
        ("Status", "lifecycle_state"),
        ("Clones", nested("clones", ("Zone", "zone.name"), ("Available", "available"), CREATED)),
        ("Source volume", nested("source_volume", *_REFERENCE)),
        ("Backup policy plan", "backup_policy_plan.name"),
        ("Snapshot Copies", nested("copies", *_REFERENCE)),
        ("Bootable", "bootable"),
        ("Encryption", "encryption"),
        ("Encryption key", "encryption_key.crn"),
        ("Source Snapshot", nested("source_snapshot", *_REFERENCE)),
        ("Minimum capacity(GB)", "minimum_capacity"),
        ("Size(GB)", "size"),
        ("Source Image", nested("source_image", *_REFERENCE)),
        (
            "Operating system",
            nested(
                "operating_system",
                NAMED,
                ("Vendor", "vendor"),
                ("Version", "version"),
                ("Family", "family"),
                ("Architecture", "architecture"),
                ("Display name", "display_name"),
            ),
        ),
        GROUP_TABLE,
        CREATED,
        ("Captured at", when("captured_at")),
        ("Tags", "user_tags"),
        ("Service Tags", "service_tags"),
        ("Storage Generation", "storage_generation"),
        *ALLOWED_USE,
    ),
    grouped=True,
)

BARE_METAL_PROFILE = Resource(
    "bare metal server profile",
    "bare metal server profiles",
    "/v1/bare_metal_server/profiles",
    "profiles",
    (
        NAMED,
        ("Family", "family"),
        ("Architecture", "cpu_architecture.value"),
        ("CPU cores", "cpu_core_count.value"),
        ("CPU sockets", "cpu_socket_count.value"),
        ("Memory(GiB)", "memory.value"),
        ("Bandwidth(Mbps)", "bandwidth.value"),
    ),
    (
        NAMED,
        ("Family", "family"),
        ("Architecture", "cpu_architecture.value"),
        ("CPU cores", "cpu_core_count.value"),
        ("CPU sockets", "cpu_socket_count.value"),
        ("Memory(GiB)", "memory.value"),
        ("Bandwidth(Mbps)", "bandwidth.value"),
        ("Resource type", "resource_type"),
    ),
    by_name=True,
)
