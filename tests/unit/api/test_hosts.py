"""Which names a server answers to."""

from __future__ import annotations

import pytest

from kunsthalle.api.hosts import Hosts
from kunsthalle.core.errors import Problem

ALLOWED = ("Images.example", "*.tenants.example", "192.0.2.9", "")


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:8100", True),
        ("console.localhost", True),
        ("127.0.0.1:1", True),
        ("127.9.9.9", True),
        ("[::1]:8100", True),
        ("10.0.0.5:8100", True),  # the address that was called
        ("10.0.0.6:8100", False),
        ("images.example", True),
        ("IMAGES.example.:443", True),
        ("sub.images.example", False),
        ("a.tenants.example", True),
        ("tenants.example", False),
        ("eviltenants.example", False),
        ("192.0.2.9", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("localhost@evil.example", False),
        ("localhost:8100@evil.example", False),
        ("localhost/evil", False),
        ("localhost evil", False),
        ("localhost:", False),
        ("localhost\nx", False),
        ("localhost\n", False),
        ("2130706433", False),
        ("0177.0.0.1", False),
        ("[::1", False),
        ("\xe9", False),
        ("", False),
    ],
)
def test_a_host(host: str, allowed: bool) -> None:
    assert Hosts(ALLOWED).allows(host.encode("latin-1"), "10.0.0.5") is allowed


def test_every_name_can_be_allowed() -> None:
    assert Hosts(["*"]).allows(b"evil.example", "")
    assert not Hosts(["*"]).allows(b"evil example", ""), "what is no name stays refused"


def test_each_of_several_headers_counts() -> None:
    headers = [(b"host", b"localhost"), (b"host", b"evil.example")]
    with pytest.raises(Problem):
        Hosts(()).check({"path": "/v1/images", "headers": headers})
    Hosts(()).check({"path": "/v1/images", "headers": []})
