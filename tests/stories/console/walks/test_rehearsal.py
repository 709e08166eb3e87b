"""The rehearsal bar: for whoever has the operator's token, and for nobody else."""

from __future__ import annotations

import pytest

from kunsthalle.local import folder
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor

pytestmark = [pytest.mark.needs_chromium, pytest.mark.by_turns(8)]


def test_an_operator_moves_the_clock_and_sets_faults(publisher: Visitor, served: Served) -> None:
    publisher.sign_in().open("/operator/overview", 404).misses("Move clock")
    publisher.open("/operator").fill(operator_token="wrong").press("Enter operator mode").sees(
        "missing or wrong"
    ).accessible()
    token = folder.credentials(served.data)["operator_token"]
    publisher.fill(operator_token=token).press("Enter operator mode").sees(
        "This session is in operator mode.", "Move clock"
    ).accessible()
    assert token not in publisher.page.content()
    before = served.operate("GET", "/_kunsthalle/clock")["now"]
    publisher.press("Move clock").fill(advance="yesterday").press("Move clock").faulted("advance", "").accessible()
    publisher.fill(advance="2d").press("Move clock").sees("The clock has moved")
    assert served.operate("GET", "/_kunsthalle/clock")["now"][:10] > before[:10]

    publisher.press("Set fault").accessible().fill(match="GET /v1/images", effect="refuse", times="1")
    publisher.press("Set fault").sees("GET /v1/images").shoot("rehearsal")
    publisher.open("/images/custom", 503).sees("The request was refused").open("/images/custom")
    publisher.open("/operator/overview").press("Clear faults").press("Clear faults").sees("No fault is set.")

    publisher.press("Save scenario").fill(name="walk").press("Save scenario").sees("The scenario is saved.")
    publisher.page.get_by_role("complementary").get_by_role("link", name="Load scenario").click()
    publisher.page.get_by_role("dialog").wait_for()
    publisher.fill(name="walk").press("Apply action").sees("The scenario is loaded.")
    publisher.open("/operator/approvals").press("Leave operator mode").press("Leave operator mode").open(
        "/operator/overview", 404
    )
