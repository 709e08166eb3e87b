"""Arithmetic of blocks."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kunsthalle.core.errors import Problem
from kunsthalle.core.regions import REGIONS
from kunsthalle.networks.ipv4_blocks import (
    default_prefixes,
    free_block,
    parse_address,
    parse_cidr,
    provider_addresses,
    subnet_block,
    subnet_size,
)

PREFIX = IPv4Network("10.240.0.0/24")


def test_default_prefixes_are_those_of_the_documentation() -> None:
    assert default_prefixes(REGIONS["us-south"]) == {
        "us-south-1": "10.240.0.0/18",
        "us-south-2": "10.240.64.0/18",
        "us-south-3": "10.240.128.0/18",
    }


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_has_default_prefixes_that_do_not_overlap(region: str) -> None:
    blocks = [IPv4Network(cidr) for cidr in default_prefixes(REGIONS[region]).values()]
    assert len(blocks) == 3
    assert not any(one.overlaps(other) for one in blocks for other in blocks if one != other)


def test_the_provider_keeps_the_first_four_and_the_last() -> None:
    kept = provider_addresses(IPv4Network("10.0.0.8/29"))
    base = int(IPv4Network("10.0.0.8/29").network_address)
    assert sorted(number - base for number in kept.values()) == [0, 1, 2, 3, 7]


sub_blocks = st.lists(
    st.tuples(st.integers(0, 31), st.sampled_from([8, 16, 32, 64])).map(
        lambda pair: IPv4Network(
            (int(PREFIX.network_address) + pair[0] * 8 // pair[1] * pair[1], 33 - pair[1].bit_length())
        )
    ),
    max_size=6,
)


@given(sub_blocks, st.sampled_from([8, 16, 32, 64, 128, 256]))
def test_free_block_is_the_first_of_all_that_are_free(taken: list[IPv4Network], size: int) -> None:
    every = PREFIX.subnets(new_prefix=33 - size.bit_length())
    expected = next((one for one in every if not any(one.overlaps(other) for other in taken)), None)
    assert free_block(PREFIX, taken, size) == expected


def test_free_block_ignores_what_lies_outside_and_around() -> None:
    assert free_block(PREFIX, [IPv4Network("10.239.0.0/24"), IPv4Network("10.241.0.0/24")], 256) == PREFIX
    assert free_block(PREFIX, [IPv4Network("10.0.0.0/8")], 8) is None
    assert free_block(PREFIX, [], 512) is None


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1/24",
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/255.255.255.0",
        "10.0.0.0/0.0.0.255",
        "010.0.0.0/24",
        "10.0.0.0/24\n",
        " 10.0.0.0/24",
        "10.0.0/24",
        "\u0661\u0660.0.0.0/24",
        "::/64",
        "",
    ],
)
def test_only_blocks_in_cidr_form(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_cidr(text, "ipv4_cidr_block")
    assert refused.value.code == "validation_invalid_ipv4_cidr"


@pytest.mark.parametrize("text", ["10.0.0.256", "10.0.0.1/32", "::1", "1", "", "10.0.0.01"])
def test_only_addresses(text: str) -> None:
    with pytest.raises(Problem) as refused:
        parse_address(text, "address")
    assert refused.value.code == "validation_invalid_address"


@pytest.mark.parametrize("text", ["10.0.0.0/30", "0.0.0.0/8", "127.0.0.0/24", "161.26.0.0/24", "224.0.0.0/24"])
def test_blocks_that_no_subnet_may_have(text: str) -> None:
    with pytest.raises(Problem) as refused:
        subnet_block(text, "ipv4_cidr_block")
    assert refused.value.code == "bad_field"


@pytest.mark.parametrize(
    ("count", "code"),
    [(-8, "validation_min_value"), (4, "validation_min_value"), (12, "bad_field"), (2**24, "validation_max_value")],
)
def test_sizes_that_no_subnet_may_have(count: int, code: str) -> None:
    with pytest.raises(Problem) as refused:
        subnet_size(count, "total_ipv4_address_count")
    assert refused.value.code == code
