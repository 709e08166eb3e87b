"""Search finds what the lists show, to the item: never more, whatever is asked and by whom (R6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.counted_work import statements_of
from fixtures.walks import share
from fixtures.worlds import World
from kunsthalle.api.query_language import parse
from kunsthalle.authz.context import Actor, Context
from kunsthalle.authz.permissions import Attribute, Grant, Grants
from kunsthalle.authz.roles import ADMINISTRATOR, EDITOR, OPERATOR, READER, VIEWER
from kunsthalle.catalogs.offerings.service import create_catalog
from kunsthalle.catalogs.resources import CATALOG
from kunsthalle.core.errors import Problem, Target
from kunsthalle.db.deadlines import ReadTimeout
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import some
from kunsthalle.networks import service as networks
from kunsthalle.search import tagging
from kunsthalle.search.searchable_resources import SEARCHED
from kunsthalle.search.service import MAX_FIELDS, Place, cursor, documents, from_cursor, rows_where, search
from unit.search.oracle import matches

NAMES = ["golden", "Golden", "silver-1", "a b", "é"]
TAGS = ["env:prod", "env:test", "blue"]


@dataclass
class Furnished:
    """A world with two accounts that own resources of the same names and tags."""

    world: World
    mine: Context
    theirs: Context
    values: list[str]


@pytest.fixture(scope="module")
def furnished(both_to_read: World) -> Furnished:
    mine, theirs = both_to_read.account("mine"), both_to_read.account("theirs")
    values = [*NAMES, *TAGS, "image", "vpc", "is", "globalcatalog-collection", "project:x", "missing"]
    for ctx in (mine, theirs):
        both_to_read.write(ctx, tagging.create, ["project:x"])
        crns = []
        for number, name in enumerate(["golden", "silver-1", "plain"]):
            image = both_to_read.image(ctx, name, resource_group_id=f"group-{number % 2}")
            crns.append(image.crn)
            values += [image.id, image.crn, image.name]
        both_to_read.write(ctx, _network)
        crns += [it.crn for it in both_to_read.read(ctx, lambda session: some(session, CATALOG))]
        for number, crn in enumerate(crns):
            both_to_read.write(ctx, _tag, [TAGS[number % 3]], [crn])
        both_to_read.write(ctx, _tag, ["project:x"], crns[:2], "access")
        values += [crns[-1], "group-0", ctx.account_id]
    return Furnished(both_to_read, mine, theirs, values)


def _network(session: Session) -> None:
    networks.create_vpc(session, "golden")
    for label in ("Golden", "é", "a b"):
        create_catalog(session, label, "offering", None, {})


def _tag(session: Session, names: list[str], crns: list[str], type_: str = "user") -> None:
    change = tagging.attaching(session, type_, names, replace=False, renew=False)
    assert all(one.message is None for one in tagging.apply(session, change, crns))


def _everything(session: Session) -> list[dict[str, Any]]:
    """What the lists show of the caller's own account, item by item."""
    found = []
    for one in SEARCHED:
        own = one.kind.table.c.account_id == session.ctx.account_id
        found += documents(session, one, rows_where(session, one, own, limit=1_000))
    return found


def test_a_crn_that_sql_makes_is_that_of_the_model(furnished: Furnished) -> None:
    def compare(session: Session) -> int:
        number = 0
        for one in SEARCHED:
            own = one.kind.table.c.account_id == session.ctx.account_id
            rows, models = rows_where(session, one, own, limit=100), some(session, one.kind, own)
            number += len(rows)
            assert [row.crn for row in rows] == [it.crn for it in models]
        return number

    assert furnished.world.read(furnished.mine, compare) > 10


def _found(session: Session, query: str, limit: int) -> list[dict[str, Any]]:
    place, found = Place(query, ["*"]), list[dict[str, Any]]()
    while place is not None:
        batch = search(session, place, limit)
        assert len(batch.items) <= limit
        found += batch.items
        place = batch.place
    return found


_conditions = st.sampled_from(
    [
        ("serviceName", "is"),
        ("serviceName", "globalcatalog-collection"),
        ("serviceType", "service"),
        ("serviceType", "platform_service"),
        ("resourceType", "image"),
        ("resourceType", "vpc"),
        ("resourceGroupId", "group-0"),
        ("resourceGroupId", "group-1"),
    ]
)
_grants = st.lists(
    st.tuples(
        st.sampled_from([VIEWER, OPERATOR, EDITOR, ADMINISTRATOR, READER]),
        st.lists(_conditions, min_size=1, max_size=3, unique_by=lambda one: one[0]),
    ),
    max_size=3,
)


