"""What scripts cut out of tables: names and positions of columns (cli.md 7.2, and the uses in 6)."""

from __future__ import annotations

import json
import re

import pytest

from unit.ibmcloud.command_shell import Shell

COLUMNS = {
    "images": "ID|Name|Status|Arch|OS name|OS version|File size(GB)|Visibility|Encryption|Resource group|"
    "Catalog Offering|User Data Format|Remote Account ID",
    "instances": "ID|Name|Status|Reserved IP|Floating IP|Profile|Image|VPC|Zone|Confidential Compute Mode|"
    "Enable Secure Boot|Resource group|Reservation Name|Cluster Network ID|Cluster Network Name|"
    "Cluster Network Attachments",
    "volumes": "ID|Name|Status|Capacity|IOPS|Profile|Attachment state|Attachment type|Zone|Resource group|"
    "Catalog Offering Version|Catalog Offering Plan|Storage Generation",
    "snapshots": "ID|Name|Status|Source volume|Bootable|Resource group|Created|Catalog Offering Version|"
    "Catalog Offering Plan|Storage Generation",
    "keys": "ID|Name|Type|Length|FingerPrint|Resource group",
    "vpcs": "ID|Name|Status|Classic access|Default network ACL|Default security group|Resource group",
    "subnets": "ID|Name|Status|Subnet CIDR|Addresses|ACL|Public Gateway|VPC|Zone|Resource group",
    "regions": "Name|Endpoint|Status",
    "zones": "Name|Region|Status",
    "instance-profiles": "Name|vCPU Manufacturer|Architecture|Family|vCPUs|Memory(GiB)|Bandwidth(Mbps)|"
    "Volume bandwidth(Mbps)|GPUs|Storage(GB)|Min NIC Count|Max NIC Count",
}


@pytest.mark.parametrize("verb", COLUMNS)
def test_header(shared: Shell, verb: str) -> None:
    header = shared.run("is", verb, "-q", who="consumer" if verb != "images" else "owner").out.splitlines()[0]
    assert re.split(r" {3,}", header) == COLUMNS[verb].split("|")


def test_columns_are_three_spaces_apart_and_rows_have_no_trailing_ones(shared: Shell) -> None:
    for verb in COLUMNS:
        for line in shared.run("is", verb, "-q").out.splitlines():
            assert line == line.rstrip()
            assert "\x1b" not in line


def test_images_by_id_name_and_the_order_that_tutorials_grep_for(shared: Shell) -> None:
    lines = shared.run("is", "images").out.splitlines()
    row = next(line for line in lines if re.search(r"spare.*available.*amd64.*debian.*private", line))
    known = {one["name"]: one["id"] for one in json.loads(shared.run("is", "images", "--output", "json").out)}
    assert row.split(" ")[0] == known["spare"]
    assert row.split()[1] == "spare"


def test_instances_by_id_name_status_and_addresses(shared: Shell) -> None:
    line = next(one for one in shared.run("is", "instances", who="consumer").out.splitlines() if "borrowed" in one)
    words = line.split()
    assert words[:3] == [shared.names["borrowed"], "borrowed", "running"]
    assert re.fullmatch(r"10\.\d+\.\d+\.\d+", words[3])
    assert words[4] == "-"


def test_addresses_of_a_subnet_are_free_of_total(shared: Shell) -> None:
    row = shared.run("is", "subnets", "-q").out.splitlines()[1]
    assert re.search(r" \d+/256 ", row)


@pytest.mark.parametrize(
    ("label", "position", "expected"),
    [("Region", 1, "us-south"), ("Resource group:", 2, "Default"), ("User", 1, "owner@publisher.example")],
)
def test_labels_of_the_target(shell: Shell, label: str, position: int, expected: str) -> None:
    shell.run("target", "-g", "Default")
    line = next(one for one in shell.run("target").out.splitlines() if label in one)
    assert line.split()[position] == expected


def test_the_token_is_the_fourth_word(shared: Shell) -> None:
    line = shared.run("iam", "oauth-tokens").out
    assert re.fullmatch(r"IAM token:  Bearer \S+\n", line)
    assert len(line.split()[3].split(".")) == 3
    assert json.loads(shared.run("iam", "oauth-tokens", "--output", "json").out)["iam_token"].startswith("Bearer ")
