"""Arithmetic of IPv4 blocks; pure. Sizes and rules as the SDK documents them for subnets."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from kunsthalle.core.errors import invalid
from kunsthalle.core.regions import Region

LEAST, MOST = 8, 2**23
"""Addresses in a subnet: from a /29 to a /9."""
_CIDR = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}")

# The second byte of the default address prefixes, as the documentation's table has it.
_SECOND = {
    "us-south": 240,
    "us-east": 241,
    "eu-gb": 242,
    "eu-de": 243,
    "jp-tok": 244,
    "au-syd": 245,
    "jp-osa": 248,
    "ca-tor": 249,
    "br-sao": 250,
    "eu-es": 251,
    "ca-mon": 253,
}

# What the provider needs itself, wherever a prefix may lie (U where it is not the loopback or multicast).
_FORBIDDEN = tuple(
    IPv4Network(text) for text in "0.0.0.0/8 127.0.0.0/8 161.26.0.0/16 166.8.0.0/14 169.254.0.0/16 224.0.0.0/3".split()
)

_PROVIDER = (
    (0, "ibm-network-address"),
    (1, "ibm-default-gateway"),
    (2, "ibm-dns-address"),
    (3, "ibm-reserved-address"),
    (-1, "ibm-broadcast-address"),
)


def default_prefixes(region: Region) -> dict[str, str]:
    """Zone to CIDR of the address prefixes that come with a VPC."""
    return {zone: f"10.{_SECOND[region.name]}.{64 * n}.0/18" for n, zone in enumerate(region.zones)}


def provider_addresses(block: IPv4Network) -> dict[str, int]:
    """The five addresses of a subnet that are never given out, by name."""
    return {name: int(block[offset]) for offset, name in _PROVIDER}


def parse_cidr(text: str, field: str) -> IPv4Network:
    """A block in CIDR form without host bits; 400 `validation_invalid_ipv4_cidr` for anything else."""
    try:
        if not _CIDR.fullmatch(text):
            raise ValueError(text)
        return IPv4Network(text)
    except ValueError as error:
        message = "The value must be an IPv4 block in CIDR form, without host bits."
        raise invalid("validation_invalid_ipv4_cidr", message, field) from error


def parse_address(text: str, field: str) -> IPv4Address:
    """An IPv4 address; 400 `validation_invalid_address` for anything else."""
    try:
        return IPv4Address(text)
    except ValueError as error:
        raise invalid("validation_invalid_address", "The value must be an IPv4 address.", field) from error


def subnet_block(text: str, field: str) -> IPv4Network:
    """The block of a new subnet: 400 unless it has 8 to 8,388,608 addresses outside the provider's own ranges."""
    block = parse_cidr(text, field)
    if not LEAST <= block.num_addresses <= MOST:
        raise invalid("bad_field", "The prefix length of a subnet must be between /9 and /29.", field)
    if any(block.overlaps(taken) for taken in _FORBIDDEN):
        raise invalid("bad_field", "The block overlaps addresses that the provider keeps for itself.", field)
    return block


def subnet_size(count: int, field: str) -> int:
    """The size of a new subnet: 400 unless it is a power of two within bounds."""
    if count < LEAST:
        raise invalid("validation_min_value", f"A subnet has at least {LEAST} addresses.", field)
    if count > MOST:
        raise invalid("validation_max_value", f"A subnet has at most {MOST} addresses.", field)
    if count & (count - 1):
        raise invalid("bad_field", "The number of addresses must be a power of two.", field)
    return count


def free_block(prefix: IPv4Network, taken: Iterable[IPv4Network], size: int) -> IPv4Network | None:
    """The lowest aligned block of `size` addresses in a prefix that overlaps nothing taken, or None."""
    start = int(prefix.network_address)
    end = start + prefix.num_addresses
    for block in sorted(taken):
        begin = int(block.network_address)
        after = begin + block.num_addresses
        if after <= start:
            continue
        if begin >= start + size:
            break
        start = -(-after // size) * size
    return IPv4Network((start, 33 - size.bit_length())) if start + size <= end else None