def _queries(values: list[str]) -> st.SearchStrategy[str]:
    quoted = st.sampled_from(values).map(lambda value: f'"{value}"')
    wild = st.sampled_from(["*", "g*", "*1", "?olden", "crn*", "*image*", "env*", "g*e", "Golden", "é"])
    field = st.sampled_from(
        ["", "name:", "crn:", "type:", "family:", "tags:", "access_tags:", "resource_group_id:", "account_id:"]
    )
    between = st.sampled_from(["name:[a TO h]", "name:{golden TO *}", "tags:[c TO *]", "_exists_:tags", "crn:>d"])
    term = st.builds(lambda name, value: name + value, field, quoted | wild) | between
    return st.recursive(
        term,
        lambda inner: st.one_of(
            inner.map(lambda one: f"NOT ({one})"),
            st.builds(lambda one, other: f"({one}) AND ({other})", inner, inner),
            st.builds(lambda one, other: f"({one}) OR ({other})", inner, inner),
        ),
        max_leaves=4,
    )


@settings(max_examples=share(20, 2_000), deadline=None)
@given(data=st.data(), grants=_grants, limit=st.integers(1, 7))
def test_search_is_the_lists_held_against_the_query(
    furnished: Furnished, data: st.DataObject, grants: list[Any], limit: int
) -> None:
    query = data.draw(_queries(furnished.values))
    given_ = [Grant((role,), tuple(Attribute(*one) for one in conditions)) for role, conditions in grants]
    held = Grants(furnished.mine.account_id, given_)
    ctx = replace(furnished.mine, grants=held, actor=Actor("IBMid-SOMEBODY", "somebody"))
    found, listed = furnished.world.read(ctx, lambda session: (_found(session, query, limit), _everything(session)))
    assert found == [document for document in listed if matches(parse(query), document)]
    theirs = furnished.theirs.account_id
    assert theirs not in str(found)


def test_the_property_can_fail(furnished: Furnished) -> None:
    """An owner finds resources, and the result depends on the query: the comparison above is not of empty lists."""
    found = furnished.world.read(
        furnished.mine, lambda session: (_found(session, "*", 2), _found(session, "type:image", 2))
    )
    assert len(found[0]) > len(found[1]) == 3


@pytest.mark.parametrize("text", ["", "x", "!", "WyIqIl0", "WyIqIixbXSxmYWxzZSw5OTld", "W10"])
def test_cursors_of_nobodys_are_refused(text: str) -> None:
    with pytest.raises(Problem) as caught:
        from_cursor(text)
    assert caught.value.target.name == "search_cursor"


def test_a_search_names_a_bounded_number_of_fields(furnished: Furnished) -> None:
    """Also where the names come in a cursor, which its holder may have made."""

    def shown(names: list[str]) -> list[dict[str, Any]]:
        place = from_cursor(cursor(Place("type:image", names)))
        return furnished.world.read(furnished.mine, lambda session: search(session, place, 10)).items

    most = [f"field-{number}" for number in range(MAX_FIELDS - 1)]
    assert all({"name", "crn", "tags"} <= set(item) for item in shown([*most, "name"]))
    for names in ([*most, "name", "type"], ["*"] * (MAX_FIELDS + 1)):
        with pytest.raises(Problem) as refused:
            shown(names)
        assert (refused.value.reason.value, refused.value.target) == (400, Target("fields"))
        assert f"at most {MAX_FIELDS} fields; {MAX_FIELDS + 1} are given" in refused.value.message


def test_a_search_whose_time_is_over_asks_no_further_kind(furnished: Furnished) -> None:
    """The engine stops statements; what Python does between them is stopped here."""

    def late(session: Session) -> list[str]:
        session.until = 0.0
        with statements_of(session) as asked, pytest.raises(ReadTimeout):
            search(session, Place("*", []), 10)
        return asked

    assert furnished.world.read(furnished.mine, late) == []


@pytest.mark.parametrize("query", ["type:[zy TO zz]", "family:{z TO *}", "service_name:<a", "account_id:>z"])
def test_a_range_of_what_a_kind_has_in_common_is_decided_without_the_database(furnished: Furnished, query: str) -> None:
    """Each engine would compare two literals in an order of its own."""

    def read(session: Session) -> tuple[list[dict[str, Any]], list[str]]:
        with statements_of(session) as asked:
            return _found(session, query, 10), asked

    assert furnished.world.read(furnished.mine, read) == ([], [])


def test_a_search_by_crn_asks_one_table_and_its_tags(furnished: Furnished) -> None:
    """What Terraform asks twice for each resource it reads costs a look-up, not a walk through all kinds."""
    crn = next(value for value in furnished.values if ":image:" in value)

    def read(session: Session) -> tuple[list[dict[str, Any]], list[str]]:
        with statements_of(session) as asked:
            return _found(session, f'crn:"{crn}"', 10), asked

    resources, asked = furnished.world.read(furnished.mine, read)
    assert ([resource["crn"] for resource in resources], len(asked)) == ([crn], 2)
