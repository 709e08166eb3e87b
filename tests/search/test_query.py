"""The query language: what it reads, what it refuses, and that narrowing never leaves out a match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kunsthalle.core.errors import Problem
from kunsthalle.search.query import DEEPEST, MOST_CHARACTERS, parse

DOCUMENT = {
    "crn": "crn:v1:bluemix:public:is:us-south:a/abc::image:r006-1",
    "name": "Golden-image 7",
    "type": "image",
    "family": "is",
    "region": "us-south",
    "tags": ["env:prod", "team a"],
    "access_tags": ["project:x"],
    "service_tags": [],
}


@pytest.mark.parametrize(
    "query",
    [
        "",
        "*",
        "   ",
        'crn:"crn:v1:bluemix:public:is:us-south:a/abc::image:r006-1"',
        "crn:crn:v1:bluemix:public:is:us-south:a/abc::image:r006-1",
        r"crn:crn\:v1\:bluemix\:public\:is\:us-south\:a\/abc\:\:image\:r006-1",
        "crn:*r006-1",
        'name:"golden-IMAGE 7"',
        "name:golden*",
        "name:Golden?image*",
        "golden",
        "7",
        '"en-image"',
        "gold*",
        "type:image AND family:is",
        "type:image && family:is",
        "type:instance OR family:is",
        "type:instance || family:is",
        "type:instance family:is",
        "NOT type:instance",
        "-type:instance",
        "!type:instance",
        "+type:image",
        "(type:instance OR type:image) AND NOT name:other",
        "type:(instance OR image)",
        "type:(NOT instance)",
        'tags:"env:prod"',
        "tags:env\\:prod",
        'tag:"team a"',
        "tags:env*",
        "access_tags:project*",
        "region:us-south AND (tags:none OR access_tags:project\\:x)",
        "type:instance OR type:image AND family:is",
    ],
)
def test_these_match(query: str) -> None:
    assert parse(query).matches(DOCUMENT)


@pytest.mark.parametrize(
    "query",
    [
        'crn:"CRN:v1:bluemix:public:is:us-south:a/abc::image:r006-1"',
        "crn:crn",
        "name:golden",
        'name:"golden*"',
        "name:*x",
        "olden",
        "type:image AND family:other",
        "NOT *",
        "NOT type:image",
        "unknown:image",
        "doc.nothing:*",
        "tags:prod",
        "service_tags:*",
        "(type:image) AND NOT (family:is)",
        "name:[a-z]*",
    ],
)
def test_these_do_not(query: str) -> None:
    assert not parse(query).matches(DOCUMENT)


@pytest.mark.parametrize(
    "query",
    [
        "(",
        ")",
        "(a",
        "a)",
        "AND",
        "a AND",
        "OR a",
        "NOT",
        "name:",
        'name:"open',
        "a AND OR b",
        "name:[a TO b]",
        "()",
        "x" * (MOST_CHARACTERS + 1),
        "a " * 2_000,
        "(" * (DEEPEST + 2) + "a" + ")" * (DEEPEST + 2),
        "NOT " * (DEEPEST + 2) + "a",
    ],
)
def test_these_are_refused_with_a_reason(query: str) -> None:
    with pytest.raises(Problem) as caught:
        parse(query)
    assert (caught.value.reason.value, caught.value.target.name) == (400, "query")


@given(st.text(alphabet='ab:"()*?\\ -+!&|ANDORT.[]{}/', max_size=60))
def test_whatever_is_typed_is_read_or_refused(query: str) -> None:
    try:
        found = parse(query)
    except Problem as problem:
        assert problem.reason.value == 400
    else:
        assert found.matches(DOCUMENT) in {True, False}
