"""What tests are spared to make anew is as good as what it takes the place of."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from fixtures import tls_contexts
from fixtures.rsa_keys import KEPT, in_turn


def test_keys_that_follow_each_other_differ_and_are_made_once() -> None:
    made: list[tuple[int, int]] = []

    def make(exponent: int, size: int) -> Any:
        made.append((exponent, size))
        return object()

    turns = in_turn(make)
    keys = [turns(65537, 7) for _ in range(3 * KEPT)]
    assert len({id(key) for key in keys[:KEPT]}) == KEPT == len(made)
    assert keys[:KEPT] == keys[KEPT : 2 * KEPT] == keys[2 * KEPT :]
    assert turns(65537, 8) not in keys, "another size"


def test_a_key_has_the_size_that_was_asked_for() -> None:
    assert [rsa.generate_private_key(65537, size).key_size for size in (1024, 2048)] == [1024, 2048]


@pytest.mark.parametrize(
    "look",
    [
        lambda context: context.get_ca_certs(),
        lambda context: context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="kunsthalle.test"),
    ],
    ids=["asked what is trusted", "beginning a connection"],
)
def test_a_context_reads_the_certificates_of_the_web_when_it_needs_them(
    look: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[ssl.Purpose] = []
    monkeypatch.setattr(tls_contexts, "_load", lambda _context, purpose: read.append(purpose))
    context = ssl.create_default_context()
    assert (read, context.verify_mode, context.check_hostname) == ([], ssl.CERT_REQUIRED, True)
    for _ in range(2):
        look(context)
    assert read == [ssl.Purpose.SERVER_AUTH], "once"
