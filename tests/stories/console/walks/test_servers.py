"""From something to boot from to a server and its end, by hand: what fits is offered, what is foreign is said so."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.clients import Account, Product
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]


@pytest.fixture(scope="module")
def shared(publisher_account: Account, consumer_account: Account) -> dict[str, str]:
    """An image of the publisher's whose version the consumer may boot; the image's id and the version's CRN."""
    image = publisher_account.import_image("foreign-golden", b"bytes of a shared image")
    product = Product(publisher_account, image, "servers-walk")
    product.validate()
    product.publish()
    product.share_with(consumer_account)
    product.accept_as(consumer_account)
    return {"image": image["id"], "version": product.version["crn"]}


def _two_at_a_serial_console(publisher: Visitor, served: Served, browser: Any) -> None:
    """It is opened, left with the keyboard, occupied for somebody else, and taken over."""
    page = publisher.page
    assert not page.get_by_role("button", name="Open screen (VNC)").count(), "a simulated instance has no screen"
    publisher.press("Open serial console").sees("Connected to the serial console.", "leaves it").accessible()
    page.wait_for_function("document.activeElement.matches('.xterm-helper-textarea')")
    page.wait_for_function("document.querySelector('.xterm-rows').textContent.includes('is simulated')")
    publisher.shoot("serial-console")
    page.keyboard.type("typed")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.xterm-helper-textarea')"), "the guest gets tabs"
    page.keyboard.press("Control+Shift+L")
    assert page.evaluate("document.activeElement.textContent") == "Close console"
    with Visitor(browser, served.url, served.env("publisher")["IBMCLOUD_API_KEY"]) as other:
        other.sign_in().open(page.url.split("/console", 1)[1]).press("Open serial console")
        other.sees("Somebody else uses the serial console.").accessible()
        assert other.page.evaluate("document.activeElement.textContent") == "Take over serial console"
        other.press("Take over serial console").sees("Connected to the serial console.")
        publisher.sees("Another session has taken the console.")
        other.press("Close console").sees("The serial console is closed.")


def test_a_server_lives_and_dies_in_the_browser(
    publisher: Visitor, publisher_account: Account, served: Served, browser: Any
) -> None:
    image = publisher_account.import_image("for-servers", b"bytes of a server")
    apart = publisher_account.vpc.create_placement_group("host_spread", name="by-hand-apart").get_result()
    publisher.sign_in().open("/instances").accessible().press("Create instance")
    publisher.fill(source=f"image {image['id']}").sees("Create instance from for-servers").accessible()
    offered = publisher.page.locator('[name="profile.name"] option').all_inner_texts()
    assert offered
    assert not [one for one in offered if one.startswith("bz2")], "of another architecture"
    publisher.fill(name="Not A Name").press("Create instance").faulted("name", "").accessible()
    offered = publisher.page.locator('[name="placement_target.id"] option').all_inner_texts()
    assert offered == ["None", "by-hand-apart (Host spread)"]
    placed = {"placement_target.id": apart["id"]}
    publisher.fill(name="by-hand", **{"profile.name": "bx2-2x8"}, **placed).shoot("create-server")
    publisher.press("Create instance").sees("Running", "No guest ran").misses("is being created").accessible()
    publisher.press("by-hand-apart").sees("Host spread", "by-hand").accessible()
    publisher.press("by-hand")
    publisher.sees("This instance is simulated: no guest runs").shoot("server")
    _two_at_a_serial_console(publisher, served, browser)
    publisher.press("for-servers").sees("SHA-256 of the file").page.go_back()
    publisher.press("Stop").accessible().press("Stop").sees("The instance stops", "Stopped")
    publisher.press("Start").press("Start").sees("Running", "was started 2 time(s)")
    publisher.press("Reboot").press("Reboot").sees("The instance boots again", "Running")
    publisher.open("/instances").sees("by-hand").shoot("servers").press("by-hand").press("Delete").press("Delete")
    publisher.sees("The instance is being deleted")
    publisher.page.get_by_role("link", name="by-hand", exact=True).wait_for(state="detached")


def test_a_server_from_a_catalog_keeps_a_reference_that_nobody_opens(
    consumer: Visitor, outsider: Visitor, publisher: Visitor, shared: dict[str, str]
) -> None:
    consumer.sign_in().open("/instances/new").fill(source=f"version {shared['version']}").sees("Create instance from")
    consumer.accessible().misses(shared["image"]).fill(name="from-catalog").press("Create instance").sees("Running")
    consumer.sees("The image belongs to another account and cannot be opened here", shared["image"], "foreign-golden")
    consumer.accessible().shoot("server-from-catalog")
    here = consumer.page.url.split("/console")[1]
    assert consumer.page.get_by_role("link", name="foreign-golden").count() == 0
    consumer.open(f"/images/custom/{shared['image']}", 404).open(here)
    for other in (outsider, publisher):
        other.sign_in().open(here, 404).misses("from-catalog").open("/instances").misses("from-catalog")
    outsider.open(f"/instances/new?source=version+{shared['version']}").sees(
        "The image, version or snapshot was not found"
    )
    outsider.misses("foreign-golden", "servers-walk").accessible()


def test_the_form_of_a_server_needs_no_script(served: Served, browser: Any, publisher_account: Account) -> None:
    image = publisher_account.import_image("without-script", b"bytes without a script")
    apart = publisher_account.vpc.create_placement_group("power_spread", name="unscripted-apart").get_result()
    with Visitor(browser, served.url, served.env("publisher")["IBMCLOUD_API_KEY"], scripts=False) as visitor:
        visitor.sign_in().open("/instances/new").fill(source=f"image {image['id']}").press("Show options")
        visitor.sees("Create instance from without-script")
        visitor.fill(name="unscripted", **{"placement_target.id": apart["id"]}).press("Create instance")
        visitor.sees("unscripted", "unscripted-apart").press("Delete").press("Delete").sees(
            "The instance is being deleted"
        )
