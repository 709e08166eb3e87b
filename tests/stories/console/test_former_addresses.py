"""Links to pages of earlier releases lead to where the pages are now."""

from __future__ import annotations

import httpx
import pytest

from kunsthalle.console.all_pages import PAGES
from kunsthalle.console.former_addresses import moved
from kunsthalle.console.page_frame import Pages
from kunsthalle.testing import Served

MOVED = {
    "/servers": "/instances",
    "/servers/new": "/instances/new",
    "/servers/0717_ab/delete": "/instances/0717_ab/delete",
    "/rehearsal": "/operator/overview",
    "/rehearsal/fault": "/operator/fault",
    "/catalogs/c1/products/o1": "/catalogs/c1/offerings/o1",
    "/catalogs/c1/products/o1/share": "/catalogs/c1/offerings/o1/share",
    "/catalogs/c1/new-product": "/catalogs/c1/new-offering",
}
STAYED = ("/", "/servers-of-others", "/instances", "/catalogs/c1", "/catalogs/products", "/images/rehearsal")


@pytest.mark.parametrize("former", MOVED)
def test_a_former_address_names_a_page_of_today(former: str) -> None:
    assert moved(former) == MOVED[former]
    page, _ = Pages(PAGES).find("GET", MOVED[former])
    assert page is not None
    before, _ = Pages(PAGES).find("GET", former)
    assert before is None


@pytest.mark.parametrize("path", STAYED)
def test_other_addresses_stay(path: str) -> None:
    assert moved(path) is None


def test_a_browser_is_led_there_with_its_query_and_never_elsewhere(served: Served) -> None:
    for path, location in {
        "/console/servers?sort=name&page=2": "/console/instances?sort=name&page=2",
        "/console/servers//elsewhere.example/": "/console/instances//elsewhere.example/",
        "/console/servers/%0d%0aX-Injected:1": "/console/instances/%0D%0AX-Injected:1",
    }.items():
        answer = httpx.get(served.url + path, follow_redirects=False, timeout=60)
        assert (answer.status_code, answer.headers["location"]) == (308, location)
        assert "x-injected" not in answer.headers
