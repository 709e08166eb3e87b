"""Credentials in documents that somebody has made odd: deep ones, and several of one name."""

from __future__ import annotations

from typing import Any

import pytest

from kunsthalle.catalogs.credentials import MARK, encrypted, masked
from kunsthalle.core.errors import Problem
from kunsthalle.db.column_types import MAX_DEPTH, Json


def _deep(levels: int) -> Any:
    found: Any = "leaf"
    for number in range(levels):
        found = {"a": found} if number % 2 else [found]
    return found


def test_a_deep_document_is_masked_without_following_it() -> None:
    document = {"metadata": _deep(5_000), "repo_info": {"token": "secret"}, "target_account_contexts": []}
    shown = masked(document)
    assert shown["repo_info"] == {"token": MARK}
    assert shown["metadata"] is document["metadata"]
    assert document["repo_info"] == {"token": "secret"}


def test_a_mark_must_tell_which_credential_it_keeps() -> None:
    stored = {"target_account_contexts": [{"name": "one", "api_key": value} for value in ("first", "second")]}
    marked = {"target_account_contexts": [{"name": "one", "api_key": MARK}] * 2}
    with pytest.raises(Problem, match="which of several"):
        encrypted(None, "id", marked, stored)  # type: ignore[arg-type]  # refused before anything is encrypted


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (_deep(MAX_DEPTH), None),
        (_deep(MAX_DEPTH + 1), "document_too_deep"),
        ([_deep(MAX_DEPTH - 1)] * 9, None),
        (['["[{'] * 200, None),
        ([["\\", '"', "[" * 99], "[" * 99], None),
        ([{}, []] * 400, None),
    ],
    ids=["deepest", "deeper", "wide", "brackets in texts", "escapes", "empty ones"],
)
def test_a_stored_document_has_a_depth(value: Any, code: str | None) -> None:
    found = None
    try:
        Json().process_bind_param(value, None)  # type: ignore[arg-type]  # the engine is not asked
    except Problem as problem:
        found = problem.code
    assert found == code
