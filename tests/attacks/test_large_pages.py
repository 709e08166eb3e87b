"""A page of the largest documents is no larger than others: it ends early, and its links still lead to every item."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from attacks.traffic import Caller
from fixtures.clients import Account
from kunsthalle.db.page_bytes import PAGE_BYTES
from kunsthalle.testing import Served

CATALOG = "/api/v1-beta"
ITEMS, SIZE = 60, 200 * 1024
TEXT = "x" * 1000
LARGE = [{"title": TEXT, "description": ""}] * (SIZE // 1030)


def _catalog(caller: Caller) -> str:
    status, catalog = caller.call("POST", f"{CATALOG}/catalogs", {"label": "large"})
    assert status == 201, catalog
    return str(catalog["id"])


def _made(caller: Caller, path: str, body: dict[str, Any]) -> str:
    status, made = caller.call("POST", path, body)
    assert status == 201, made
    return str(made["id"])


def _offerings(caller: Caller) -> tuple[str, str, list[str]]:
    path = f"{CATALOG}/catalogs/{_catalog(caller)}/offerings"
    made = [_made(caller, path, {"name": f"o-{number:02}", "features": LARGE}) for number in range(ITEMS)]
    return f"{path}?limit=200", "resources", made


def _sorted_offerings(caller: Caller) -> tuple[str, str, list[str]]:
    path, key, made = _offerings(caller)
    return f"{path}&sort=-name", key, made


def _consumption(caller: Caller) -> tuple[str, str, list[str]]:
    _, key, made = _offerings(caller)
    return f"{CATALOG}/offerings?limit=200", key, made


def _objects(caller: Caller) -> tuple[str, str, list[str]]:
    catalog = _catalog(caller)
    path = f"{CATALOG}/catalogs/{catalog}/objects"
    body = {"catalog_id": catalog, "parent_id": "us-south", "kind": "vpe", "data": {"large": LARGE}}
    made = [_made(caller, path, {**body, "name": f"n-{number:02}"}) for number in range(ITEMS)]
    return f"{path}?limit=200", "resources", made


def _plans(caller: Caller) -> tuple[str, str, list[str]]:
    path = f"{CATALOG}/catalogs/{_catalog(caller)}/offerings"
    plans = [{"name": f"p-{number}", "metadata": {"large": LARGE}} for number in range(4)]
    made = [_made(caller, path, {"name": f"o-{number:02}", "plans": plans}) for number in range(ITEMS // 4)]
    return f"{path}?limit=200", "resources", made


WALKS: dict[str, Callable[[Caller], tuple[str, str, list[str]]]] = {
    "offerings of a catalog": _offerings,
    "offerings by name": _sorted_offerings,
    "offerings to use": _consumption,
    "objects": _objects,
    "plans in offerings": _plans,
}


def _address(page: dict[str, Any]) -> str | None:
    link = page.get("next")
    address = link["href"] if isinstance(link, dict) else link
    return None if not address else urlsplit(address)._replace(scheme="", netloc="").geturl()


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("name", WALKS)
def test_every_item_is_on_one_page_and_no_page_is_large(served: Served, attacker: Account, name: str) -> None:
    caller = Caller(attacker)
    path, key, made = WALKS[name](caller)
    wanted = set(made)
    seen: list[str] = []
    pages = 0
    address: str | None = path
    while address is not None:
        status, page = caller.call("GET", address)
        assert status == 200, page
        assert page["resource_count"] == len(page[key]) > 0
        assert page["total_count"] >= len(made)
        assert len(json.dumps(page)) < PAGE_BYTES + 6 * SIZE
        seen += [one["id"] for one in page[key]]
        pages += 1
        address = _address(page)
    assert len(seen) == len(set(seen)) == page["total_count"]
    assert wanted <= set(seen)
    assert pages >= len(made) * len(json.dumps(page[key][0])) // (2 * PAGE_BYTES)
    assert pages > 1
