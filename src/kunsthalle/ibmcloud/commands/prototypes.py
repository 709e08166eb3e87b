"""The options of a server and of a template, and the body that they make (cli.md 3.2)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.commands.named_documents import each, interface_document, reserved_ip, volume_attachment
from kunsthalle.ibmcloud.commands.network_resources import SECURITY_GROUP, VNI
from kunsthalle.ibmcloud.commands.vpc_resources import IMAGE, KEY, SUBNET, VPC
from kunsthalle.ibmcloud.grammar import Flag, flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.resource_commands import filled, group_of, reference, references

SOURCE = (
    flag("image", "IMAGE", "ID or name of the image.", also=("image-id",)),
    flag("catalog-offering", "CRN", "CRN of a catalog offering: its newest version is used."),
    flag("catalog-offering-version", "CRN", "CRN of a version of a catalog offering."),
    flag("catalog-offering-plan", "CRN", "CRN of the offering's plan."),
)
ONE_SOURCE = ("image", "catalog-offering", "catalog-offering-version")
_BOOT = (
    flag("boot-volume", "JSON|@FILE", "Boot volume attachment.", kind="json"),
    flag("volume-attach", "JSON|@FILE", "List of data volume attachments.", kind="json", also=("volume-attachments",)),
)
_INTERFACE = (
    flag(
        "sgs", "LIST", "IDs or names of security groups.", kind="list", also=("security-group-ids", "security-groups")
    ),
    flag("rip", "RESERVED_IP", "ID or name of the reserved IP to use.", also=("reserved-ip",)),
    flag("address", "IP", "Address to reserve in the subnet."),
    flag("auto-delete", "true|false", "Whether the reserved IP ends with the interface."),
    flag("ip-name", "NAME", "Name of the reserved IP."),
    flag("allow-ip-spoofing", "true|false", "Whether source IP spoofing is allowed."),
    flag("primary-network-interface", "JSON|@FILE", "Primary network interface.", kind="json"),
    flag("network-interface", "JSON|@FILE", "List of further network interfaces.", kind="json"),
)
_ATTACHMENT = (
    flag("pnac-name", "NAME", "Name of the primary network attachment."),
    flag("pnac-vni", "VNI", "ID or name of the virtual network interface."),
    flag("pnac-vni-name", "NAME", "Name of a new virtual network interface."),
    flag("pnac-vni-ais", "true|false", "Whether source IP spoofing is allowed."),
    flag("pnac-vni-ein", "true|false", "Whether NAT is enabled by the infrastructure."),
    flag("pnac-vni-auto-delete", "true|false", "Whether the interface ends with the instance."),
    flag("pnac-vni-ips", "JSON|@FILE", "Secondary reserved IPs.", kind="json"),
    flag("pnac-vni-rip", "RESERVED_IP", "ID or name of the primary reserved IP."),
    flag("pnac-vni-rip-address", "IP", "Address of the primary reserved IP."),
    flag("pnac-vni-rip-auto-delete", "true|false", "Whether the reserved IP ends with the interface."),
    flag("pnac-vni-rip-name", "NAME", "Name of the primary reserved IP."),
    flag("pnac-vni-sgs", "LIST", "IDs or names of security groups.", kind="list"),
    flag("pnac-vni-psfm", "auto|enabled|disabled", "Protocol state filtering mode."),
    flag("network-attachments", "JSON|@FILE", "List of further network attachments.", kind="json"),
)
SETTINGS = (
    flag("total-volume-bandwidth", "MBPS", "Bandwidth for volumes.", kind="int"),
    flag("dedicated-host", "ID", "Dedicated host to place it on."),
    flag("dedicated-host-group", "ID", "Dedicated host group to place it in."),
    flag("res-policy", text="Reservation affinity.", choices=("disabled", "manual", "automatic")),
    flag("res-pool", "LIST", "IDs of reservations.", kind="list"),
    flag("metadata-service", "true|false", "Whether the metadata service is enabled.", also=("ms",)),
    flag(
        "msp", text="Protocol of the metadata service.", choices=("http", "https"), also=("metadata-service-protocol",)
    ),
    flag("msrhl", "N", "Hop limit of the metadata service.", kind="int", also=("metadata-service-response-hop-limit",)),
    flag("host-failure-policy", text="What happens when the host fails.", choices=("restart", "stop")),
    flag("confidential-compute-mode", text="Confidential compute.", choices=("disabled", "sgx", "tdx")),
    flag("enable-secure-boot", "true|false", "Whether secure boot is enabled."),
    flag("volume-bandwidth-qos-mode", text="How volumes share bandwidth.", choices=("pooled", "weighted")),
    flag("vcpu-percentage", "1-100", "Share of the virtual processors.", kind="int"),
    flag("availability-class", text="Availability.", choices=("spot", "standard")),
    flag("preemption-policy", text="What happens when it is preempted.", choices=("delete", "stop")),
    flag("threads-per-core", "1|2", "Threads of each core.", kind="int"),
)
_MORE = (
    flag("keys", "LIST", "IDs or names of SSH keys.", kind="list", also=("key", "key-ids")),
    flag("user-data", "DATA|@FILE", "User data.", kind="file"),
    flag("placement-group", "ID", "Placement group to place it in."),
    flag("default-trusted-profile", "PROFILE", "ID, CRN or name of the default trusted profile."),
    flag("default-trusted-profile-auto-link", "true|false", "Whether the profile is linked."),
    flag("cluster-network-attachments", "JSON|@FILE", "Cluster network attachments.", kind="json"),
    flag("interactive", text="Ignored: nothing is asked.", also=("i",)),
)
OPTIONS: tuple[Flag, ...] = (*SOURCE, *_BOOT, *_INTERFACE, *_ATTACHMENT, *SETTINGS, *_MORE)
PLACE = (
    flag("name", "NAME", "Name."),
    flag("profile", "PROFILE", "Name of the profile."),
    flag("zone", "ZONE", "Name of the zone."),
    flag("vpc", "VPC", "ID or name of the VPC."),
    flag("subnet", "SUBNET", "ID or name of the subnet."),
)
ALONE = (
    ONE_SOURCE,
    ("dedicated-host", "dedicated-host-group", "placement-group"),
    ("rip", "address"),
)


def source(run: Run) -> dict[str, Any]:
    """Image or catalog offering. A CRN goes as it is: whether it fits its flag is the API's to say."""
    options = run.given
    offering = filled(
        offering={"crn": options.get("catalog-offering")} if options.has("catalog-offering") else None,
        version={"crn": options.get("catalog-offering-version")} if options.has("catalog-offering-version") else None,
        plan={"crn": options.get("catalog-offering-plan")} if options.has("catalog-offering-plan") else None,
    )
    image = reference(run, IMAGE, options.get("image")) if options.has("image") else None
    return filled(image=image, catalog_offering=offering)


