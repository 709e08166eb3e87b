"""The query language: what it finds, what it refuses, and that whatever is typed is one or the other."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.walks import share
from fixtures.worlds import World
from kunsthalle.api.query_language import MAX_CHARACTERS, MAX_DEPTH, MAX_TERMS, MAX_WILDCARDS, parse
from kunsthalle.authz.context import Context
from kunsthalle.core.errors import Problem
from kunsthalle.db.session import Session
from kunsthalle.search import tagging
from kunsthalle.search.service import Place, search

NAME = r"Golden-image 7 [x]*\ "[:-1]


class Shelf:
    """One image of an account, made at 2026-01-01T00:00:00Z, with tags; and its resource group."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ctx: Context = world.account("me")
        self.image = world.image(self.ctx, NAME, resource_group_id="c900d9671b235c00461c5e311a8aeced")
        world.write(self.ctx, tagging.create, ["project:x"])
        for type_, names in (("user", ["env:prod", "team a", "v1.2"]), ("access", ["project:x"])):
            world.write(self.ctx, self._attach, type_, names)

    def _attach(self, session: Session, type_: str, names: list[str]) -> None:
        change = tagging.attaching(session, type_, names, replace=False, renew=False)
        assert [one.message for one in tagging.apply(session, change, [self.image.crn])] == [None]

    def finds(self, query: str) -> bool:
        """Whether a query finds the image; other resources of the account are left out of account."""
        query = query.replace("CRN", self.image.crn).replace("ID", self.image.id)
        place = Place(f"type:image AND ({query})" if query.strip() else query, [])
        found = self.world.read(self.ctx, lambda session: search(session, place, 10))
        return self.image.crn in [item["crn"] for item in found.items]


@pytest.fixture(scope="module")
def shelf(both_to_read: World) -> Shelf:
    return Shelf(both_to_read)


FOUND = [
    "",
    "*",
    "*:*",
    "   ",
    'crn:"CRN"',
    "crn:CRN",
    "crn:*ID",
    r"name:Golden\-image\ 7\ \[x\]\*\\",
    r'name:"golden-IMAGE 7 [x]*\\"',
    "name:golden*",
    "name:Golden?image*",
    "name:*image*",
    r"name:*\[x\]\**",
    r"name:none* OR name:*\[x\]\** OR name:?",
    r'name:none OR name:"golden-IMAGE 7 [x]*\\"',
    "NOT (name:none* OR name:other*)",
    'none* "no phrase" golden',
    "none prod*",
    "golden",
    "golden-image",
    "GOLDEN",
    "7",
    '"en-image 7"',
    "gold*",
    "*ImAgE",
    "is",
    "us-south",
    "ID",
    "prod",
    "env*",
    "type:image AND family:is",
    "type:image && family:is",
    "type:instance OR family:is",
    "type:instance || family:is",
    "type:instance family:is",
    "type:(instance OR image)",
    "NOT type:instance",
    "-type:instance",
    "!type:instance",
    "+type:image",
    "+type:image name:other",
    "name:golden* -type:instance",
    "name:other OR NOT type:instance",
    "type:instance OR type:image AND family:is",
    "type:(NOT instance)",
    'tags:"env:prod"',
    r"tags:env\:prod",
    "tags:env:prod",
    'tag:"team a"',
    r"tag:team\ a",
    "tags:env*",
    "tags:ENV*",
    "tags:[e TO f]",
    "access_tags:project*",
    r"region:us-south AND (tags:none OR access_tags:project\:x)",
    "region:(us-south OR eu-gb)",
    "doc.resource_group_id:c900d9671b235c00461c5e311a8aeced",
    "resource_group_id:c900d9671b235c00461c5e311a8aeced",
    "_exists_:tags",
    '_exists_:"access_tags"',
    "access_tags:*",
    "_exists_:resource_group_id AND NOT _exists_:service_tags",
    "creation_date:[2025-12-31T00:00:00Z TO 2026-01-02T00:00:00Z]",
    'creation_date:["2025-12-31T00:00:00Z" TO "2026-01-02T00:00:00Z"]',
    "creation_date:[2026-01-01T00:00:00Z TO 2026-01-01T00:00:00Z]",
    "creation_date:[2026-01-01T00:00:00Z TO 2026-01-02T00:00:00Z}",
    "creation_date:[2025-12-31T19:00:00-05:00 TO *]",
    "creation_date:[2026-01-01 TO 2026-01-01]",
    "creation_date:[2026 TO *]",
    "creation_date:[* TO 2026-01]",
    "creation_date:{2025-12-31 TO *}",
    "creation_date:[* TO *]",
    "creation_date:[1767225600000 TO 1767225600000]",
    "creation_date:{1767225599999 TO 1767225600001}",
    "creation_date:2026",
    "creation_date:2026-01",
    "creation_date:2026-01-01",
    'creation_date:"2026-01-01T00:00:00.000Z"',
    "creation_date:>=2026-01-01",
    "creation_date:<2026-01-02",
    "creation_date:(>2025 AND <=2026)",
    "name:[golden TO h]",
    r"type:[im\-zzz TO IMAGE]",
    "type:{i TO image_}",
    "service_name:[is TO is]",
    "name:{golden TO *}",
    "name:[* TO golden-image 7}".replace(" 7", "z"),
    "name:golden*^2 OR x^0.5",
    '"image 7"^3',
    "(golden)^2",
]

