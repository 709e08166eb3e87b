"""A file that is larger than the server's memory should take: parts go to the bucket one by one, and none is kept."""

from __future__ import annotations

import re
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fixtures.clients import Account
from kunsthalle.testing import Served

MIB = 2**20
PART, BEFORE, PARTS = 8 * MIB, 4, 28


def resident(served: Served) -> int:
    """Bytes of memory that the server holds now."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{served.pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def test_the_servers_memory_does_not_grow_with_the_file(served: Served, attacker: Account) -> None:
    token = attacker.authenticator.token_manager.get_token()
    connection = HTTPConnection(urlsplit(served.url).netloc, timeout=60)

    def ask(method: str, path: str, body: bytes | None = None) -> Any:
        connection.request(method, f"/_kunsthalle/uploads{path}", body, {"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status < 300, content
        return msgspec.json.decode(content) if content else None

    bucket = Path(attacker.bucket)
    body = {"bucket": bucket.name, "object": "large.raw", "size": PART * PARTS}
    upload = ask("POST", "", msgspec.json.encode(body))
    part, before = bytes(PART), 0
    for number in range(1, PARTS + 1):
        ask("PUT", f"/{upload['id']}/parts/{number}", part)
        before = resident(served) if number == BEFORE else before
    assert ask("GET", f"/{upload['id']}")["received_bytes"] == PART * PARTS
    assert resident(served) - before < 4 * PART, "less than a sixth of what came since"
    ask("DELETE", f"/{upload['id']}")
    assert not list(bucket.parent.glob(".uploads/*"))
