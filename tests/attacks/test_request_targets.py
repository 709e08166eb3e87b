"""Request targets that are no path: refused as any unknown path is, never with a failure of the server."""

from __future__ import annotations

import pytest

from attacks.raw import Raw
from kunsthalle.testing import Served

TARGETS = {
    "*": ("OPTIONS", "*", 404),
    "* for another method": ("POST", "*", 404),
    "//": ("GET", "//", 404),
    "a network location without a scheme": ("GET", "//evil.example/v1/", 404),
    "///": ("GET", "///", 404),
    "the root": ("GET", "/", 200),
    "a query alone": ("GET", "/?a=b", 200),
    "an absolute URL of a path that is there": ("GET", "http://evil.example/healthz", 200),
    "an absolute URL without a path": ("GET", "http://evil.example", 400),
    "an absolute URL with a query and no path": ("GET", "http://evil.example?a=b", 400),
    "an encoded slash": ("GET", "/%2f", 404),
    "an encoded NUL": ("GET", "/%00", 404),
    "half of an encoded byte": ("GET", "/%", 404),
    "bytes that are not UTF-8": ("GET", "/%ff%fe", 404),
    "an authority": ("CONNECT", "evil.example:443", 400),
    "a word": ("GET", "healthz", 400),
}


@pytest.mark.parametrize("name", TARGETS)
def test_what_is_no_path_is_refused(served: Served, name: str) -> None:
    method, target, status = TARGETS[name]
    before = len(served.log.read_bytes())
    with Raw(served) as attacker:
        attacker.request(method, target, "Connection: close")
        heard = attacker.until_closed()
    assert heard.status == status, heard.raw
    if status >= 400:
        assert heard.json["errors"][0]["message"]
    assert "x-content-type-options: nosniff" in heard.head
    assert "cache-control: no-store" in heard.head
    assert b"Traceback" not in served.log.read_bytes()[before:]


def test_a_target_that_is_no_url_is_refused_behind_other_requests_too(served: Served) -> None:
    with Raw(served) as attacker:
        attacker.request("GET", "/healthz")
        assert attacker.answer().status == 200
        attacker.request("GET", "http://evil.example")
        assert attacker.until_closed().statuses == [400]
