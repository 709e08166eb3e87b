"""What commands send: the body that their flags make, for everything that no other test sees arrive."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from unit.ibmcloud.canned import Canned, canned
from unit.ibmcloud.command_shell import ibmcloud

ID = "0717-00000000-0000-4000-8000-00000000000a"
SERVER = "0717_00000000-0000-4000-8000-00000000000a"
IMAGE = "r006-00000000-0000-4000-8000-00000000000b"
CRN = "crn:v1:bluemix:public:globalcatalog-collection:global:a/x:c:version:o/v"

NAMED = {
    "/v1/vpcs": {"vpcs": [{"id": "r006-vpc", "name": "net"}]},
    "/v1/subnets": {"subnets": [{"id": "0717-sub", "name": "sub"}]},
    "/v1/keys": {"keys": [{"id": "r006-k1", "name": "one"}, {"id": "r006-k2", "name": "two"}]},
    "/v1/images": {"images": [{"id": "r006-img", "name": "img"}]},
    "/v1/security_groups": {"security_groups": [{"id": "r006-sg", "name": "doors"}]},
    "/v1/volumes": {"volumes": [{"id": "r006-vol", "name": "vol"}]},
    "/v1/snapshots": {"snapshots": [{"id": "r006-snap", "name": "snap"}]},
    "/v1/virtual_network_interfaces": {"virtual_network_interfaces": [{"id": "0717-vni", "name": "vni"}]},
    "/v1/instance/templates": {"templates": [{"id": "0717-tpl", "name": "tpl"}]},
    "/v1/subnets/0717-sub/reserved_ips": {"reserved_ips": [{"id": "0717-rip", "name": "kept"}]},
    "/v1/profiles": {"profiles": [{"id": "Profile-1", "name": "builders"}]},
    "/v2/resource_groups": {"resources": [{"id": "g1", "name": "Default"}]},
}
CREATE = "is instance-create web net us-south-1 bx2-2x8 sub"
PLACED = {
    "name": "web",
    "vpc": {"id": "r006-vpc"},
    "zone": {"name": "us-south-1"},
    "profile": {"name": "bx2-2x8"},
}
NIC = {"primary_network_interface": {"subnet": {"id": "0717-sub"}}}
INSTANCES, BARE = "POST /v1/instances", "POST /v1/bare_metal_servers"

Row = tuple[str, str, dict[str, Any]]
ROWS: tuple[Row, ...] = (
    (
        (
            f'{CREATE} --boot-volume \'{{"volume": {{"name": "boot", "source_snapshot": {{"name": "snap"}}}}}}\' '
            f'--volume-attach \'[{{"volume": {{"name": "vol"}}}}, {{"volume": {{"name": "new", "capacity": 10}}}}]\' '
            f"--reserved-ip kept --default-trusted-profile builders"
        ),
        INSTANCES,
        {
            **PLACED,
            "primary_network_interface": {"subnet": {"id": "0717-sub"}, "primary_ip": {"id": "0717-rip"}},
            "boot_volume_attachment": {"volume": {"name": "boot", "source_snapshot": {"id": "r006-snap"}}},
            "volume_attachments": [{"volume": {"id": "r006-vol"}}, {"volume": {"name": "new", "capacity": 10}}],
            "default_trusted_profile": {"target": {"id": "Profile-1"}},
        },
    ),
    (
        (
            "is instance-create-from-template --template tpl --key one --primary-network-interface "
            """'{"subnet": {"id": "sub"}, "primary_ip": {"name": "kept"}, "security_groups": [{"name": "doors"}]}' """
            """--network-interface '{"subnet": {"name": "absent"}, """
            """"primary_ip": {"address": "10.0.0.9", "auto-delete": true}}'"""
        ),
        INSTANCES,
        {
            "source_template": {"id": "0717-tpl"},
            "keys": [{"id": "r006-k1"}],
            "primary_network_interface": {
                "subnet": {"id": "0717-sub"},
                "primary_ip": {"id": "0717-rip"},
                "security_groups": [{"id": "r006-sg"}],
            },
            "network_interfaces": [
                {"subnet": {"name": "absent"}, "primary_ip": {"address": "10.0.0.9", "auto_delete": True}}
            ],
        },
    ),
    (
        (
            "is bare-metal-server-create --zone z --profile p --image img --keys one --pnic-subnet sub "
            "--pnic-name eth0 --pnic-rip kept --pnic-sgs doors --pnic-allowed-vlans 100,7-5,900-901 "
            "--pnic-ein false --pnic-ais true"
        ),
        BARE,
        {
            "zone": {"name": "z"},
            "profile": {"name": "p"},
            "initialization": {"image": {"id": "r006-img"}, "keys": [{"id": "r006-k1"}]},
            "primary_network_interface": {
                "name": "eth0",
                "subnet": {"id": "0717-sub"},
                "primary_ip": {"id": "0717-rip"},
                "security_groups": [{"id": "r006-sg"}],
                "allowed_vlans": [100, 5, 6, 7, 900, 901],
                "enable_infrastructure_nat": False,
                "allow_ip_spoofing": True,
            },
        },
    ),
    (f"is bare-metal-server-stop {ID} -f", f"POST /v1/bare_metal_servers/{ID}/stop", {"type": "soft"}),
    (
        (
            f"is bare-metal-server-network-interface-create {ID} --subnet sub --interface-type vlan --vlan 4 "
            "--allow-interface-to-float true --rip kept"
        ),
        f"POST /v1/bare_metal_servers/{ID}/network_interfaces",
        {
            "subnet": {"id": "0717-sub"},
            "interface_type": "vlan",
            "primary_ip": {"id": "0717-rip"},
            "vlan": 4,
            "allow_interface_to_float": True,
        },
    ),
    (
        f"{CREATE} --image img --keys one,two --user-data hello --resource-group-name Default",
        INSTANCES,
        {
            **PLACED,
            **NIC,
            "image": {"id": "r006-img"},
            "keys": [{"id": "r006-k1"}, {"id": "r006-k2"}],
            "user_data": "hello",
            "resource_group": {"id": "g1"},
        },
    ),
    (
        f"{CREATE} --catalog-offering-version {CRN} --catalog-offering-plan {CRN}p --key-ids {IMAGE}",
        INSTANCES,
        {
            **PLACED,
            **NIC,
            "catalog_offering": {"version": {"crn": CRN}, "plan": {"crn": f"{CRN}p"}},
            "keys": [{"id": IMAGE}],
        },
    ),
    (
        (
            f"{CREATE} --image {IMAGE} --sgs doors --address 10.0.0.9 --auto-delete false --ip-name ip"
            " --allow-ip-spoofing true"
        ),
        INSTANCES,
        {
            **PLACED,
            "image": {"id": IMAGE},
            "primary_network_interface": {
                "subnet": {"id": "0717-sub"},
                "primary_ip": {"address": "10.0.0.9", "auto_delete": False, "name": "ip"},
                "security_groups": [{"id": "r006-sg"}],
                "allow_ip_spoofing": True,
            },
        },
    ),
    (
        f"{CREATE} --image {IMAGE} --pnac-name pnac --pnac-vni vni",
        INSTANCES,
        {
            **PLACED,
            "image": {"id": IMAGE},
            "primary_network_attachment": {"name": "pnac", "virtual_network_interface": {"id": "0717-vni"}},
        },
    ),
    (
        (
            f"{CREATE} --image {IMAGE} --pnac-vni-name fresh --pnac-vni-sgs doors --pnac-vni-rip-address 10.0.0.7"
            " --pnac-vni-auto-delete true --pnac-vni-ais false --pnac-vni-psfm auto --pnac-vni-ein true"
        ),
        INSTANCES,
        {
            **PLACED,
            "image": {"id": IMAGE},
            "primary_network_attachment": {
                "virtual_network_interface": {
                    "name": "fresh",
                    "subnet": {"id": "0717-sub"},
                    "primary_ip": {"address": "10.0.0.7"},
                    "security_groups": [{"id": "r006-sg"}],
                    "allow_ip_spoofing": False,
                    "enable_infrastructure_nat": True,
                    "auto_delete": True,
                    "protocol_state_filtering_mode": "auto",
                }
            },
        },
    ),
    (
        (
            f"{CREATE} --image {IMAGE} --ms true --msp https --msrhl 3 --host-failure-policy stop"
            " --preemption-policy delete"
            " --availability-class spot --enable-secure-boot true --confidential-compute-mode tdx --threads-per-core 1"
            " --total-volume-bandwidth 900 --volume-bandwidth-qos-mode pooled --vcpu-percentage 50 --placement-group pg"
            " --res-policy manual --res-pool r1,r2 --default-trusted-profile Profile-1"
            " --default-trusted-profile-auto-link false"
        ),
        INSTANCES,
        {
            **PLACED,
            **NIC,
            "image": {"id": IMAGE},
            "metadata_service": {"enabled": True, "protocol": "https", "response_hop_limit": 3},
            "availability_policy": {"host_failure": "stop", "preemption": "delete"},
            "availability": {"class": "spot"},
            "enable_secure_boot": True,
            "confidential_compute_mode": "tdx",
            "threads_per_core": 1,
            "total_volume_bandwidth": 900,
            "volume_bandwidth_qos_mode": "pooled",
            "vcpu": {"percentage": 50},
            "placement_target": {"id": "pg"},
            "reservation_affinity": {"policy": "manual", "pool": [{"id": "r1"}, {"id": "r2"}]},
            "default_trusted_profile": {"target": {"id": "Profile-1"}, "auto_link": False},
        },
    ),
    (
        f"{CREATE} --boot-volume '{{\"volume\": {{\"id\": \"v\"}}}}' --volume-attach '[]' --network-interface '[]'",
        INSTANCES,
        {
            **PLACED,
            **NIC,
            "boot_volume_attachment": {"volume": {"id": "v"}},
            "volume_attachments": [],
            "network_interfaces": [],
        },
    ),
    (
        "is instance-create-from-template --template tpl --name more --zone us-south-2 --subnet sub --image img",
        INSTANCES,
        {
            "name": "more",
            "zone": {"name": "us-south-2"},
            "image": {"id": "r006-img"},
            **NIC,
            "source_template": {"id": "0717-tpl"},
        },
    ),
    (
        f"is instance-volume-attachment-add att {SERVER} vol --auto-delete true",
        f"POST /v1/instances/{SERVER}/volume_attachments",
        {"name": "att", "volume": {"id": "r006-vol"}, "delete_volume_on_instance_delete": True},
    ),
    (
        (
            f"is instance-volume-attachment-add att {SERVER} --profile custom --source-snapshot snap --iops 100"
            " --volume-name new --tags a,b"
        ),
        f"POST /v1/instances/{SERVER}/volume_attachments",
        {
            "name": "att",
            "volume": {
                "name": "new",
                "profile": {"name": "custom"},
                "source_snapshot": {"id": "r006-snap"},
                "iops": 100,
                "user_tags": ["a", "b"],
            },
        },
    ),
    (
        f"is instance-reinitialize {SERVER} --image-id img --keys one -f",
        f"POST /v1/instances/{SERVER}/reinitialize",
        {"image": {"id": "r006-img"}, "keys": [{"id": "r006-k1"}]},
    ),
    (
        f"is instance-volume-attachment-update {SERVER} {ID} --name new --auto-delete false",
        f"PATCH /v1/instances/{SERVER}/volume_attachments/{ID}",
        {"name": "new", "delete_volume_on_instance_delete": False},
    ),
    (
        f"is instance-software-attachment-update {SERVER} {ID} --name new",
        f"PATCH /v1/instances/{SERVER}/software_attachments/{ID}",
        {"name": "new"},
    ),
    (
        f"is instance-reinitialize {SERVER} --image img --keys one --user-data u -f",
        f"POST /v1/instances/{SERVER}/reinitialize",
        {"image": {"id": "r006-img"}, "keys": [{"id": "r006-k1"}], "user_data": "u"},
    ),
    (f"is instance-reboot {SERVER} -f", f"POST /v1/instances/{SERVER}/actions", {"type": "reboot"}),
    (
        f"is instance-stop {SERVER} --no-wait --force=True",
        f"POST /v1/instances/{SERVER}/actions",
        {"type": "stop", "force": True},
    ),
    (
        (
            "is bare-metal-server-create --zone us-south-1 --profile bx2-metal-96x384 --image img --keys one"
            " --pnic-subnet sub --pnic-sgs doors --name iron --user-data u --tpm-mode tpm_2 --enable-secure-boot true"
        ),
        BARE,
        {
            "name": "iron",
            "zone": {"name": "us-south-1"},
            "profile": {"name": "bx2-metal-96x384"},
            "initialization": {"image": {"id": "r006-img"}, "keys": [{"id": "r006-k1"}], "user_data": "u"},
            "primary_network_interface": {"subnet": {"id": "0717-sub"}, "security_groups": [{"id": "r006-sg"}]},
            "enable_secure_boot": True,
            "trusted_platform_module": {"mode": "tpm_2"},
        },
    ),
    (
        "is bare-metal-server-create --zone z --profile p --image img --keys one --pnac-vni vni",
        BARE,
        {
            "zone": {"name": "z"},
            "profile": {"name": "p"},
            "initialization": {"image": {"id": "r006-img"}, "keys": [{"id": "r006-k1"}]},
            "primary_network_attachment": {"virtual_network_interface": {"id": "0717-vni"}},
        },
    ),
    (f"is bare-metal-server-stop {ID} --type soft -f", f"POST /v1/bare_metal_servers/{ID}/stop", {"type": "soft"}),
    (
        f"is bare-metal-server-initialization-replace {ID} --image-id img --keys two",
        f"PUT /v1/bare_metal_servers/{ID}/initialization",
        {"image": {"id": "r006-img"}, "keys": [{"id": "r006-k2"}]},
    ),
    (
        f"is image-update {IMAGE} --reset-deprecate-at --reset-obsolete-at",
        f"PATCH /v1/images/{IMAGE}",
        {"deprecation_at": None, "obsolescence_at": None},
    ),
    (
        (
            "is image-create safe --file cos://a/b/c.qcow2 --os-name os --encrypted-data-key K --encryption-key crn:k"
            " --au-bms false --allowed-use-instance true --obsolete-at 2027-01-01T00:00:00+8:00"
        ),
        "POST /v1/images",
        {
            "name": "safe",
            "file": {"href": "cos://a/b/c.qcow2"},
            "operating_system": {"name": "os"},
            "encrypted_data_key": "K",
            "encryption_key": {"crn": "crn:k"},
            "allowed_use": {"bare_metal_server": "false", "instance": "true"},
            "obsolescence_at": "2027-01-01T00:00:00+8:00",
        },
    ),
    (
        "is snapshot-create --source-snapshot-crn crn:s --clone-zones a,b --encryption-key crn:k",
        "POST /v1/snapshots",
        {
            "source_snapshot": {"crn": "crn:s"},
            "encryption_key": {"crn": "crn:k"},
            "clones": [{"zone": {"name": "a"}}, {"zone": {"name": "b"}}],
        },
    ),
    (
        (
            "is vpc-create net2 --dns-enable-hub true --dns-resolver-type manual"
            ' --dns-resolver-manual-servers \'[{"address": "10.0.0.1"}]\''
        ),
        "POST /v1/vpcs",
        {
            "name": "net2",
            "dns": {"enable_hub": True, "resolver": {"type": "manual", "manual_servers": [{"address": "10.0.0.1"}]}},
        },
    ),
    (
        "is subnet-create s net --ipv4-cidr-block 10.0.0.0/24 --rt r006-rt",
        "POST /v1/subnets",
        {
            "name": "s",
            "vpc": {"id": "r006-vpc"},
            "ipv4_cidr_block": "10.0.0.0/24",
            "routing_table": {"id": "r006-rt"},
        },
    ),
    (
        "is floating-ip-reserve fip --vni vni",
        "POST /v1/floating_ips",
        {"name": "fip", "target": {"id": "0717-vni"}},
    ),
)


