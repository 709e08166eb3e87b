"""The account's own images: what the list shows, what a page tells, what a refused change says."""

from __future__ import annotations

import pytest

from fixtures.clients import Account
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]


@pytest.fixture(scope="module")
def images(publisher_account: Account) -> list[str]:
    return [publisher_account.import_image(f"golden-{number:02}")["id"] for number in range(12)]


def test_a_list_is_searched_sorted_and_paged(publisher: Visitor, images: list[str]) -> None:
    publisher.sign_in().open("/images/custom").sees("golden-11", "1-12 of 12 items").shoot("custom-images")
    names = publisher.page.locator("tbody tr td.box + td")
    publisher.press("Name").sees("golden-00")
    assert names.all_inner_texts() == [f"golden-{number:02}" for number in range(12)]
    publisher.press("Name")
    publisher.page.wait_for_url("**/custom?sort=-name")
    assert names.first.inner_text() == "golden-11"
    publisher.open("/images/custom?limit=10").sees("1-10 of 12 items").press("Next page").sees("11-12 of 12 items")
    publisher.press("Previous page").sees("1-10 of 12 items")
    publisher.fill(q="golden-07").press("Search").sees("1-1 of 1 item").misses("golden-08")
    publisher.fill(q="nothing like that").press("Search").sees("Nothing matches")
    publisher.open("/images/custom?status=failed").sees("Nothing matches")


def test_a_page_tells_everything_and_a_refused_change_says_why(publisher: Visitor, images: list[str]) -> None:
    publisher.sign_in().open(f"/images/custom/{images[0]}").sees("SHA-256 of the file", images[0]).shoot("custom-image")
    publisher.press("Rename").accessible().fill(name="Not A Name").press("Rename")
    publisher.faulted("name", "A name consists of").accessible()
    publisher.fill(name="silver-00").press("Rename").sees("The image has been changed.", "silver-00")
    publisher.open(f"/images/custom/{images[0]}/edit").fill(name="golden-00").press("Rename").sees("golden-00")


def test_an_import_is_watched_until_it_is_done(publisher: Visitor, publisher_account: Account, served: Served) -> None:
    href = publisher_account.put_image("watched.qcow2", b"bytes that are watched")
    body = {"on": "job", "match": "image.import", "effect": "hold", "seconds": 300}
    served.operate("POST", "/_kunsthalle/faults", body)
    publisher.sign_in().open("/images/custom/import").fill(name="watched", file__href=href)
    publisher.fill(operating_system__name="debian-12-amd64").press("Import")
    publisher.sees("Waiting, 0 %").accessible().shoot("import-progress")
    here = publisher.page.url
    publisher.page.evaluate("() => { window.stays = true; }")
    served.advance("10m")
    publisher.sees("Available")
    assert publisher.page.evaluate("() => window.stays"), "the page was not loaded anew"
    assert publisher.page.url == here
    assert publisher.page.get_by_role("progressbar").count() == 0


def test_what_is_not_the_accounts_own_is_not_there(outsider: Visitor, images: list[str]) -> None:
    outsider.sign_in().open("/images/custom").sees("No image has been imported yet")
    outsider.open(f"/images/custom/{images[0]}", 404).sees("Not found").misses("golden-00", images[0])
