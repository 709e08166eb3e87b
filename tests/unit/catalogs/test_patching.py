"""JSON Patch: what it does to a document, and that it costs no more than the document and the patch are large."""

from __future__ import annotations

import json
from typing import Any

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kunsthalle.api import json_patch
from kunsthalle.core.errors import Problem

DOCUMENT = {"name": "a", "tags": ["x", "y"], "deep": {"list": [{"k": 1}, {"k": 2}], "~/": 3}}


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        ([{"op": "add", "path": "/b", "value": 1}], {**DOCUMENT, "b": 1}),
        ([{"op": "replace", "path": "/b", "value": 1}], {**DOCUMENT, "b": 1}),
        ([{"op": "replace", "path": "/deep/list/1/k", "value": 9}, {"op": "remove", "path": "/deep/list/0"}], None),
        ([{"op": "replace", "path": "", "value": {"z": 1}}], {"z": 1}),
        ([{"op": "copy", "from": "/tags", "path": "/more"}, {"op": "add", "path": "/more/-", "value": "z"}], None),
        ([{"op": "move", "from": "/tags/0", "path": "/tags/1"}], {**DOCUMENT, "tags": ["y", "x"]}),
        ([{"op": "test", "path": "/deep/~0~1", "value": 3}, {"op": "remove", "path": "/deep"}], None),
    ],
)
def test_operations(operations: list[dict[str, Any]], expected: Any) -> None:
    before = json.dumps(DOCUMENT)
    found = json_patch.apply(DOCUMENT, operations)
    if expected is None:
        expected = jsonpatch.apply_patch(DOCUMENT, operations)
    assert (found, json.dumps(DOCUMENT)) == (expected, before)


@pytest.mark.parametrize(
    "operations",
    [
        [{"op": "remove", "path": "/absent"}],
        [{"op": "test", "path": "/name", "value": "b"}],
        [{"op": "copy", "path": "/x"}],
        [{"op": "copy", "from": "/absent", "path": "/x"}],
        [{"op": "add", "path": "/name/x", "value": 1}],
        [{"op": "replace", "path": 7, "value": 1}],
        [{"op": ["copy"], "path": "/x"}],
        [{"path": "/x"}],
        [{"op": "add", "path": "/x", "value": 1}] * (json_patch.MAX_OPERATIONS + 1),
    ],
)
def test_what_cannot_be_carried_out_is_refused(operations: list[dict[str, Any]]) -> None:
    with pytest.raises(Problem) as refused:
        json_patch.apply(DOCUMENT, operations)
    assert refused.value.reason.value == 400


def test_copies_of_copies_end_before_they_fill_the_memory() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/x{number}"} for number in range(60)]
    with pytest.raises(Problem, match="copy more than"):
        json_patch.apply(DOCUMENT, doubling)


def test_the_document_is_copied_once_however_many_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[int] = []
    encode = json_patch.msgspec.json.encode
    large = {"list": [{"k": number} for number in range(20_000)], "last": 0}

    def noted(value: Any) -> bytes:
        if isinstance(value, dict) and "list" in value:  # other servers of this process encode meanwhile, too
            encoded.append(1)
        return encode(value)

    monkeypatch.setattr(json_patch.msgspec.json, "encode", noted)
    found = json_patch.apply(large, [{"op": "replace", "path": "/last", "value": number} for number in range(500)])
    assert (found["last"], len(found["list"]), len(encoded)) == (499, 20_000, 1)


_path = st.sampled_from(["", "/a", "/b", "/a/0", "/a/-", "/b/c", "/b/c/d", "/x"])
_operation = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": _path},
    optional={"from": _path, "value": st.sampled_from([1, "t", [1], {"c": 1}])},
)


@given(st.lists(_operation, max_size=6))
def test_it_does_what_the_library_does(operations: list[dict[str, Any]]) -> None:
    document = {"a": [1, 2], "b": {"c": {"d": 1}}}
    try:
        found = json_patch.apply(document, operations)
    except Problem:
        return
    plain = [{**one, "op": "add"} if one["op"] == "replace" and one["path"] else one for one in operations]
    if all(one == other for one, other in zip(plain, operations, strict=True)):
        assert found == jsonpatch.apply_patch(document, operations)
    assert document == {"a": [1, 2], "b": {"c": {"d": 1}}}