def _sent(tmp_path: Path, line: str, server: Canned) -> tuple[str, Any]:
    """The last call that was not a question, and its body."""
    said = ibmcloud(*shlex.split(line), env=server.session(tmp_path))
    assert said.code == 0, said.err
    return next((call, body) for call, body in reversed(server.calls) if not call.startswith("GET "))


@pytest.mark.parametrize(("line", "call", "body"), ROWS, ids=[row[0][:60] for row in ROWS])
def test_body(tmp_path: Path, line: str, call: str, body: dict[str, Any]) -> None:
    with canned(**{path: (200, json.loads(json.dumps(answer))) for path, answer in NAMED.items()}) as server:
        server.otherwise = (200, {})
        assert _sent(tmp_path, line, server) == (call, body)


def test_a_software_attachment_is_shown(tmp_path: Path) -> None:
    """No instance here has one."""
    path = f"/v1/instances/{SERVER}/software_attachments/{ID}"
    with canned(**{path: (200, {"id": ID, "name": "agent"})}) as server:
        said = ibmcloud("is", "instance-software-attachment", SERVER, ID, env=server.session(tmp_path))
    assert (said.code, server.calls[-1][0]) == (0, f"GET {path}")
    assert "agent" in said.out


def test_of_several_of_a_name_the_one_in_the_vpc_is_meant(tmp_path: Path) -> None:
    listed = [{"id": f"r006-{vpc}", "name": "doors", "vpc": {"id": f"r006-{vpc}", "name": vpc}} for vpc in ("a", "b")]
    with canned(**{"/v1/security_groups": (200, {"security_groups": listed})}) as server:
        server.otherwise = (200, {})
        env = server.session(tmp_path)
        words = ("is", "security-group-update", "doors", "--name", "gates")
        assert ibmcloud(*words, "--vpc", "b", env=env).code == 0
        assert server.calls[-1] == ("PATCH /v1/security_groups/r006-b", {"name": "gates"})
        assert "2 security groups are named 'doors'" in ibmcloud(*words, env=env).err


