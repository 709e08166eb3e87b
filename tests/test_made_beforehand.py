"""What tests are spared to make anew is as good as what it takes the place of."""

from __future__ import annotations

import ssl
from typing import Any

import pytest

from fixtures import tls_contexts


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
