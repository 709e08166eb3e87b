"""The operator looks at nodes, jobs and usage; and what would be refused says why before it is asked for."""

from __future__ import annotations

import pytest

from fixtures.clients import Account
from kunsthalle.local import folder
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]


def test_the_operator_sees_what_works_and_what_has_been_taken_in(
    publisher: Visitor, publisher_account: Account, served: Served
) -> None:
    publisher_account.import_image("taken-in")
    publisher.sign_in().open("/operator")
    publisher.fill(operator_token=folder.credentials(served.data)["operator_token"]).press("Enter operator mode")
    publisher.press("Nodes and jobs").sees("1 node", "answers this page", "image.import").fits().accessible()
    publisher.reachable().portray("operator_jobs")
    publisher.press("image.import").page.wait_for_url("**/operator/jobs?kind=image.import*")
    publisher.sees("Done").press("Usage").sees("MiB of images that there still are").fits().accessible()
    publisher.portray("operator_usage")


def test_what_would_be_refused_says_why_on_hover_and_on_focus(publisher: Visitor, publisher_account: Account) -> None:
    image = publisher_account.import_image("held")
    catalog = publisher_account.raw("POST", "/catalogs", {"label": "Holds it"}).get_result()
    images = [{"id": image["id"], "name": image["name"], "region": "us-south"}]
    body = {"name": "held", "target_kinds": ["vpc-x86"], "version": "1.0.0", "metadata": {"images": images}}
    publisher_account.raw("POST", f"/catalogs/{catalog['id']}/import/offerings", body)
    publisher.sign_in().open(f"/images/custom/{image['id']}").fits().accessible().reachable().portray("managed_image")
    button = publisher.page.get_by_role("button", name="Delete", exact=True)
    reason = publisher.page.get_by_text("A private catalog manages it: it must be freed first.").last
    assert not reason.is_visible()
    button.focus()
    reason.wait_for()
    button.blur()
    button.hover()
    reason.wait_for()
    button.click(force=True)
    assert publisher.page.get_by_role("dialog").count() == 0