def settings(run: Run) -> dict[str, Any]:
    """What is kept of a server beside its source and its network."""
    options = run.given
    metadata = filled(
        enabled=options.get("metadata-service"), protocol=options.get("msp"), response_hop_limit=options.get("msrhl")
    )
    pool = [{"id": entry} for entry in options.get("res-pool") or ()]
    percentage = options.get("vcpu-percentage")
    return filled(
        total_volume_bandwidth=options.get("total-volume-bandwidth"),
        placement_target=_target(run),
        reservation_affinity=filled(policy=options.get("res-policy"), pool=pool or None),
        metadata_service=metadata,
        availability_policy=filled(
            host_failure=options.get("host-failure-policy"), preemption=options.get("preemption-policy")
        ),
        availability=filled(**{"class": options.get("availability-class")}),
        confidential_compute_mode=options.get("confidential-compute-mode"),
        enable_secure_boot=options.get("enable-secure-boot"),
        volume_bandwidth_qos_mode=options.get("volume-bandwidth-qos-mode"),
        vcpu={"percentage": percentage} if percentage is not None else None,
        threads_per_core=options.get("threads-per-core"),
    )


def _target(run: Run) -> dict[str, str]:
    names = ("dedicated-host", "dedicated-host-group", "placement-group")
    first = next((run.given.get(name) for name in names if run.given.has(name)), None)
    return {"id": first} if first else {}


