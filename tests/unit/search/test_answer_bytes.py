"""What search, tags and the audit answer is bounded by bytes, however long tags are, and nothing is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import insert

from fixtures.frozen_app import QUERY, FrozenApp, make_frozen_app
from kunsthalle.block_storage.tables import volumes
from kunsthalle.db.engine import Store
from kunsthalle.db.page_bytes import PAGE_BYTES
from kunsthalle.db.session import Session
from kunsthalle.db.tables import audit
from kunsthalle.db.tag_tables import tag_links, tags
from kunsthalle.images.tables import images
from kunsthalle.search.tagging import MOST_ON_ONE
from matrix.largest_state import multiply, row
from matrix.rows import furnish

pytestmark = pytest.mark.by_turns(3)

SEARCH = "/v3/resources/search?limit=1000"
LARGE = [f"{number:04}:{'x' * 123}" for number in range(MOST_ON_ONE)]
ITEMS = 60
SLACK = 1.2


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrozenApp]:
    """Images with as many tags as may be, volumes that keep as many themselves, and an audit of long entries."""
    made = make_frozen_app(tmp_path_factory.mktemp("answers") / "data", furnish)
    made.server.store.__class__ = Store
    made.server.store.write(made.server.base, lambda session: _fill(session, made.accounts["owner"]))
    yield made
    made.loop.close()


def _fill(session: Session, account: str) -> None:
    here = {"account_id": account}
    image = {**row(session, images, **here), "hold_crn": None}
    multiply(session, images, image, ITEMS, lambda n: {"id": f"r006-large-{n}", "name": f"large-image-{n}"})
    volume = {**row(session, volumes, **here), "user_tags": LARGE}
    multiply(session, volumes, volume, ITEMS, lambda n: {"id": f"r006-many-{n}", "name": f"large-volume-{n}"})
    mine = {**here, "type": "user", "created_at": 1}
    multiply(session, tags, mine, len(LARGE), lambda n: {"name": LARGE[n]})
    for number in range(ITEMS):
        on = {**here, "type": "user", "thing_kind": "image", "thing_id": f"r006-large-{number}"}
        on["crn"] = f"crn:v1:bluemix:public:is:us-south:a/{account}::image:r006-large-{number}"
        session.execute_many(insert(tag_links), [{**on, "name": name} for name in LARGE])
    entry = {**row(session, audit), "account_id": account, "target": "y" * 512}
    multiply(session, audit, entry, 2_000, lambda n: {"id": f"large-{n}"})


def _found(frozen: FrozenApp, query: str) -> tuple[list[str], list[int]]:
    """The names that a search finds by its cursors, and the bytes of each answer."""
    names, sizes, body = list[str](), list[int](), {"query": query, "fields": ["*"]}
    while True:
        answer = frozen.call("owner", "POST", SEARCH, body)
        assert answer.status == 200, answer.body[:300]
        sizes.append(len(answer.body))
        names += [one["name"] for one in answer.json["items"]]
        if not answer.json.get("search_cursor"):
            return names, sizes
        body = {"search_cursor": answer.json["search_cursor"]}


@pytest.mark.parametrize("kind", ["image", "volume"])
def test_a_search_ends_early_where_tags_are_many_and_goes_on(frozen: FrozenApp, kind: str) -> None:
    names, sizes = _found(frozen, f"name:large-{kind}-*")
    assert sorted(names) == sorted(f"large-{kind}-{number}" for number in range(ITEMS))
    assert max(sizes) <= PAGE_BYTES * SLACK
    assert len(sizes) > 1


def test_one_search_of_all_kinds_leaves_nothing_out(frozen: FrozenApp) -> None:
    names, sizes = _found(frozen, "large-*")
    assert len(names) == len(set(names)) == 2 * ITEMS
    assert max(sizes) <= PAGE_BYTES * SLACK


@pytest.mark.parametrize("path", ["/v3/tags?limit=1000&offset=0", "/v1/audit?limit=1000", "/v1/audit?limit=200"])
def test_lists_of_tags_and_of_the_audit_have_small_items(frozen: FrozenApp, path: str) -> None:
    answer = frozen.call("owner", "GET", path)
    if answer.status == 400:
        assert b"limit" in answer.body
        return
    assert answer.status == 200, answer.body[:300]
    assert 10_000 < len(answer.body) <= PAGE_BYTES


def test_one_item_is_shown_however_many_tags_it_has(frozen: FrozenApp) -> None:
    where: dict[str, Any] = {"query": "name:large-image-7", "fields": ["*"]}
    (one,) = frozen.ok("owner", "POST", SEARCH, where)["items"]
    assert one["tags"] == LARGE
    assert frozen.ok("owner", "GET", f"/v1/images/r006-large-7?{QUERY}")["name"] == "large-image-7"
