"""The search for objects of catalogs: the language of Global Search, in which clauses side by side must all match."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from fixtures.app import App, open_app

CATALOGS = "/api/v1-beta/catalogs"
OBJECTS = (("Private Endpoint", "endpoint-a"), ("50%_off", "endpoint-b"), ("Proxy", "Source"))
"""Label and name."""


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    app = open_app(tmp_path_factory.mktemp("objects"))
    catalog = app.do("POST", CATALOGS, {"label": "objects"})["id"]
    for label, name in OBJECTS:
        app.do("POST", f"{CATALOGS}/{catalog}/objects", {"name": name, "label": label})
    yield app
    app.close()


def names(app: App, query: str) -> list[str]:
    listed = app.do("GET", f"/api/v1-beta/objects?{urlencode({'query': query})}")
    return [found["name"] for found in listed["resources"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("*", ["Source", "endpoint-a", "endpoint-b"]),
        ("endpoint", ["endpoint-a", "endpoint-b"]),
        ("ENDPOINT private", ["endpoint-a"]),
        ("endpoint AND private", ["endpoint-a"]),
        ("private OR proxy", ["Source", "endpoint-a"]),
        ('"private end"', ["endpoint-a"]),
        ("endpoint NOT private", ["endpoint-b"]),
        ("name: endpoint-a", ["endpoint-a"]),
        ("name:end*", ["endpoint-a", "endpoint-b"]),
        ("name:(Source OR endpoint-b)", ["Source", "endpoint-b"]),
        ("name:source", []),
        ('label:"Private Endpoint"', ["endpoint-a"]),
        ("50%_off", ["endpoint-b"]),
        ("5?%", ["endpoint-b"]),
        ("kind:vpe -endpoint", ["Source"]),
        ("_exists_:parent_id", []),
    ],
)
def test_what_a_query_finds(searched: App, query: str, expected: list[str]) -> None:
    assert names(searched, query) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (" ", "it is empty; `*` stands for every object."),
        ("x" * 513, "it has 513 characters; at most 512 are allowed."),
        ("colour:red", "objects have no field colour; they have name, label, kind, parent_id, catalog_id."),
        ("name:[a TO b]", "objects have no field with an order; ranges cannot be asked for."),
        ("name:(a", "a parenthesis is not closed, at character 8."),
        ("word AND", "a term is missing, or a quotation mark is not closed, at character 9."),
    ],
)
def test_what_is_no_query_is_refused_with_the_reason(searched: App, query: str, message: str) -> None:
    answer = searched.call("owner", "GET", f"/api/v1-beta/objects?{urlencode({'query': query})}")
    assert answer.status == 400
    assert message in str(answer.json)