def _interface(run: Run, subnet: str | None) -> Any:
    """The primary interface: as JSON, or from its own flags."""
    options = run.given
    if options.has("primary-network-interface"):
        return interface_document(run, options.get("primary-network-interface"))
    ip = reserved_ip(run, subnet, "rip")
    ip |= filled(address=options.get("address"), auto_delete=options.get("auto-delete"), name=options.get("ip-name"))
    groups = references(run, SECURITY_GROUP, options.get("sgs") or ())
    made = filled(
        subnet=reference(run, SUBNET, subnet) if subnet else None,
        primary_ip=ip,
        security_groups=groups or None,
        allow_ip_spoofing=options.get("allow-ip-spoofing"),
    )
    return made or None


def _attachment(run: Run, subnet: str | None) -> dict[str, Any]:
    """The primary network attachment, with a virtual network interface that is there or one that is made for it."""
    options = run.given
    if options.has("pnac-vni"):
        return filled(
            name=options.get("pnac-name"), virtual_network_interface=reference(run, VNI, options.get("pnac-vni"))
        )
    ip = reserved_ip(run, subnet, "pnac-vni-rip")
    groups = references(run, SECURITY_GROUP, options.get("pnac-vni-sgs") or ())
    interface = filled(
        name=options.get("pnac-vni-name"),
        subnet=reference(run, SUBNET, subnet) if subnet else None,
        primary_ip=ip,
        ips=options.get("pnac-vni-ips"),
        security_groups=groups or None,
        allow_ip_spoofing=options.get("pnac-vni-ais"),
        enable_infrastructure_nat=options.get("pnac-vni-ein"),
        auto_delete=options.get("pnac-vni-auto-delete"),
        protocol_state_filtering_mode=options.get("pnac-vni-psfm"),
    )
    return filled(name=options.get("pnac-name"), virtual_network_interface=interface)


def _network(run: Run, subnet: str | None) -> dict[str, Any]:
    options = run.given
    if any(name.startswith("pnac-") for name in options.flags) or options.has("network-attachments"):
        attachment = _attachment(run, subnet)
        return filled(primary_network_attachment=attachment, network_attachments=options.get("network-attachments"))
    more = each(run, options.get("network-interface"), interface_document)
    return filled(primary_network_interface=_interface(run, subnet), network_interfaces=more)


def _profile(run: Run, ref: str) -> str:
    from kunsthalle.ibmcloud.commands.trusted_profile_commands import profile

    return ref if ref.startswith("Profile-") else str(profile(run, ref)["id"])


def trusted_profile(run: Run) -> dict[str, Any]:
    """The default trusted profile that the flags name; empty where they name none."""
    ref = run.given.get("default-trusted-profile")
    if not ref:
        return {}
    target = {"crn": ref} if ref.startswith("crn:") else {"id": _profile(run, ref)}
    return filled(target=target, auto_link=run.given.get("default-trusted-profile-auto-link"))


def prototype(run: Run) -> dict[str, Any]:
    """The whole body of `instance-create` and of its kin, from positionals where there are some, else from flags."""
    options = run.given
    name, vpc, zone, profile, subnet = (
        options.words.get(entry.upper()) or options.get(entry) for entry in ("name", "vpc", "zone", "profile", "subnet")
    )
    keys = references(run, KEY, options.get("keys") or ())
    return filled(
        name=name,
        vpc=reference(run, VPC, vpc) if vpc else None,
        zone={"name": zone} if zone else None,
        profile={"name": profile} if profile else None,
        **source(run),
        **_network(run, subnet),
        **settings(run),
        boot_volume_attachment=volume_attachment(run, options.get("boot-volume")),
        volume_attachments=each(run, options.get("volume-attach"), volume_attachment),
        cluster_network_attachments=options.get("cluster-network-attachments"),
        keys=keys or None,
        user_data=options.get("user-data"),
        default_trusted_profile=trusted_profile(run),
        resource_group=group_of(run),
    )
