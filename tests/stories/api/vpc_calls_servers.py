"""Calls of every operation of servers and templates; the models of the SDK are the judge."""

from __future__ import annotations

from typing import Any

from fixtures.clients import Account, eventually
from fixtures.sdk import Judge
from kunsthalle.testing import Served

WITH_MORE = {"image", "resource_group", "primary_network_attachment", "network_attachments", "boot_volume_attachment"}
"""What a template shows with more than was sent: the whole reference, or what holds where nothing was said."""
DATA = {"profile": {"name": "general-purpose"}, "capacity": 10}


def servers(judge: Judge, account: Account, _served: Served) -> None:
    """Servers from minimal and full prototypes with what hangs below them; templates; all removed."""
    image = {"id": account.import_image("walk-servers")["id"]}
    judge("list_instance_profiles", limit=1)
    judge("get_instance_profile", "bx2d-2x8")
    plain = judge("create_instance", _minimal(account, image))["id"]
    classic = judge("create_instance", {**_minimal(account, image), "profile": {"name": "bx2-2x8"}})["id"]
    full = _full(account, image)
    apart = _placement_groups(judge, account)
    whole = judge("create_instance", {**full, "placement_target": {"crn": apart["crn"]}})["id"]
    for one in (plain, classic, whole):
        running(judge, one)
    judge("list_instances", limit=1)
    assert [one["id"] for one in judge("list_instances", placement_group_name=apart["name"])["instances"]] == [whole]
    judge("get_instance_initialization", whole)
    _interfaces(judge, account, classic)
    _attachments(judge, account, whole)
    _volumes(judge, whole)
    judge("create_instance_console_access_token", classic, "serial")
    judge("create_instance_console_access_token", whole, "serial", force=True)
    _rest(judge, whole)
    _templates(judge, _minimal(account, image), {**full, "name": "walk-template"})
    _again(judge, classic, image)
    for one in (plain, classic, whole):
        judge("delete_instance", one)
    eventually(lambda: not account.vpc.list_instances().get_result()["instances"], "the end of servers")
    judge("delete_placement_group", apart["id"])


def _placement_groups(judge: Judge, account: Account) -> dict[str, Any]:
    """One of each strategy; that of hosts stays, renamed."""
    group = account.groups.list_resource_groups().get_result()["resources"][0]["id"]
    powers = judge("create_placement_group", "power_spread")
    hosts = judge("create_placement_group", "host_spread", name="walk-hosts", resource_group={"id": group})
    judge("list_placement_groups", limit=1)
    judge("get_placement_group", powers["id"])
    judge("delete_placement_group", powers["id"])
    return dict(judge("update_placement_group", hosts["id"], {"name": "walk-apart"}))


def _minimal(account: Account, image: dict[str, str]) -> dict[str, Any]:
    network = account.network()
    return {"image": image, "zone": network["zone"], "primary_network_interface": network["primary_network_interface"]}


def _full(account: Account, image: dict[str, str]) -> dict[str, Any]:
    network = account.network()
    subnet = network.pop("primary_network_interface")["subnet"]
    profile = account.identity.create_profile("walk-servers", account.id).get_result()
    address = {"name": "walk-address", "auto_delete": True}
    first = {"name": "walk-interface", "subnet": subnet, "primary_ip": address, "allow_ip_spoofing": True}
    return {
        **network,
        "name": "walk-server",
        "image": image,
        "profile": {"name": "bx2d-2x8"},
        "user_data": "#cloud-config\n",
        "primary_network_attachment": {"name": "walk-first", "virtual_network_interface": first},
        "network_attachments": [{"name": "walk-second", "virtual_network_interface": {"subnet": subnet}}],
        "volume_attachments": [{"name": "walk-data", "volume": {**DATA, "name": "walk-data", "user_tags": ["walk"]}}],
        "boot_volume_attachment": {"name": "walk-boot", "volume": {**DATA, "name": "walk-boot"}},
        "default_trusted_profile": {"target": {"id": profile["id"]}, "auto_link": True},
        "metadata_service": {"enabled": True, "protocol": "https", "response_hop_limit": 2},
        "availability": {"class": "standard"},
        "availability_policy": {"host_failure": "stop", "preemption": "stop"},
        "reservation_affinity": {"policy": "disabled", "pool": []},
        "resource_group": {"id": account.groups.list_resource_groups().get_result()["resources"][0]["id"]},
        "total_volume_bandwidth": 1000,
        "volume_bandwidth_qos_mode": "pooled",
        "enable_secure_boot": False,
        "confidential_compute_mode": "disabled",
        "threads_per_core": 2,
        "vcpu": {"percentage": 100},
    }


