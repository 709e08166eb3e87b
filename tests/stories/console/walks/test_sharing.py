"""From a file in a bucket to a product that another account may boot, and back: everything by hand, in the browser."""

from __future__ import annotations

import re

import pytest

from fixtures.clients import Account
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]


def _act(visitor: Visitor, row: str, action: str) -> Visitor:
    """Opens the menu of a row of a list and picks an action."""
    line = visitor.page.locator("tbody tr").filter(has_text=row).first
    line.locator("details.more summary").click()
    line.get_by_role("link", name=action, exact=True).click()
    visitor.page.get_by_role("dialog").wait_for()
    return visitor


@pytest.fixture
def shared_product(publisher: Visitor, publisher_account: Account, consumer_account: Account) -> str:
    """The publisher imports, shares to a new catalog, validates, publishes and lets the consumer in; the image's id."""
    publisher_account.put_image("walk.qcow2", b"bytes of the walk")
    publisher.sign_in().open("/images/custom").press("Import image").accessible().shoot("import-dialog")
    publisher.fill(name="walk", file__href="cos://us-south/images/nothing.qcow2").fill(
        operating_system__name="debian-12-amd64"
    )
    publisher.press("Import").faulted("file.href", "does not exist").accessible().shoot("import-refused")
    publisher.fill(file__href="cos://us-south/images/walk.qcow2").press("Import")
    publisher.sees("The import has begun", "Available").accessible()
    image = publisher.page.url.rsplit("/", 1)[-1]
    publisher.press("Share to catalog").accessible()
    publisher.open("/catalogs").press("Create catalog").fill(label="Golden images").press("Create catalog")
    publisher.sees("The catalog has been created").accessible()
    publisher.open(f"/images/custom/{image}/share").fill(place="Golden images: a new offering")
    publisher.fill(name="walk", version="1.0.0").press("Share to catalog")
    publisher.sees("The image is a version now").accessible()
    _act(publisher, "1.0.0", "Validate").press("Validate").sees("Validated")
    _act(publisher, "1.0.0", "Publish").press("Publish").sees("The version is published", "Consumable")
    publisher.press("Add accounts").fill(identifiers="no account").press("Add accounts")
    publisher.sees("Identifiers are").accessible().fill(identifiers=f"-acct-{consumer_account.id}").press(
        "Add accounts"
    ).sees("Pending")
    publisher.press("Switch sharing on").press("Switch on").sees(
        "In effect.", "Accounts that can boot this offering"
    ).accessible()
    publisher.shoot("product-of-owner")
    return image


def test_a_product_is_shared_accepted_and_taken_away(
    publisher: Visitor, consumer: Visitor, outsider: Visitor, shared_product: str, served: Served
) -> None:
    image, product = shared_product, publisher.page.url.split("/console")[1]

    consumer.sign_in().open("/images/catalog").sees("No offering is shared").misses("walk")
    consumer.open("/share-requests").shoot("share-requests")
    consumer.page.get_by_role("button", name=re.compile("^Accept")).click()
    consumer.sees("The request is accepted").open("/images/catalog").sees("walk", "Published").shoot("catalog-images")
    consumer.press("walk").sees("This offering belongs to another account").accessible().shoot("product-of-consumer")
    consumer.misses(image).open(f"/images/custom/{image}", 404)

    outsider.sign_in().open("/images/catalog").misses("walk").open(product, 404).misses("walk", image)

    publisher.open(f"/images/custom/{image}").sees("A private catalog manages this image").shoot("managed-image")
    publisher.is_told_why_not("Delete", "A private catalog manages it").accessible()
    publisher.open(f"/images/custom/{image}/delete").sees("Golden images").accessible().shoot("delete-managed")
    publisher.press("Delete").sees("The request was refused").accessible()
    publisher.open(product)
    _act(publisher, "1.0.0", "Deprecate").fill(days_until_deprecate="30").press("Deprecate").sees("Deprecate pending")
    _act(publisher, "1.0.0", "Restore").press("Restore").sees("no longer being deprecated")

    publisher.press("Golden images").sees("Offerings").accessible().shoot("catalog")
    publisher.press("Delete").sees("Images that stay managed").accessible().shoot("delete-catalog")
    publisher.fill(confirm="something else").press("Delete catalog").sees("Type the name of the catalog").accessible()
    publisher.fill(confirm="Golden images").press("Delete catalog").sees("until it is reclaimed").accessible()
    consumer.open("/images/catalog").misses("walk").open(product, 404)
    publisher.shoot("reclamations")
    _act(publisher, "Reclaim now", "Restore").press("Restore").sees("The resource is restored")
    consumer.open("/images/catalog").sees("walk")

    publisher.open(product).press("Remove accounts").page.get_by_role("checkbox").first.check()
    publisher.press("Remove accounts").sees("The access list is empty.")
    consumer.open(product, 404)
    publisher.press("Publish outside the enterprise").press("Request approval").sees("requested, not answered yet")
    publisher.press("Delete").press("Delete offering").sees("its images are free").accessible()
    publisher.open(f"/images/custom/{image}").press("Deprecate").press("Deprecate").sees("Deprecated")
    publisher.press("Make obsolete").press("Make obsolete").sees("Obsolete")
    publisher.press("Delete").press("Delete").sees("The image is being deleted")
