"""Pages of offerings after every change that decides what is in them: never an old total, never an old place."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import pytest

from fixtures.walks import some_of
from fixtures.worlds import World
from kunsthalle.catalogs import reclamation
from kunsthalle.catalogs.offerings import service
from kunsthalle.catalogs.resources import CATALOG, OFFERING, RECLAMATION, VERSION
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.catalogs.tables import versions
from kunsthalle.catalogs.versions import version_steps
from kunsthalle.core.clock import DAY
from kunsthalle.db import list_versions
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import resolve, some, unscoped
from unit.catalogs.asking import pages_are_right
from unit.catalogs.published_offers import ACTION, Offers, put_offering

pytestmark = pytest.mark.by_turns(3)


@pytest.fixture
def offers(both: World, monkeypatch: pytest.MonkeyPatch) -> Offers:
    monkeypatch.setattr(list_versions, "STEP", 1)
    made = Offers(both, (both.account("one"), both.account("two")), both.account("reader"), both.account("passer-by"))

    def fill(session: Session) -> None:
        catalog = service.create_catalog(session, "catalog", "offering", None, {})
        here = resolve(session, CATALOG, catalog.id, ACTION)
        for number in range(4):
            it = put_offering(session, here, number)
            access_list.decide(session, it.id, "granted")
            access_list.add(session, resolve(session, OFFERING, it.id, ACTION), [made.reader.account_id])
            access_list.share(
                session, resolve(session, OFFERING, it.id, ACTION), ibm=False, public=number > 0, enabled=True
            )

    for owner in made.owners:
        both.write(owner, fill)
    both.write(made.reader, access_list.answer, "offering", "approved", [one.account_id for one in made.owners])
    made.remembered()
    assert [made.total(ctx) for ctx in (*made.owners, made.reader, made.passer_by)] == [7, 7, 8, 6]
    return made


def _rewritten(label: str, *, hidden: bool) -> Callable[[Session, Any], Any]:
    return lambda session, it: service.rewrite(session, it, service.Fields(it.resource.name, label, hidden, {}))


def _flags(*, public: bool, enabled: bool) -> Callable[[Session, Any], Any]:
    return lambda session, it: access_list.share(session, it, ibm=False, public=public, enabled=enabled)


def _version(step: Callable[[Session, Any], Any]) -> Callable[[Session, Any], Any]:
    def deed(session: Session, it: Any) -> None:
        found = unscoped(session, VERSION, versions.c.offering_id == it.resource.id)
        step(session, resolve(session, VERSION, found[0].id, ACTION))

    return deed


def _one_more(session: Session, it: Any) -> None:
    made = put_offering(session, resolve(session, CATALOG, it.resource.catalog_id, ACTION), 9)
    access_list.decide(session, made.id, "granted")
    access_list.share(session, resolve(session, OFFERING, made.id, ACTION), ibm=False, public=True, enabled=False)


def _catalog_goes(session: Session, it: Any) -> None:
    service.delete_catalog(session, resolve(session, CATALOG, it.resource.catalog_id, ACTION), DAY)


DEEDS: dict[str, tuple[Callable[[Session, Any], Any], tuple[int, int, int, int]]] = {
    "a new label": (_rewritten("9", hidden=False), (7, 7, 8, 6)),
    "hidden": (_rewritten("1", hidden=True), (7, 7, 8, 6)),
    "no longer public": (_flags(public=False, enabled=True), (7, 6, 8, 5)),
    "no longer shared": (_flags(public=False, enabled=False), (7, 6, 7, 5)),
    "public alone": (_flags(public=True, enabled=False), (7, 7, 8, 6)),
    "off its access list": (lambda session, it: access_list.remove(session, it, ["*"]), (7, 7, 8, 6)),
    "the approval withdrawn": (
        lambda session, it: access_list.withdraw_publication(session, it.resource),
        (7, 6, 7, 5),
    ),
    "the approval revoked": (
        lambda session, it: access_list.decide(session, it.resource.id, "revoked"),
        (7, 6, 7, 5),
    ),
    "suspended": (_version(version_steps.suspend), (7, 6, 7, 5)),
    "archived": (_version(version_steps.archive), (7, 6, 7, 5)),
    "deleted": (service.delete_offering, (6, 6, 7, 5)),
    "one more": (_one_more, (8, 8, 9, 7)),
    "the catalog deleted": (_catalog_goes, (3, 4, 4, 3)),
}


on_each_engine = partial(pytest.mark.parametrize, ("database_url", "which"), indirect=["database_url"])


def _with_some_on_postgresql(names: Iterable[str]) -> list[Any]:
    """What is tried on which engine: all on SQLite, and on PostgreSQL a few in each run."""
    postgresql = [pytest.param("postgresql", name, marks=pytest.mark.needs_postgres) for name in some_of(names, 3)]
    return [*(("sqlite", name) for name in names), *postgresql]


def test_before_any_change(offers: Offers) -> None:
    offers.looked_at()


@pytest.mark.by_turns(3)
@on_each_engine(_with_some_on_postgresql(DEEDS))
def test_after_a_change(offers: Offers, which: str) -> None:
    deed, totals = DEEDS[which]
    offers.do(deed)
    assert tuple(offers.total(ctx) for ctx in (*offers.owners, offers.reader, offers.passer_by)) == totals
    offers.looked_at()


@pytest.mark.by_turns(3)
@on_each_engine(_with_some_on_postgresql(["a new label", "hidden", "suspended", "deleted", "one more"]))
def test_after_a_change_that_was_taken_back(offers: Offers, which: str) -> None:
    class Undone(Exception):
        """Takes it back."""

    def deed(session: Session, it: Any) -> None:
        DEEDS[which][0](session, it)
        pages_are_right(session, 1)
        raise Undone

    with pytest.raises(Undone):
        offers.do(deed)
    assert offers.total(offers.passer_by) == 6
    offers.looked_at()
    offers.do(_rewritten("5", hidden=True), number=2)
    offers.looked_at()


def test_who_has_accepted_one_source_has_accepted_no_other(offers: Offers) -> None:
    """R5: what the second owner has put on its access list is not the reader's before the reader has said so."""
    offers.do(_flags(public=False, enabled=True))
    offers.world.write(offers.reader, access_list.answer, "offering", "rejected", [offers.owners[0].account_id])
    offers.world.write(offers.owners[0], access_list.withdraw, "offering", ["*"])

    def look(session: Session) -> None:
        theirs = offers.owners[0].account_id
        for kind, most in ((OFFERING, 2), (VERSION, 2)):
            assert len(some(session, kind, kind.table.c.account_id == theirs)) == most, "those that are public"

    offers.world.read(offers.reader, look)


def test_the_reader_changes_its_mind(offers: Offers) -> None:
    first = offers.owners[0].account_id
    for state, total in (("rejected", 7), ("approved", 8)):
        offers.world.write(offers.reader, access_list.answer, "offering", state, [first])
        assert offers.total(offers.reader) == total
        offers.looked_at()
    offers.world.write(offers.owners[0], access_list.withdraw, "offering", ["*"])
    assert offers.total(offers.reader) == 7
    offers.looked_at()


@pytest.mark.parametrize("restored", [True, False])
def test_a_catalog_ends_or_comes_back(offers: Offers, restored: bool) -> None:
    offers.do(_catalog_goes)
    offers.looked_at()

    def end(session: Session) -> None:
        record = resolve(session, RECLAMATION, unscoped(session, RECLAMATION)[0].id, RECLAMATION.read)
        (reclamation.restore if restored else reclamation.reclaim)(session, record)

    offers.world.write(offers.owners[0], end)
    assert offers.total(offers.passer_by) == (6 if restored else 3)
    offers.looked_at()
