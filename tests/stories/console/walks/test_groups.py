"""A template and a group of a shared image: the policy that is missing is named, and a button makes it."""

from __future__ import annotations

import pytest

from fixtures.clients import Account, Product
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]


@pytest.fixture(scope="module")
def shared(publisher_account: Account, consumer_account: Account) -> dict[str, str]:
    """An image of the publisher's whose version the consumer may boot; the image's id and the version's CRN."""
    image = publisher_account.import_image("grouped-golden", b"bytes of an image for groups")
    product = Product(publisher_account, image, "groups-walk")
    product.publish()
    product.share_with(consumer_account)
    product.accept_as(consumer_account)
    return {"image": image["id"], "version": product.version["crn"]}


def test_a_group_of_a_catalog_image_is_made_once_it_is_authorized(consumer: Visitor, shared: dict[str, str]) -> None:
    consumer.sign_in().open("/templates/new").fill(source=f"version {shared['version']}").sees("Create template from")
    consumer.fill(name="pattern").press("Create template").sees("The template has been created").accessible()
    consumer.shoot("template").press("Create instance group").sees("Create instance group of pattern").accessible()
    consumer.fill(name="fleet", membership_count="1").press("Create instance group")
    consumer.sees("The request was refused", "The authorization policy is missing").accessible().shoot("group-refused")
    consumer.press("Create the authorization policy").sees("Authorize instance groups to use this catalog").accessible()
    consumer.press("Create the authorization policy").sees("Instance groups may use the catalog now")
    consumer.press("Create instance group").fill(template="pattern").sees("Create instance group of pattern")
    consumer.fill(name="fleet", membership_count="2").press("Create instance group")
    consumer.sees("Healthy").accessible().shoot("group")
    assert consumer.page.locator("tbody tr").count() == 2
    consumer.press("Change size").accessible().fill(membership_count="1").press("Change size").sees(
        "The group adds or deletes instances"
    )
    consumer.open("/groups").sees("fleet").press("fleet").press("Delete").press("Delete")
    consumer.sees("The group is being deleted").page.get_by_role("link", name="fleet", exact=True).wait_for(
        state="detached"
    )


def test_what_was_made_of_an_image_is_drawn_for_its_owner_alone(
    consumer: Visitor, publisher: Visitor, outsider: Visitor, consumer_account: Account, shared: dict[str, str]
) -> None:
    server = consumer_account.boot("told-to-nobody", catalog_offering={"version": {"crn": shared["version"]}})
    publisher.sign_in().open(f"/images/custom/{shared['image']}").press("Show lineage")
    publisher.sees("Lineage of grouped-golden", "Groups-Walk", "consumer-a").accessible().shoot("lineage")
    drawn = publisher.page.locator("svg.graph").text_content() or ""
    assert "consumer-a" in drawn
    assert "1 instance" in drawn
    publisher.misses("told-to-nobody", server["id"])
    for other in (consumer, outsider):
        other.sign_in().open(f"/images/custom/{shared['image']}/lineage", 404).misses("grouped-golden")


def test_a_volume_gives_a_snapshot_from_which_a_server_is_made(consumer: Visitor, consumer_account: Account) -> None:
    image = consumer_account.import_image("for-snapshots", b"bytes for a snapshot")
    consumer_account.boot("snapped", image={"id": image["id"]})
    consumer.sign_in().open("/instances").press("snapped")
    consumer.page.locator("[aria-labelledby=volumes] a").first.click()
    consumer.sees("for-snapshots").accessible().shoot("volume").press("Take snapshot").fill(name="snap")
    consumer.press("Take snapshot").sees("Stable").accessible().shoot("snapshot")
    consumer.press("Create instance").sees("Create instance from snap").accessible().fill(name="again")
    consumer.press("Create instance").sees("Running", "for-snapshots")
    consumer.open("/snapshots").sees("snap").press("snap").press("Delete").press("Delete")
    consumer.sees("The snapshot is being deleted").open("/volumes?attachment_state=unattached").sees("Nothing matches")
