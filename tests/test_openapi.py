"""The OpenAPI documents are the route table's: complete, consistent in themselves, and up to date."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from fixtures.tools import ROOT, tool
from kunsthalle.local import list_parameters

writer = tool("openapi")
FOLDER = ROOT / "openapi"
METHODS = {"get", "head", "post", "put", "patch", "delete"}


@cache
def documents() -> dict[str, dict[str, Any]]:
    return {name: json.loads(content) for name, content in writer.files()}


def _operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for document in documents().values():
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                assert method in METHODS
                yield method.upper(), path, operation


def test_the_committed_documents_are_up_to_date() -> None:
    wanted = dict(writer.files())
    written = {path.name: path.read_bytes() for path in FOLDER.glob("*.json")}
    changed = sorted(name for name in written.keys() | wanted.keys() if written.get(name) != wanted.get(name))
    assert changed == [], "run: ./dev openapi"


def test_they_are_written_the_same_each_time() -> None:
    assert list(writer.files()) == list(writer.files())


def test_every_route_is_in_them_once_and_nothing_else() -> None:
    known = [one.name for one in (*writer.routes(), *writer.not_implemented())]
    shown = [f"{method} {path}" for method, path, _ in _operations()]
    assert sorted(shown) == sorted(known)
    assert len({operation["operationId"] for _, _, operation in _operations()}) == len(shown)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _references(one)


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    for name, document in documents().items():
        used = {found.rsplit("/", 1)[1] for found in _references(document)}
        known = set(document["components"]["schemas"])
        assert used - known == set(), name
        assert known - used <= {"Refusal"}, name
        assert document["openapi"] == "3.1.0"


def test_the_parameters_of_a_path_are_declared() -> None:
    for method, path, operation in _operations():
        declared = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
        assert declared == re.findall(r"\{(\w+)\}", path), (method, path)
        names = [(one["in"], one["name"]) for one in operation["parameters"]]
        assert len(names) == len(set(names)), (method, path)


def test_access_is_told() -> None:
    by_name = {one.name: one for one in writer.routes()}
    for method, path, operation in _operations():
        route = by_name.get(f"{method} {path}")
        if route is None:
            assert set(operation["responses"]) == {"501"}
            continue
        scheme = "operator" if route.access.operator else "bearer" if route.access.authenticated else None
        assert operation["security"] == ([{scheme: []}] if scheme else [])
        assert operation["x-action"] == route.access.action
        assert str(route.status) in operation["responses"]


def _operation(surface: str, method: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = documents()[f"{surface}.json"]["paths"][path][method]
    return found


def _names(operation: dict[str, Any]) -> set[str]:
    return {one["name"] for one in operation["parameters"] if one["in"] == "query"}


_THINGS = "groups|servers|interfaces|attachments|policies|keys|images|volumes|snapshots|rules|routes"
BROKEN = re.compile(
    rf"\ban? (?:\w+ )?(?:{_THINGS})\b"  # a plural after its article
    r"|\ba [aeio]\w+|\ban [^aeiouSIA]\w+"  # an article before the wrong sound
    r"|\b(\w+) \1\b|\b[Ll]ist an? |[^aeiou]ys\b",
)
"""Grammar that is wrong wherever it stands in a summary."""


@pytest.mark.parametrize(
    "wrong",
    [
        "List membership of an instance groups.",
        "Get a instance.",
        "Get an volume.",
        "List the the images.",
        "List a volume.",
        "List the policys.",
    ],
)
def test_broken_grammar_is_found(wrong: str) -> None:
    assert BROKEN.search(wrong)


def test_summaries_are_whole_sentences_in_proper_grammar() -> None:
    for method, path, operation in _operations():
        summary = operation["summary"]
        assert re.fullmatch(r"[A-Z][^.]*\.(?: [A-Z][^.]*\.)*", summary.replace("v1.", "v1")), (method, path, summary)
        assert not BROKEN.search(summary), (method, path, summary)


def test_summaries_are_unique_within_a_document() -> None:
    for name, document in documents().items():
        said = [
            operation["summary"]
            for methods in document["paths"].values()
            for operation in methods.values()
            if set(operation["responses"]) != {"501"}
        ]
        twice = {one for one in said if said.count(one) > 1}
        assert not twice, name


@pytest.mark.parametrize(
    ("surface", "path", "names"),
    [
        ("vpc", "/v1/images", {"start", "limit", "name", "status", "visibility", "resource_group.id"}),
        ("vpc", "/v1/subnets", {"start", "limit", "vpc.id", "zone.name", "routing_table.id"}),
        ("platform", "/v2/resource_groups", {"account_id", "default", "name"}),
        ("catalog", "/api/v1-beta/offerings", {"limit", "offset"}),
    ],
)
def test_the_declared_query_parameters_are_shown(surface: str, path: str, names: set[str]) -> None:
    assert names <= _names(_operation(surface, "get", path))


def test_every_query_parameter_says_what_it_does() -> None:
    shown = 0
    for method, path, operation in _operations():
        for one in operation["parameters"]:
            if one["in"] != "query" or one["name"] == "generation":
                continue
            text = one.get("description", "")
            assert re.fullmatch(r"[A-Z`].*\.", text), (method, path, one["name"], text)
            shown += 1
    assert shown > 400


def test_bounds_and_words_of_query_parameters_are_shown() -> None:
    images = {one["name"]: one["schema"] for one in _operation("vpc", "get", "/v1/images")["parameters"]}
    assert (images["limit"]["minimum"], images["limit"]["maximum"], images["limit"]["default"]) == (1, 100, 50)
    assert "deprecated" in images["status"]["items"]["enum"]


def test_a_collection_without_a_declared_answer_is_the_envelope_around_its_items() -> None:
    content = _operation("vpc", "get", "/v1/images")["responses"]["200"]["content"]["application/json"]
    name = content["schema"]["$ref"].rsplit("/", 1)[1]
    page = documents()["vpc.json"]["components"]["schemas"][name]
    assert set(page["properties"]) == {"first", "limit", "total_count", "images", "next"}
    assert page["properties"]["images"]["items"]["$ref"].endswith("/ImageResponse")


def test_a_refusal_has_the_shape_of_its_family() -> None:
    vpc = documents()["vpc.json"]["components"]["schemas"]["Refusal"]
    assert vpc["required"] == ["errors", "trace"]
    error = vpc["properties"]["errors"]["items"]
    assert (error["required"], set(error["properties"])) == (["code", "message"], {"code", "message", "target"})
    token = documents()["iam-token.json"]["components"]["schemas"]["Refusal"]
    assert {"errorCode", "errorMessage"} <= set(token["properties"])


def test_the_table_of_the_parameters_of_lists_is_up_to_date() -> None:
    assert list_parameters.FILE.read_bytes() == writer.list_parameters(), "run: ./dev openapi"


def test_the_table_holds_what_narrows_a_list() -> None:
    found = list_parameters.parameters_of("/v1/images")
    assert found["status"].several
    assert "available" in found["status"].choices
    assert found["name"] == list_parameters.Parameter("name", "text", "Only resources of exactly this name.")
    assert not {"start", "limit"} & found.keys()
    assert list_parameters.parameter("/v1/vpcs", "classic_access").kind == "bool"
