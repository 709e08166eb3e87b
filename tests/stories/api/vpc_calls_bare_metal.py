"""Calls of every operation of bare metal servers; the models of the SDK are the judge."""

from __future__ import annotations

from typing import Any

from fixtures.clients import Account, eventually
from fixtures.sdk import Judge
from kunsthalle.testing import Served


def bare_metal(judge: Judge, account: Account, _served: Served) -> None:
    """A server of each family of networks, by a minimal and by a full prototype, through its life."""
    judge("list_bare_metal_server_profiles", limit=2)
    judge("get_bare_metal_server_profile", "mx2-metal-96x768")
    image = account.import_image("walk-metal")
    network = account.network()
    here, keys = network["primary_network_interface"]["subnet"], network["keys"]
    start = {"image": {"id": image["id"]}, "keys": keys}
    minimal = {
        "initialization": start,
        "profile": {"name": "cx2-metal-96x192"},
        "zone": network["zone"],
        "primary_network_interface": {"subnet": here, "allowed_vlans": [4]},
    }
    small = judge("create_bare_metal_server", minimal)
    whole = {
        "initialization": {**start, "user_data": "#cloud-config\n"},
        "profile": {"name": "bx2-metal-96x384"},
        "zone": network["zone"],
        "vpc": network["vpc"],
        "name": "walk-metal",
        "bandwidth": 100000,
        "enable_secure_boot": False,
        "metadata_service": {"enabled": True, "protocol": "https"},
        "reservation_affinity": {"policy": "disabled"},
        "trusted_platform_module": {"mode": "tpm_2"},
        "resource_group": {"id": image["resource_group"]["id"]},
        "primary_network_attachment": {
            "name": "walk-primary",
            "interface_type": "pci",
            "allowed_vlans": [4, 5],
            "virtual_network_interface": {"subnet": here, "name": "walk-face"},
        },
        "network_attachments": [
            {"interface_type": "vlan", "vlan": 5, "virtual_network_interface": {"subnet": here}, "allow_to_float": True}
        ],
    }
    large = judge("create_bare_metal_server", whole)
    _listed(judge, network["vpc"]["id"], large)
    for one in (small, large):
        _is(judge, one["id"], "running")
    _disks(judge, small["id"])
    _interfaces(judge, small, here, network["zone"])
    _attachments(judge, large["id"], here)
    _life(judge, small["id"], start)
    for one in (small, large):
        judge("delete_bare_metal_server", one["id"])
    there = account.vpc.list_bare_metal_servers
    eventually(lambda: not there().get_result()["bare_metal_servers"], "the end of bare metal servers")


def _is(judge: Judge, id_: str, status: str) -> None:
    eventually(lambda: judge("get_bare_metal_server", id_)["status"] == status, f"a server that is {status}")


def _listed(judge: Judge, vpc: str, large: dict[str, Any]) -> None:
    group = large["resource_group"]["id"]
    found = judge("list_bare_metal_servers", name="walk-metal", vpc_id=vpc, resource_group_id=group, limit=1)
    assert [one["id"] for one in found["bare_metal_servers"]] == [large["id"]]


def _disks(judge: Judge, server: str) -> None:
    (disk,) = judge("list_bare_metal_server_disks", server)["disks"]
    judge("get_bare_metal_server_disk", server, disk["id"])
    judge("update_bare_metal_server_disk", server, disk["id"], {"name": "walk-disk"})


def _interfaces(judge: Judge, server: dict[str, Any], here: dict[str, str], zone: dict[str, str]) -> None:
    id_ = server["id"]
    small = judge("create_bare_metal_server_network_interface", id_, _vlan({"subnet": here}))
    more = {"subnet": here, "name": "walk-tagged", "primary_ip": {"auto_delete": True}, "allow_ip_spoofing": True}
    large = judge("create_bare_metal_server_network_interface", id_, _vlan(more))
    judge("list_bare_metal_server_network_interfaces", id_, limit=1)
    judge("get_bare_metal_server_network_interface", id_, server["primary_network_interface"]["id"])
    one = (id_, large["id"])
    judge("update_bare_metal_server_network_interface", *one, {"name": "walk-other", "allow_ip_spoofing": False})
    (address,) = judge("list_bare_metal_server_network_interface_ips", *one)["ips"]
    judge("get_bare_metal_server_network_interface_ip", *one, address["id"])
    floating = judge("create_floating_ip", {"zone": zone})["id"]
    judge("add_bare_metal_server_network_interface_floating_ip", *one, floating)
    judge("list_bare_metal_server_network_interface_floating_ips", *one)
    judge("get_bare_metal_server_network_interface_floating_ip", *one, floating)
    judge("remove_bare_metal_server_network_interface_floating_ip", *one, floating)
    for made in (small, large):
        judge("delete_bare_metal_server_network_interface", id_, made["id"])
    judge("delete_floating_ip", floating)


def _vlan(fields: dict[str, Any]) -> dict[str, Any]:
    return {"interface_type": "vlan", "vlan": 4, **fields}


def _attachments(judge: Judge, server: str, here: dict[str, str]) -> None:
    made = judge(
        "create_bare_metal_server_network_attachment", server, _vlan({"virtual_network_interface": {"subnet": here}})
    )
    judge("list_bare_metal_server_network_attachments", server, limit=1)
    judge("get_bare_metal_server_network_attachment", server, made["id"])
    judge("update_bare_metal_server_network_attachment", server, made["id"], {"name": "walk-attached"})
    judge("delete_bare_metal_server_network_attachment", server, made["id"])


def _life(judge: Judge, server: str, start: dict[str, Any]) -> None:
    judge("restart_bare_metal_server", server)
    _is(judge, server, "running")
    judge("stop_bare_metal_server", server, "soft")
    _is(judge, server, "stopped")
    judge("update_bare_metal_server", server, {"name": "walk-iron", "enable_secure_boot": True, "bandwidth": 100000})
    judge("start_bare_metal_server", server)
    _is(judge, server, "running")
    judge("stop_bare_metal_server", server, "hard")
    _is(judge, server, "stopped")
    judge("replace_bare_metal_server_initialization", server, **start, user_data="#cloud-config\n")
    _is(judge, server, "running")
    judge("get_bare_metal_server_initialization", server)