def test_the_protocol_of_a_rule_is_not_changed(tmp_path: Path) -> None:
    rule = f"/v1/network_acls/{IMAGE}/rules/{IMAGE}"
    with canned(**{rule: (200, {"protocol": "icmp"})}) as server:
        env = server.session(tmp_path)
        words = ("is", "network-acl-rule-update", IMAGE, IMAGE, "--name", "pings", "--protocol")
        assert ibmcloud(*words, "icmp", env=env).code == 0
        said = ibmcloud(*words, "tcp", env=env)
    assert (said.code, "delete the rule and add another one" in said.err) == (1, True)
    assert [call for call, _ in server.calls if not call.startswith("GET ")] == [f"PATCH {rule}"]


QUERIES = (
    ("is images", "/v1/images", {"status": "available"}),
    ("is images --status all", "/v1/images", {}),
    ("is images --status failed,pending --visibility all", "/v1/images", {"status": "failed,pending"}),
    ("is images --visibility=public", "/v1/images", {"status": "available", "visibility": "public"}),
    ("is images --remote-account-id provider", "/v1/images", {"status": "available", "remote.account.id": "not:null"}),
    ("is images --remote-account-id user", "/v1/images", {"status": "available", "remote.account.id": "null"}),
    ("is instances --vpc net --resource-group-id g", "/v1/instances", {"vpc.id": "r006-vpc", "resource_group.id": "g"}),
    (
        "is volumes --zone z --attachment-state attached",
        "/v1/volumes",
        {"zone.name": "z", "attachment_state": "attached"},
    ),
    ("is snapshots --volume vol --tag t", "/v1/snapshots", {"source_volume.id": "r006-vol", "tag": "t"}),
    ("is subnets --vpc net --zone z", "/v1/subnets", {"vpc.id": "r006-vpc", "zone.name": "z"}),
    ("is vpcs --classic-access true", "/v1/vpcs", {"classic_access": "true"}),
)


@pytest.mark.parametrize(("line", "path", "query"), QUERIES, ids=[row[0] for row in QUERIES])
def test_query(tmp_path: Path, line: str, path: str, query: dict[str, str]) -> None:
    with canned(**{path_: (200, answer) for path_, answer in NAMED.items()}) as server:
        server.otherwise = (200, {"instances": [], "floating_ips": []})
        said = ibmcloud(*line.split(), "--output", "json", env=server.session(tmp_path))
    assert said.code == 0, said.err
    asked = [found for called, found in server.queries if called == path][-1]
    assert {name: value for name, value in asked.items() if name not in {"version", "generation"}} == query
    assert asked["generation"] == "2"
