"""The register of connections, and the rules that need no socket."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from kunsthalle.cli.connections import Connections, Limits, Unsent, limits_of
from kunsthalle.core.addresses import network_of
from kunsthalle.settings import Settings

KIB = 1024


class Client:
    """A connection that notes when it was told to look at the time."""

    def __init__(self) -> None:
        self.told: list[float] = []

    def expire(self, now: float) -> None:
        self.told.append(now)


@pytest.mark.parametrize(
    ("story", "looks", "stalled"),
    [
        ("nothing waits", [(0, 0), (0, 100), (0, 200)], False),
        ("nothing is read", [(900 * KIB, 0), (900 * KIB, 10), (900 * KIB, 11)], True),
        ("nothing is read, within the time", [(900 * KIB, 0), (900 * KIB, 10)], False),
        ("a drip is read", [(900 * KIB, 0), (899 * KIB, 5), (890 * KIB, 11)], True),
        ("enough is read", [(900 * KIB, 0), (880 * KIB, 9), (860 * KIB, 18), (840 * KIB, 27)], False),
        ("a little rest is never read", [(1, 0), (1, 11)], True),
        ("the rest is read", [(1, 0), (0, 9), (0, 99)], False),
        ("more is written than read", [(10, 0), (900 * KIB, 5), (880 * KIB, 9), (870 * KIB, 18)], False),
        ("more is written, nothing is read", [(10, 0), (900 * KIB, 5), (900 * KIB, 11)], True),
        ("a new answer begins anew", [(900 * KIB, 0), (0, 9), (900 * KIB, 18), (900 * KIB, 27)], False),
    ],
)
def test_a_client_that_does_not_read(story: str, looks: list[tuple[int, float]], stalled: bool) -> None:
    unsent = Unsent()
    seen = [unsent.stalled(size, now, 10) for size, now in looks]
    assert seen == [*([False] * (len(looks) - 1)), stalled], story


def test_without_a_bound_nobody_stalls() -> None:
    unsent = Unsent()
    assert not any(unsent.stalled(KIB, now, 0) for now in (0, 1_000_000))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::1", "::/64"),
        ("", ""),
    ],
)
def test_what_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_connections_are_counted_by_address_and_in_all() -> None:
    async def story() -> None:
        loop = asyncio.get_running_loop()
        register = Connections(Limits(connections=3, connections_per_address=2))
        first, second, third = Client(), Client(), Client()
        register.add(first, "192.0.2.1", loop)
        register.add(second, "192.0.2.1", loop)
        assert (register.full, register.full_for("192.0.2.1"), register.full_for("192.0.2.2")) == (False, True, False)
        register.add(third, "192.0.2.2", loop)
        assert register.full
        register.remove(first)
        register.remove(first)  # a connection ends once, however often that is said
        assert (len(register), register.full, register.full_for("192.0.2.1")) == (2, False, False)
        register.expire(7.0)
        assert (first.told, second.told, third.told) == ([], [7.0], [7.0])

    asyncio.run(story())


PROXIED = "https://images.example"


@pytest.mark.parametrize(
    ("public_url", "address", "bounded"),
    [
        ("", "127.0.0.1", True),
        ("", "::1", True),
        (PROXIED, "127.0.0.1", False),
        (PROXIED, "127.0.0.7", False),
        (PROXIED, "::1", False),
        (PROXIED, "::ffff:127.0.0.1", False),
        (PROXIED, "192.0.2.1", True),
        (PROXIED, "::ffff:192.0.2.1", True),
        (PROXIED, "2001:db8::1", True),
        (PROXIED, "", True),
    ],
)
def test_a_proxy_on_this_host_calls_for_all_its_users(public_url: str, address: str, bounded: bool) -> None:
    async def story() -> None:
        settings = Settings(data=Path("x"), public_url=public_url, connections=4, connections_per_address=2)
        register = Connections(limits_of(settings, 1_000))
        for _ in range(3):
            register.add(Client(), address, asyncio.get_running_loop())
        assert register.full_for(address) is bounded
        register.add(Client(), address, asyncio.get_running_loop())
        assert register.full, "the bound of all connections holds for a proxy too"

    asyncio.run(story())


@pytest.mark.parametrize(("wanted", "files", "most"), [(1_000, 20_000, 1_000), (1_000, 256, 128), (0, 20_000, 10_000)])
def test_connections_leave_half_of_the_files_to_everything_else(wanted: int, files: int, most: int) -> None:
    assert limits_of(Settings(data=Path("x"), connections=wanted), files).connections == most


def test_no_bound_is_a_bound_of_zero() -> None:
    async def story() -> None:
        register = Connections(Limits())
        for _ in range(2_000):
            register.add(Client(), "192.0.2.1", asyncio.get_running_loop())
        assert not register.full
        assert not register.full_for("192.0.2.1")

    asyncio.run(story())