def running(judge: Judge, id_: str, status: str = "running") -> dict[str, Any]:
    """The server once it has a state."""

    def there() -> Any:
        found = judge("get_instance", id_)
        assert found["status"] != "failed", found["status_reasons"]
        return found if found["status"] == status else None

    return dict(eventually(there, f"a server that is {status}"))


def _interfaces(judge: Judge, account: Account, id_: str) -> None:
    subnet = account.network()["primary_network_interface"]["subnet"]
    judge("list_instance_network_interfaces", id_)
    made = judge("create_instance_network_interface", id_, subnet, name="walk-interface")["id"]
    judge("get_instance_network_interface", id_, made)
    judge("update_instance_network_interface", id_, made, {"name": "walk-other", "allow_ip_spoofing": True})
    (ip,) = judge("list_instance_network_interface_ips", id_, made, limit=1)["ips"]
    judge("get_instance_network_interface_ip", id_, made, ip["id"])
    floating = account.vpc.create_floating_ip({"zone": account.network()["zone"]}).get_result()["id"]
    judge("add_instance_network_interface_floating_ip", id_, made, floating)
    judge("list_instance_network_interface_floating_ips", id_, made)
    judge("get_instance_network_interface_floating_ip", id_, made, floating)
    judge("remove_instance_network_interface_floating_ip", id_, made, floating)
    account.vpc.delete_floating_ip(floating)
    judge("delete_instance_network_interface", id_, made)


def _attachments(judge: Judge, account: Account, id_: str) -> None:
    subnet = account.network()["primary_network_interface"]["subnet"]
    judge("list_instance_network_attachments", id_)
    judge("list_instance_network_interfaces", id_)
    mine = account.vpc.create_virtual_network_interface(subnet=subnet).get_result()["id"]
    made = judge("create_instance_network_attachment", id_, {"id": mine}, name="walk-third")["id"]
    judge("get_instance_network_attachment", id_, made)
    judge("update_instance_network_attachment", id_, made, {"name": "walk-other"})
    judge("delete_instance_network_attachment", id_, made)
    account.vpc.delete_virtual_network_interfaces(mine)


def _volumes(judge: Judge, id_: str) -> None:
    judge("list_instance_volume_attachments", id_)
    made = judge("create_instance_volume_attachment", id_, DATA, delete_volume_on_instance_delete=True)["id"]

    def attached() -> bool:
        return bool(judge("get_instance_volume_attachment", id_, made)["status"] == "attached")

    eventually(attached, "the attachment of a volume")
    judge("update_instance_volume_attachment", id_, made, {"name": "walk-volume"})
    judge("delete_instance_volume_attachment", id_, made)

    def gone() -> bool:
        return made not in {one["id"] for one in judge("list_instance_volume_attachments", id_)["volume_attachments"]}

    eventually(gone, "the detachment of a volume")


def _rest(judge: Judge, id_: str) -> None:
    (disk,) = judge("list_instance_disks", id_)["disks"]
    judge("get_instance_disk", id_, disk["id"])
    judge("update_instance_disk", id_, disk["id"], {"name": "walk-disk"})
    judge("list_instance_software_attachments", id_)
    judge("list_instance_cluster_network_attachments", id_, limit=1)
    judge("create_instance_action", id_, "stop", force=True)
    running(judge, id_, "stopped")
    judge("update_instance", id_, {"name": "walk-renamed", "profile": {"name": "bx2d-4x16"}})
    judge("create_instance_action", id_, "start")
    running(judge, id_)


def _templates(judge: Judge, small: dict[str, Any], full: dict[str, Any]) -> None:
    made = judge("create_instance_template", small)
    other = judge("create_instance_template", full)
    sent = {name: value for name, value in full.items() if name not in WITH_MORE | judge.left_out}
    assert {name: other[name] for name in sent} == sent
    judge("create_instance_template", {"source_template": {"id": other["id"]}, "name": "walk-third"})
    judge("list_instance_templates")
    judge("get_instance_template", made["id"])
    judge("update_instance_template", made["id"], {"name": "walk-renamed"})
    server = judge("create_instance", {"source_template": {"id": made["id"]}, "name": "walk-of-template"})["id"]
    running(judge, server)
    judge("delete_instance", server)
    for one in judge("list_instance_templates")["templates"]:
        judge("delete_instance_template", one["id"])


def _again(judge: Judge, id_: str, image: dict[str, str]) -> None:
    judge("create_instance_action", id_, "stop")
    running(judge, id_, "stopped")
    judge("create_instance_reinitialization", id_, {"image": image, "user_data": "#cloud-config\n"})
    running(judge, id_)
