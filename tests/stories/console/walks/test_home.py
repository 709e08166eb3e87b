"""What a publisher is led through and a consumer is told: the home page, the life of an offering, share requests."""

from __future__ import annotations

import pytest

from fixtures.clients import Account, Product
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]


@pytest.fixture(scope="module")
def product(publisher_account: Account) -> Product:
    """An offering with a version that nobody has validated."""
    return Product(publisher_account, publisher_account.import_image("led"), "led")


def test_an_offering_is_led_to_its_consumer_without_an_id(
    publisher: Visitor, consumer: Visitor, product: Product, served: Served
) -> None:
    consumer.sign_in().sees("First steps", "Nothing waits for you").accessible().shoot("home-new")
    page = f"/catalogs/{product.catalog['id']}/offerings/{product.offering['id']}"
    publisher.sign_in().sees("What waits", "Recent activity", "managed by private catalogs").accessible().fits().shoot(
        "home"
    )
    publisher.open(page).sees("From image to use", "has not been validated").shoot("life-validate")
    primary = publisher.page.locator("main .next .primary")
    for word, text in (("Validate", "No version is published"), ("Publish", "No account is on the access list")):
        assert primary.inner_text() == word
        publisher.press(word, word).sees(text)
    publisher.press("Add accounts").accessible().shoot("allow")
    dialog = publisher.page.get_by_role("dialog")
    dialog.get_by_placeholder("Search by name or ID").fill("no such name")
    assert not dialog.get_by_label("enterprise (enterprise)").is_visible()
    dialog.get_by_placeholder("Search by name or ID").fill("ENTER prise")
    dialog.get_by_label("enterprise (enterprise)").check()
    publisher.press("Add accounts").sees("The access list is not in effect")
    assert primary.inner_text() == "Switch sharing on"
    publisher.press("Switch sharing on", "Switch on").sees("No account has accepted").accessible().fits().shoot("life")
    consumer.open("/").sees("publisher asks to share 1 offering").shoot("home-request")
    assert consumer.page.locator(".badge").inner_text() == "1"
    consumer.open("/share-requests").sees("publisher", "led", "1.0.0").accessible().fits().shoot("requests")
    consumer.press("Accept publisher").sees("The request is accepted")
    assert consumer.page.locator(".badge").count() == 0
    consumer.open(page).press("Create instance from 1.0.0").sees("Create instance").shoot("create-instance")
    publisher.open(page).sees("at least one account can use it").misses("No account has accepted")
    consumer.open("/share-requests").press("Block publisher").sees("The request is declined").open(page, 404)


def test_a_stranger_is_not_told_what_others_are_offered(outsider: Visitor, product: Product) -> None:
    outsider.sign_in().open("/share-requests").sees("No account has asked yet").misses("<b>Led</b>", "Accept publisher")
    outsider.open("/").sees("Nothing waits for you").misses("asks to share")
