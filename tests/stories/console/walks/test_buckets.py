"""The objects of a bucket, more than one page of the API has: found, fetched, and deleted; and an export as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fixtures.clients import Account
from kunsthalle.testing import Served
from stories.console.walks.visitor import NARROW, Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]
MANY = 1_050


@pytest.fixture(scope="module")
def objects(publisher_account: Account) -> int:
    """So many that the API lists them in several pages."""
    folder = Path(publisher_account.bucket)
    for number in range(MANY):
        (folder / f"object-{number:04}.txt").write_bytes(b"of the bucket")
    return MANY


def _saved(visitor: Visitor, name: str) -> tuple[str, bytes]:
    """The file that a link gives: its name, and what is in it."""
    with visitor.page.expect_download() as started:
        visitor.page.get_by_role("link", name=name, exact=True).first.click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def test_objects_are_found_fetched_and_deleted(publisher: Visitor, objects: int) -> None:
    publisher.sign_in().open("/buckets").sees("Buckets of this account").accessible().press("images")
    publisher.sees("object-0000.txt").fits().accessible().reachable().shoot("bucket")
    assert _saved(publisher, "object-0007.txt") == ("object-0007.txt", b"of the bucket")
    publisher.open("/buckets/images?limit=100").sees("1-100 items")
    for number in range(2, objects // 100 + 2):
        publisher.press("Next page").sees(f"Page {number}")
    publisher.sees("object-1049.txt").press("Previous page").sees("object-0999.txt")
    publisher.open("/buckets/images?q=object-1049").sees("1-1 of 1 item")
    publisher.page.get_by_label("Actions for object-1049.txt").click()
    publisher.press("Delete").sees("Delete object-1049.txt?").accessible().shoot("delete-object")
    publisher.press("Delete").sees("The object is deleted.").open("/buckets/images?q=object-1049").sees(
        "Nothing matches"
    )
    publisher.open("/buckets/images")
    for name in ("object-0001.txt", "object-0002.txt"):
        publisher.page.get_by_label(f"Choose {name}", exact=True).check()
    publisher.press("Delete chosen objects").sees("Delete 2 objects?").accessible().press("Delete")
    publisher.sees("2 objects are deleted.").misses("object-0001.txt", "object-0002.txt")


def test_an_export_is_fetched_where_it_is_watched(publisher: Visitor, publisher_account: Account) -> None:
    image = publisher_account.import_image("exported")["id"]
    publisher.sign_in().open(f"/images/custom/{image}/exports").press("Export image")
    publisher.fill(name="by-hand").press("Export image").sees("Succeeded").accessible().shoot("export")
    name, content = _saved(publisher, "Download")
    assert (name.startswith("by-hand-"), name.endswith(".qcow2"), content[:4]) == (True, True, b"QFI\xfb")
    publisher.open(f"/images/custom/{image}/exports")
    publisher.page.get_by_label("Actions for by-hand").click()
    assert _saved(publisher, "Download") == (name, content)


def test_a_bucket_by_keyboard_in_a_narrow_window_and_in_the_dark(publisher: Visitor, objects: int) -> None:
    assert objects
    publisher.sign_in()
    publisher.page.set_viewport_size(NARROW)  # type: ignore[arg-type]  # width and height
    publisher.page.emulate_media(color_scheme="dark")
    publisher.open("/buckets/images?limit=10").accessible().reachable()
    box = publisher.page.get_by_label("Choose object-0003.txt", exact=True)
    box.focus()
    publisher.page.keyboard.press("Space")
    publisher.page.get_by_role("button", name="Delete chosen objects").focus()
    publisher.page.keyboard.press("Enter")
    publisher.sees("Delete object-0003.txt?").accessible()
    publisher.page.get_by_role("button", name="Delete", exact=True).focus()
    publisher.page.keyboard.press("Enter")
    publisher.sees("The object is deleted.").misses("object-0003.txt")


def test_a_bucket_without_scripts(served: Served, browser: Any, objects: int) -> None:
    assert objects
    with Visitor(browser, served.url, served.env("publisher")["IBMCLOUD_API_KEY"], scripts=False) as visitor:
        visitor.sign_in().open("/buckets/images").sees("object-0010.txt")
        assert _saved(visitor, "object-0010.txt")[1] == b"of the bucket"
        visitor.page.get_by_label("Choose object-0010.txt", exact=True).check()
        visitor.press("Delete chosen objects").sees("Delete object-0010.txt?").press("Delete")
        visitor.sees("The object is deleted.").misses("object-0010.txt")


def test_who_may_not_read_it_has_no_such_bucket(consumer: Visitor, outsider: Visitor, objects: int) -> None:
    assert objects
    for visitor in (consumer, outsider):
        visitor.sign_in().open("/buckets/images").misses("object-0011.txt")
        visitor.open("/buckets/nothing", 404)
