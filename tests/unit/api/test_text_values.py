"""Booleans and whole numbers from text, and what takes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kunsthalle.api.asgi import Headers, Query
from kunsthalle.api.request import Request, header_flag, path_flag
from kunsthalle.console.forms import number
from kunsthalle.core.errors import Problem
from kunsthalle.core.text_values import FLAG, LARGEST, SWITCH, WIRE, Words, boolean, integer


@pytest.mark.parametrize(
    ("words", "yes", "no", "neither"),
    [
        (WIRE, ["true"], ["false"], ["True", "1", "t", "yes", "", " true"]),
        (FLAG, ["true", "TRUE", "t", "1"], ["false", "F", "0"], ["yes", "on", "", "2"]),
        (SWITCH, ["true", "Yes", "1", "ON"], ["false", "no", "0", "off"], ["t", "", "maybe"]),
    ],
)
def test_each_place_has_its_words(words: Words, yes: list[str], no: list[str], neither: list[str]) -> None:
    assert [boolean(text, words) for text in (*yes, *no, *neither)] == (
        [True] * len(yes) + [False] * len(no) + [None] * len(neither)
    )


@given(st.integers(-LARGEST, LARGEST))
def test_whole_numbers(value: int) -> None:
    assert integer(str(value)) == value
    assert integer(str(value), value + 1) is None
    assert integer(str(value), most=value - 1) is None


@pytest.mark.parametrize(
    "text", ["", "-", "²", "٣", "1_000", " 1", "1\n", "1.0", "1e3", "0x1", "+1", "9" * 19, "9" * 5_000]
)
def test_what_is_no_whole_number(text: str) -> None:
    assert integer(text) is None
    assert number(text) == text


def test_headers_and_parts_of_paths_say_what_is_allowed() -> None:
    def request(word: str) -> Request:
        return Request("GET", "/", {"setting": word}, Query(b""), Headers([(b"entity-lock", word.encode())]))

    assert (header_flag(request("true"), "Entity-Lock"), path_flag(request("false"), "setting", "setting")) == (
        True,
        False,
    )
    with pytest.raises(Problem, match="Entity-Lock must be true or false"):
        header_flag(request("1"), "Entity-Lock")
    with pytest.raises(Problem, match="The last part must be true or false"):
        path_flag(request("yes"), "setting", "The last part")