MISSED = [
    'crn:"CRNx"',
    'crn:"crn:v1:bluemix:public:is:us-south:a/other::image:ID"',
    "crn:crn",
    "name:golden",
    'name:"golden*"',
    r"name:golden\*",
    "name:*y",
    "olden",
    "ima",
    "type:image AND family:other",
    "NOT *",
    "NOT type:image",
    "unknown:image",
    "doc.nothing:*",
    "_exists_:unknown",
    "_exists_:service_tags",
    "tags:prod",
    "service_tags:*",
    "tags:[a TO e]",
    "(type:image) AND NOT (family:is)",
    "+type:instance name:golden*",
    "name:golden* -type:image",
    "golden NOT us-south",
    "type:k8\\-cluster",
    "organization_guid:5b82c134-afb3-4f69-b1e0-3cbe4a13a205 AND type:cf-service-binding",
    "name:my* AND type:cf-application",
    "service_name:messagehub",
    "id:12345678 _objectType:SoftLayer_Virtual_Guest",
    "creation_date:[2018-05-16T00:00:00Z TO 2018-05-20T00:00:00Z]",
    "creation_date:[* TO 2026-01-01}",
    "creation_date:{2026-01-01 TO *]",
    "creation_date:{2026 TO *]",
    "creation_date:[2027 TO *]",
    "creation_date:>2026",
    "creation_date:{1767225600000 TO *}",
    "creation_date:2026-02",
    "name:{golden TO golden-image}",
    "name:>h",
    "type:{image TO *}",
    "type:[* TO image}",
    r"type:[* TO im\-zzz]",
]

REFUSED = [
    "(",
    ")",
    "(a",
    "a)",
    "AND",
    "a AND",
    "OR a",
    "a OR",
    "NOT",
    "name:",
    'name:"open',
    "a AND OR b",
    "name:[a b]",
    "name:[a TO b",
    "name:[a-z]*",
    "()",
    "_exists_:",
    "_exists_:t*",
    "creation_date:yesterday",
    "creation_date:2026*",
    "creation_date:[2026-13-01 TO *]",
    "creation_date:[9999-12-31 TO *]".replace("9999-12-31", "99999-99"),
    "golden~",
    "golden~2",
    '"golden image"~5',
    "name:/gold.*/",
    "a\0b",
    "x" * (MAX_CHARACTERS + 1),
    "a " * (MAX_TERMS + 1),
    "*a" * (MAX_WILDCARDS + 1),
    "(" * (MAX_DEPTH + 2) + "a" + ")" * (MAX_DEPTH + 2),
    "NOT " * (MAX_DEPTH + 2) + "a",
    "name:" * (MAX_DEPTH * 200) + "a",
]


def test_these_find_it(shelf: Shelf) -> None:
    assert [query for query in FOUND if not shelf.finds(query)] == []


def test_these_do_not(shelf: Shelf) -> None:
    assert [query for query in MISSED if shelf.finds(query)] == []


def test_the_largest_queries_are_answered(shelf: Shelf) -> None:
    assert shelf.finds(" ".join(["x"] * (MAX_TERMS - 2)) + " golden")
    assert shelf.finds(" OR ".join(["name:*x*"] * (MAX_TERMS - 2)) + " OR tags:env*")
    assert shelf.finds("(" * (MAX_DEPTH - 2) + "golden" + ")" * (MAX_DEPTH - 2))
    assert not shelf.finds("*a" * MAX_WILDCARDS)


@pytest.mark.by_turns(3)
@pytest.mark.parametrize("term", ["name:*a{}*", "region:b{}", "a{}*", '"a {}"'])
def test_alternatives_cost_little_more_than_one(shelf: Shelf, term: str) -> None:
    """Counted in calls of Python functions: the interpreter is what a search shares with all other requests."""

    def calls(count: int) -> int:
        query = Place(" OR ".join(term.format(number) for number in range(count)), [])
        return calls_of(lambda: shelf.world.read(shelf.ctx, lambda session: search(session, query, 10)))

    calls(1)
    calls(MAX_TERMS)  # statements are made at the first one
    assert calls(MAX_TERMS) < 4 * calls(1)


def calls_of(function: Callable[[], object]) -> int:
    """How many Python functions are called by one."""
    called: list[None] = []
    count = called.append
    sys.setprofile(lambda _frame, event, _argument: count(None) if event == "call" else None)
    try:
        function()
    finally:
        sys.setprofile(None)
    return len(called)


@pytest.mark.parametrize("query", REFUSED, ids=lambda query: query[:24])
def test_these_are_refused_with_a_reason(shelf: Shelf, query: str) -> None:
    with pytest.raises(Problem) as caught:
        shelf.world.read(shelf.ctx, lambda session: search(session, Place(query, []), 10))
    assert (caught.value.reason.value, caught.value.target.name) == (400, "query")
    assert caught.value.message.startswith("Invalid query: ")


@settings(max_examples=share(25, 5_000), deadline=None)
@given(query=st.text(alphabet='ab:"()*?\\ -+!&|ANDORTO.[]{}/<>^~_é1', max_size=60))
def test_whatever_is_typed_is_read_or_refused(shelf: Shelf, query: str) -> None:
    try:
        parse(query)
    except Problem as problem:
        assert problem.reason.value == 400
    else:
        shelf.world.read(shelf.ctx, lambda session: search(session, Place(query, []), 10))
