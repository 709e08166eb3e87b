"""Answers without pages, and lists that are sorted, are bounded by bytes too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fixtures.frozen_app import QUERY, FrozenApp, make_frozen_app
from kunsthalle.catalogs.offerings import service as catalogs
from kunsthalle.core.sizes import MIB
from kunsthalle.db import pages
from kunsthalle.db.engine import Store
from kunsthalle.db.page_bytes import PAGE_BYTES

pytestmark = pytest.mark.by_turns(3)

BASE = "/api/v1-beta"
LARGE = {f"k{number}": "x" * 250 for number in range(980)}
ROLE = "crn:v1:bluemix:public:iam::::role:"
SLACK = 1.5
"""An answer to what is stored: names, quotes and addresses are written besides."""


@pytest.fixture
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrozenApp]:
    made = make_frozen_app(tmp_path_factory.mktemp("bytes") / "data")
    made.server.store.__class__ = Store
    yield made
    made.loop.close()


def test_the_list_of_catalogs_has_a_bound(frozen: FrozenApp) -> None:
    made, answer = 0, frozen.call("owner", "GET", f"{BASE}/catalogs")
    while answer.status == 200:
        posted = frozen.call("owner", "POST", f"{BASE}/catalogs", {"label": "large", "metadata": LARGE})
        if posted.status != 201:
            break
        made += 1
        answer = frozen.call("owner", "GET", f"{BASE}/catalogs")
        assert len(answer.body) <= catalogs.MAX_CATALOG_BYTES * SLACK
    assert posted.status == 400
    assert f"at most {catalogs.MAX_CATALOG_BYTES} are allowed" in posted.body.decode()
    assert made >= 16 * MIB // (260 * 1024)
    small = frozen.ok("owner", "GET", f"{BASE}/catalogs")["resources"][-1]
    grown = {"label": "x", "_rev": small["_rev"], "metadata": {**LARGE, "more": "y" * 2_000}}
    refused = frozen.call("owner", "PUT", f"{BASE}/catalogs/{small['id']}", grown)
    assert (refused.status, "are allowed" in refused.body.decode()) == (400, True)
    assert frozen.call("owner", "DELETE", f"{BASE}/catalogs/{small['id']}").status == 200
    assert frozen.call("owner", "POST", f"{BASE}/catalogs", {"label": "again"}).status == 201


def _policy(number: int) -> dict[str, Any]:
    attributes = [{"name": f"a{place}", "value": "v" * 990} for place in range(48)]
    named = [{"name": "serviceName", "value": "is"}, {"name": "resource", "value": f"r{number}"}]
    return {
        "type": "access",
        "subjects": [{"attributes": [{"name": "iam_id", "value": "IBMid-VIEWER0001"}]}],
        "roles": [{"role_id": ROLE + "Administrator"}],
        "resources": [{"attributes": [*named, *attributes]}],
    }


def _all(frozen: FrozenApp, path: str) -> tuple[list[str], list[int]]:
    """The ids of a list by its pages, and the bytes of each page."""
    ids, sizes, query = [], [], ""
    while True:
        answer = frozen.call("owner", "GET", path + query)
        assert answer.status == 200
        sizes.append(len(answer.body))
        ids += [policy["id"] for policy in answer.json["policies"]]
        if "next" not in answer.json:
            return ids, sizes
        query = ("&" if "?" in path else "?") + f"start={answer.json['next']['start']}"


def test_policies_without_a_limit_end_where_they_are_large_and_go_on(frozen: FrozenApp) -> None:
    few = frozen.ok("owner", "GET", "/v1/policies")
    assert set(few) == {"policies"}
    made = {frozen.ok("owner", "POST", "/v1/policies", _policy(number))["id"] for number in range(100)}
    ids, sizes = _all(frozen, "/v1/policies")
    assert (made < set(ids), len(ids), len(set(ids))) == (True, 100 + len(few["policies"]), len(ids))
    assert len(sizes) > 1
    assert max(sizes) <= PAGE_BYTES * SLACK


def _role(frozen: FrozenApp, number: int) -> str:
    """A role with many actions with long names."""
    actions = [f"is.{'image' * 8}{place}.read" for place in range(100)]
    body = {
        "name": f"Many{number}",
        "display_name": f"Many {number}",
        "account_id": frozen.accounts["owner"],
        "service_name": "is",
        "actions": actions,
    }
    return str(frozen.ok("owner", "POST", "/v2/roles", body)["crn"])


def test_policies_shown_with_the_actions_of_their_roles_are_bounded_with_them(frozen: FrozenApp) -> None:
    roles = [{"role_id": _role(frozen, number)} for number in range(20)]
    subject = [{"key": "iam_id", "operator": "stringEquals", "value": "IBMid-VIEWER0001"}]
    named = [{"key": "serviceName", "operator": "stringEquals", "value": "is"}]
    for number in range(20):
        one = {"key": "resource", "operator": "stringEquals", "value": f"r{number}"}
        body = {
            "type": "access",
            "subject": {"attributes": subject},
            "control": {"grant": {"roles": roles}},
            "resource": {"attributes": [*named, one]},
        }
        frozen.ok("owner", "POST", "/v2/policies", body)
    plain, _ = _all(frozen, "/v2/policies")
    ids, sizes = _all(frozen, "/v2/policies?format=display")
    assert (ids, len(ids) > 20) == (plain, True)
    assert len(sizes) > 1
    assert max(sizes) <= PAGE_BYTES * SLACK


def _addresses(frozen: FrozenApp, query: str) -> list[dict[str, Any]]:
    """A list of addresses, all its pages."""
    path = f"/v1/subnets/{frozen.ids['subnets']}/reserved_ips?{QUERY}{query}"
    found: list[dict[str, Any]] = []
    while path:
        page = frozen.ok("owner", "GET", path)
        assert page["total_count"] >= len(page["reserved_ips"])
        found += page["reserved_ips"]
        path = page.get("next", {}).get("href", "").partition("kunsthalle.test")[2]
    return found


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("sort", ["address", "-address", "name", "-name"])
def test_a_sorted_list_is_read_a_page_at_a_time(frozen: FrozenApp, sort: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = f"/v1/subnets/{frozen.ids['subnets']}/reserved_ips?{QUERY}"
    for number in range(9):
        frozen.ok("owner", "POST", path, {"name": f"address-{number % 3}{number}"})
    key = sort.removeprefix("-")
    everything = _addresses(frozen, "")

    def place(ip: dict[str, Any]) -> tuple[Any, str]:
        value = tuple(map(int, ip["address"].split("."))) if key == "address" else ip[key]
        return value, ip["id"]

    expected = [ip["id"] for ip in sorted(everything, key=place, reverse=sort.startswith("-"))]
    assert [ip["id"] for ip in _addresses(frozen, f"&sort={sort}")] == expected
    assert [ip["id"] for ip in _addresses(frozen, f"&sort={sort}&limit=2")] == expected
    monkeypatch.setattr(pages, "_made", _counted(made := [], pages._made))
    _addresses(frozen, f"&sort={sort}&limit=2")
    assert max(made) <= 3


def _counted(counts: list[int], make_items: Any) -> Any:
    def counting(kind: Any, rows: list[Any], *, more: bool) -> Any:
        counts.append(len(rows))
        return make_items(kind, rows, more=more)

    return counting


def test_a_page_goes_on_where_the_item_that_ended_the_last_one_is_gone(frozen: FrozenApp) -> None:
    path = f"/v1/subnets/{frozen.ids['subnets']}/reserved_ips"
    made = [frozen.ok("owner", "POST", f"{path}?{QUERY}", {"name": f"gone-{number}"}) for number in range(6)]
    whole = [ip["id"] for ip in _addresses(frozen, "&sort=-created_at")]
    first = frozen.ok("owner", "GET", f"{path}?{QUERY}&sort=-created_at&limit=2")
    assert [ip["id"] for ip in first["reserved_ips"]] == whole[:2] == [made[5]["id"], made[4]["id"]]
    assert frozen.call("owner", "DELETE", f"{path}/{made[4]['id']}?{QUERY}").status == 204
    second = frozen.ok("owner", "GET", first["next"]["href"].partition("kunsthalle.test")[2])
    assert [ip["id"] for ip in second["reserved_ips"]] == whole[2:4]
