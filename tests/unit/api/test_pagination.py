"""The codec of cursors, and the addresses of pages in the form of each API family."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kunsthalle.api import pagination
from kunsthalle.api.asgi import Headers, Query
from kunsthalle.api.request import Request
from kunsthalle.core.errors import Problem

ORIGIN = "https://api.example.org"
IDS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:@", min_size=1, max_size=128)


def request(query: str) -> Request:
    return Request("GET", "/v1/lists", {}, Query(query.encode()), Headers([]))


def raw(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(st.integers(0, 10**18 - 1), IDS)
def test_a_place_comes_back_from_its_cursor(moment: int, id_: str) -> None:
    assert pagination.key_of(pagination.key_cursor((moment, id_))) == (moment, id_)


@given(st.integers(0, pagination.FURTHEST))
def test_an_offset_comes_back_from_its_cursor(offset: int) -> None:
    assert pagination.offset_of(pagination.offset_cursor(offset)) == offset


def test_cursors_of_earlier_versions_are_read() -> None:
    assert pagination.key_cursor((1_700_000_000_000_000, "r006-1a2b")) == "MTcwMDAwMDAwMDAwMDAwMC5yMDA2LTFhMmI"
    assert pagination.offset_cursor(20) == "YXQuMjA"


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "?",
        "made-up",
        "ä",
        raw("12"),
        raw(".id"),
        raw("12."),
        raw("-1.id"),
        raw("12.a\0b"),
        raw("12.a b"),
        raw("٣.id"),
        raw("1" * 19 + ".id"),
        raw("12." + "a" * 129),
        raw("12.id\n"),
        raw("at.20"),
        raw("12.id") + "==x",
    ],
)
def test_what_no_list_has_given_names_no_place(cursor: str) -> None:
    assert pagination.key_of(cursor) is None
    parse = (pagination.next_page(pagination.USER_PAGES).extra or {})["parse"]
    if cursor:
        with pytest.raises(Problem) as refused:
            parse(cursor)
        assert (refused.value.reason.value, refused.value.target and refused.value.target.name) == (400, "_start")
    else:
        assert parse(cursor) is None


@pytest.mark.parametrize("cursor", ["", "20", raw("20"), raw("at."), raw("at.-1"), raw("at.1000000001"), raw("12.id")])
def test_what_no_list_has_given_names_no_offset(cursor: str) -> None:
    assert pagination.offset_of(cursor) is None


def test_every_family_writes_addresses_in_its_own_form() -> None:
    here, token = f"{ORIGIN}/v1/lists", pagination.offset_cursor
    by_number = request("name=a+b&limit=2&offset=2")
    assert pagination.CATALOG_PAGES.links(ORIGIN, by_number, 2, 2, 4, 7) == {
        "first": "/v1/lists?name=a+b&limit=2&offset=0",
        "last": "/v1/lists?name=a+b&limit=2&offset=6",
        "prev": "/v1/lists?name=a+b&limit=2&offset=0",
        "next": "/v1/lists?name=a+b&limit=2&offset=4",
    }
    assert pagination.ACCESS_GROUP_PAGES.links(ORIGIN, by_number, 2, 2, None, 4) == {
        "first": {"href": f"{here}?name=a+b&limit=2&offset=0"},
        "last": {"href": f"{here}?name=a+b&limit=2&offset=2"},
        "previous": {"href": f"{here}?name=a+b&limit=2&offset=0"},
    }
    by_token = request(f"pagesize=20&pagetoken={token(20)}")
    assert pagination.IDENTITY_PAGES.links(ORIGIN, by_token, 20, 20, 40) == {
        "first": f"{here}?pagesize=20",
        "previous": f"{here}?pagesize=20&pagetoken={token(0)}",
        "next": f"{here}?pagesize=20&pagetoken={token(40)}",
    }
    assert pagination.POLICY_PAGES.links(ORIGIN, request("limit=5"), 0, 5, 5) == {
        "first": {"href": f"{here}?limit=5"},
        "next": {"href": f"{here}?limit=5&start={token(5)}", "start": token(5)},
    }
    assert pagination.IDENTITY_PAGES.links(ORIGIN, request(""), 0, 20, None) == {"first": here}


def test_links_by_place() -> None:
    listed = request("name=a&start=old")
    assert pagination.VPC_PAGES.link(ORIGIN, listed, "new", 50) == {
        "href": f"{ORIGIN}/v1/lists?name=a&limit=50&start=new"
    }
    assert pagination.VPC_PAGES.link(ORIGIN, listed) == {"href": f"{ORIGIN}/v1/lists?name=a"}
    assert pagination.CATALOG_AUDITS.link(ORIGIN, listed, "new", 50) == {"href": "?limit=50&start=new", "start": "new"}
    assert pagination.CATALOG_VERSIONS.link(ORIGIN, listed, limit=50) == {"href": "/v1/lists?limit=50"}
    key = (12, "id")
    assert pagination.next_url(listed, pagination.PLATFORM_PAGES, key) == f"/v1/lists?name=a&start={raw('12.id')}"
    assert pagination.next_url(listed, pagination.PLATFORM_PAGES, None) is None


def test_without_a_limit_the_last_page_is_the_first() -> None:
    found = pagination.ACCESS_GROUP_PAGES.links(ORIGIN, request("limit=0"), 0, 0, None, 3)
    assert found["last"] == found["first"]
