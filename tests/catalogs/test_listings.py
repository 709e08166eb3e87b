"""Pages of offerings after every change that decides what is in them: never an old total, never an old place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from catalogs.asking import pages_are_right
from catalogs.market import ACTION, Market, put_offering
from kunsthalle.catalogs import outside, publishing, reclamation, service, sharing
from kunsthalle.catalogs.kinds import CATALOG, OFFERING, RECLAMATION, VERSION
from kunsthalle.store import lists
from kunsthalle.store.schema.catalogs import versions
from kunsthalle.store.scope import resolve, some, unguarded
from kunsthalle.store.unit import Unit
from support.worlds import World


@pytest.fixture
def market(both: World, monkeypatch: pytest.MonkeyPatch) -> Market:
    monkeypatch.setattr(lists, "STEP", 1)
    made = Market(both, (both.account("one"), both.account("two")), both.account("reader"), both.account("passer-by"))

    def fill(unit: Unit) -> None:
        catalog = service.create_catalog(unit, "catalog", "offering", None, {})
        here = resolve(unit, CATALOG, catalog.id, ACTION)
        for number in range(4):
            it = put_offering(unit, here, number)
            outside.decide(unit, it.id, "granted")
            sharing.add(unit, resolve(unit, OFFERING, it.id, ACTION), [made.reader.account_id])
            sharing.share(unit, resolve(unit, OFFERING, it.id, ACTION), ibm=False, public=number > 0, enabled=True)

    for owner in made.owners:
        both.write(owner, fill)
    both.write(made.reader, sharing.answer, "offering", "approved", [one.account_id for one in made.owners])
    made.looked_at()
    assert [made.total(ctx) for ctx in (*made.owners, made.reader, made.passer_by)] == [7, 7, 8, 6]
    return made


def _rewritten(label: str, *, hidden: bool) -> Callable[[Unit, Any], Any]:
    return lambda unit, it: service.rewrite(unit, it, service.Fields(it.it.name, label, hidden, {}))


def _flags(*, public: bool, enabled: bool) -> Callable[[Unit, Any], Any]:
    return lambda unit, it: sharing.share(unit, it, ibm=False, public=public, enabled=enabled)


def _version(step: Callable[[Unit, Any], Any]) -> Callable[[Unit, Any], Any]:
    def deed(unit: Unit, it: Any) -> None:
        found = unguarded(unit, VERSION, versions.c.offering_id == it.it.id)
        step(unit, resolve(unit, VERSION, found[0].id, ACTION))

    return deed


def _one_more(unit: Unit, it: Any) -> None:
    made = put_offering(unit, resolve(unit, CATALOG, it.it.catalog_id, ACTION), 9)
    outside.decide(unit, made.id, "granted")
    sharing.share(unit, resolve(unit, OFFERING, made.id, ACTION), ibm=False, public=True, enabled=False)


def _catalog_goes(unit: Unit, it: Any) -> None:
    service.delete_catalog(unit, resolve(unit, CATALOG, it.it.catalog_id, ACTION))


DEEDS: dict[str, tuple[Callable[[Unit, Any], Any], tuple[int, int, int, int]]] = {
    "a new label": (_rewritten("9", hidden=False), (7, 7, 8, 6)),
    "hidden": (_rewritten("1", hidden=True), (7, 7, 8, 6)),
    "no longer public": (_flags(public=False, enabled=True), (7, 6, 8, 5)),
    "no longer shared": (_flags(public=False, enabled=False), (7, 6, 7, 5)),
    "public alone": (_flags(public=True, enabled=False), (7, 7, 8, 6)),
    "off its access list": (lambda unit, it: sharing.remove(unit, it, ["*"]), (7, 7, 8, 6)),
    "the approval withdrawn": (lambda unit, it: outside.withdraw(unit, it.it), (7, 6, 7, 5)),
    "the approval revoked": (lambda unit, it: outside.decide(unit, it.it.id, "revoked"), (7, 6, 7, 5)),
    "suspended": (_version(publishing.suspend), (7, 6, 7, 5)),
    "archived": (_version(publishing.archive), (7, 6, 7, 5)),
    "deleted": (service.delete_offering, (6, 6, 7, 5)),
    "one more": (_one_more, (8, 8, 9, 7)),
    "the catalog deleted": (_catalog_goes, (3, 4, 4, 3)),
}


@pytest.mark.parametrize("which", DEEDS)
def test_after_a_change(market: Market, which: str) -> None:
    deed, totals = DEEDS[which]
    market.do(deed)
    assert tuple(market.total(ctx) for ctx in (*market.owners, market.reader, market.passer_by)) == totals
    market.looked_at()


@pytest.mark.parametrize("which", ["a new label", "hidden", "suspended", "deleted", "one more"])
def test_after_a_change_that_was_taken_back(market: Market, which: str) -> None:
    class Undone(Exception):
        """Takes it back."""

    def deed(unit: Unit, it: Any) -> None:
        DEEDS[which][0](unit, it)
        pages_are_right(unit, 1)
        raise Undone

    with pytest.raises(Undone):
        market.do(deed)
    assert market.total(market.passer_by) == 6
    market.looked_at()
    market.do(_rewritten("5", hidden=True), number=2)
    market.looked_at()


def test_who_has_accepted_one_source_has_accepted_no_other(market: Market) -> None:
    """R5: what the second owner has put on its access list is not the reader's before the reader has said so."""
    market.do(_flags(public=False, enabled=True))
    market.world.write(market.reader, sharing.answer, "offering", "rejected", [market.owners[0].account_id])
    market.world.write(market.owners[0], sharing.withdraw, "offering", ["*"])

    def look(unit: Unit) -> None:
        theirs = market.owners[0].account_id
        for kind, most in ((OFFERING, 2), (VERSION, 2)):
            assert len(some(unit, kind, kind.table.c.account_id == theirs)) == most, "those that are public"

    market.world.read(market.reader, look)


def test_the_reader_changes_its_mind(market: Market) -> None:
    first = market.owners[0].account_id
    for state, total in (("rejected", 7), ("approved", 8)):
        market.world.write(market.reader, sharing.answer, "offering", state, [first])
        assert market.total(market.reader) == total
        market.looked_at()
    market.world.write(market.owners[0], sharing.withdraw, "offering", ["*"])
    assert market.total(market.reader) == 7
    market.looked_at()


@pytest.mark.parametrize("restored", [True, False])
def test_a_catalog_ends_or_comes_back(market: Market, restored: bool) -> None:
    market.do(_catalog_goes)
    market.looked_at()

    def end(unit: Unit) -> None:
        record = resolve(unit, RECLAMATION, unguarded(unit, RECLAMATION)[0].id, RECLAMATION.read)
        (reclamation.restore if restored else reclamation.reclaim)(unit, record)

    market.world.write(market.owners[0], end)
    assert market.total(market.passer_by) == (6 if restored else 3)
    market.looked_at()
