"""The console over https in a real browser: a session whose cookie never travels in the clear."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.certificates import NAMES, issue
from fixtures.forked_served import ForkedServed
from stories.console.walks.visitor import chromium


@pytest.mark.needs_chromium
@pytest.mark.by_turns(3)
def test_somebody_signs_in_over_https(tmp_path: Path) -> None:
    options = issue(*NAMES).write(tmp_path / "tls")
    with ForkedServed(tmp_path / "data", "--hypervisor", "simulated", *options) as server, chromium() as browser:
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.goto(f"{server.url}/console/")
        page.get_by_label("API key").fill(server.env("publisher")["IBMCLOUD_API_KEY"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{server.url}/console/")
        session = next(one for one in context.cookies() if one["name"] == "__Host-kunsthalle_session")
        assert (session["secure"], session["httpOnly"], session["sameSite"]) == (True, True, "Strict")
        answer = page.goto(f"{server.url}/console/images/custom")
        assert answer is not None
        assert answer.status == 200
        assert "strict-transport-security" not in answer.headers, "other ports of this host are not the server's own"
        context.close()
