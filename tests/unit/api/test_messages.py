"""Queries and headers as they come, answers as they go."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kunsthalle.api.asgi import Answer, Headers, Query


@given(st.text(alphabet="ab=&%20+;é", max_size=40).map(lambda text: text.encode("latin-1")))
def test_a_query_is_what_the_standard_library_finds_in_it(raw: bytes) -> None:
    assert Query(raw).multi_items() == parse_qsl(raw.decode("latin-1"), keep_blank_values=True)


def test_of_a_repeated_parameter_the_last_is_meant_and_all_are_kept() -> None:
    query = Query(b"status=a&status=b&empty=")
    assert (query["status"], query.get("status"), query.getlist("status")) == ("b", "b", ["a", "b"])
    assert ("empty" in query, query["empty"], "absent" in query) == (True, "", False)
    assert (query.get("absent"), query.get("absent", "x"), query.getlist("absent")) == (None, "x", [])


def test_headers_are_found_in_any_case_and_the_first_counts() -> None:
    headers = Headers([(b"host", b"one"), (b"x-latin", b"\xe9"), (b"host", b"two")])
    assert (headers.get("Host"), headers.get("HOST", "none"), headers.get("x-latin")) == ("one", "one", "é")
    assert (headers.get("absent"), headers.get("absent", "")) == (None, "")


@pytest.mark.parametrize(("status", "length"), [(200, b"2"), (202, b"2"), (204, None), (304, None)])
def test_an_answer_tells_its_length_where_it_may_have_a_body(status: int, length: bytes | None) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Answer(status, {"X-Request-Id": "1"}, b"{}").send(send))
    start, body = sent
    assert start["status"] == status
    assert (b"x-request-id", b"1") in start["headers"]
    assert dict(start["headers"]).get(b"content-length") == length
    assert {(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")} < set(start["headers"])
    assert body["body"] == b"{}"
