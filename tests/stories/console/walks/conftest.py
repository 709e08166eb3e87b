"""A served process for each file of walks, and one browser for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.clients import Account
from kunsthalle.testing import Served
from stories.console.walks.visitor import Visitor, chromium


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    """Of this folder alone: the driver of Playwright keeps a loop of its own running, beside which no other can be."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def publisher_account(served: Served) -> Account:
    """The publisher's SDK clients, for what a walk needs to be there before it begins.

    Of a file each, with tokens of its own: some walks move the clock beyond the end of any token.
    """
    return Account(served, "publisher")


@pytest.fixture(scope="module")
def consumer_account(served: Served) -> Account:
    return Account(served, "consumer-a")


def _visitor(served: Served, browser: Any, name: str) -> Iterator[Visitor]:
    with Visitor(browser, served.url, served.env(name)["IBMCLOUD_API_KEY"]) as visitor:
        yield visitor


@pytest.fixture
def publisher(served: Served, browser: Any) -> Iterator[Visitor]:
    yield from _visitor(served, browser, "publisher")


@pytest.fixture
def consumer(served: Served, browser: Any) -> Iterator[Visitor]:
    yield from _visitor(served, browser, "consumer-a")


@pytest.fixture
def outsider(served: Served, browser: Any) -> Iterator[Visitor]:
    yield from _visitor(served, browser, "outsider")
