"""Whatever can be pressed can be reached with the Tab key, and dialogs give the focus back."""

from __future__ import annotations

import pytest

from fixtures.clients import Account
from stories.console.walks.visitor import NARROW, Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]


def test_every_action_is_reached_by_keyboard(publisher: Visitor, publisher_account: Account) -> None:
    image = publisher_account.import_image("keyboard")["id"]
    publisher.sign_in()
    for path in ("/images/custom", f"/images/custom/{image}", "/images/custom/import", "/catalogs", "/share-requests"):
        publisher.open(path).reachable()


def test_a_dialog_is_opened_left_and_used_by_keyboard(publisher: Visitor, publisher_account: Account) -> None:
    publisher.sign_in().open("/catalogs")
    link = publisher.page.get_by_role("link", name="Create catalog")
    link.focus()
    publisher.page.keyboard.press("Enter")
    publisher.page.get_by_role("dialog").wait_for()
    assert publisher.page.evaluate("() => document.activeElement.name") == "label"
    publisher.page.keyboard.press("Escape")
    publisher.page.get_by_role("dialog").wait_for(state="detached")
    assert link.evaluate("node => node === document.activeElement")


def test_the_menu_of_a_narrow_window_is_opened_by_keyboard(publisher: Visitor) -> None:
    publisher.sign_in()
    publisher.page.set_viewport_size(NARROW)  # type: ignore[arg-type]  # width and height
    menu = publisher.page.get_by_role("navigation").get_by_role("link", name="Private catalogs")
    assert not menu.is_visible()
    publisher.page.get_by_role("button", name="Navigation menu").focus()
    publisher.page.keyboard.press("Enter")
    menu.wait_for()
    publisher.accessible()
    menu.focus()
    publisher.page.keyboard.press("Enter")
    publisher.page.wait_for_url("**/console/catalogs")
