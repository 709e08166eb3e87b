"""One rule of visibility: what explanations say, look-ups find, lists show and boots resolve is the same.

Compared over random worlds: where accounts stand in which enterprise, catalogs, versions, access lists, answers,
approvals. Rows are written straight into the store, so that worlds are tried that no sequence of calls leads to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from random import Random
from typing import Any

from fixtures.walks import Reached, share
from fixtures.worlds import World, add_image
from kunsthalle.accounts import enterprise_tree
from kunsthalle.accounts.queries import TREE, recipients
from kunsthalle.accounts.resources import ACCOUNT
from kunsthalle.accounts.service import found_enterprise, open_account
from kunsthalle.authz.context import Actor
from kunsthalle.catalogs import explain
from kunsthalle.catalogs.models import Catalog, CatalogObject, Offering, PublishApproval, Version
from kunsthalle.catalogs.resources import OBJECT, OFFERING, VERSION
from kunsthalle.catalogs.sharing import offering_lists
from kunsthalle.catalogs.sharing.offering_visibility import (
    RULE,
    TYPE,
    UNDECIDED,
    Condition,
    Receiver,
    Terms,
    decide,
    load_answers,
    load_receiver,
)
from kunsthalle.catalogs.tables import (
    access_entries,
    catalog_objects,
    catalogs,
    object_entries,
    offerings,
    publish_approvals,
    share_approvals,
    version_images,
    versions,
)
from kunsthalle.core.errors import Problem
from kunsthalle.db.rows import update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import add_row, put_row, rows_of
from kunsthalle.db.visibility import ResourceType, find, some
from unit.catalogs.asking import booted

WORLDS, OFFERINGS = share(2, 60), 10
OBJECT_TYPE = "vpe"
ANSWERS = ("pending", "approved", "approved", "rejected", "rejected")


class RandomWorld:
    """Two enterprises with a group in a group, accounts anywhere in or outside them, and what they share."""

    def __init__(self, session: Session, seed: int) -> None:
        self.random = Random(seed)
        self.places: list[tuple[str | None, str | None]] = [(None, None)]
        self.identifiers: list[str] = []
        for name in ("one", "two"):
            self._enterprise(session, f"{name}-{seed}")
        self.accounts = [open_account(session, f"account-{number}", None).id for number in range(5)]
        self.identifiers += self.accounts
        self.facts: dict[str, tuple[bool, bool, bool]] = {}
        self.shared = [self._offering(session, f"{seed}-{number}") for number in range(OFFERINGS)]
        self.objects = [self._object(session, offering) for offering in self.shared]
        self.change(session)
        offering_lists.relist(session, *(offering.id for offering in self.shared))

    def _enterprise(self, session: Session, name: str) -> None:
        enterprise, root = found_enterprise(session, name)
        system = session.as_context(session.ctx.as_system(root.id))
        system.ctx = dataclasses.replace(system.ctx, recipients=recipients(system, root.id))
        outer = enterprise_tree.create_group(system, enterprise.crn, "outer", root.owner_iam_id)
        inner = enterprise_tree.create_group(system, outer.crn, "inner", root.owner_iam_id)
        self.places += [(enterprise.id, group) for group in (None, outer.id, inner.id)]
        self.identifiers += [f"-ent-{enterprise.id}", f"-entgrp-{outer.id}", f"-entgrp-{inner.id}"]

    def likely(self) -> bool:
        """Most of what is needed is there, so that each condition gets to decide."""
        return self.random.random() < 0.85

    def change(self, session: Session) -> None:
        """Change what lists evaluate at use: where accounts stand, and what they have answered."""
        for account_id in self.accounts:
            enterprise_id, group_id = self.random.choice(self.places)
            update(session, ACCOUNT, account_id, enterprise_id=enterprise_id, group_id=group_id)
        session.invalidate(TREE)
        for owner in self.accounts:
            for identifier in self.random.sample(self.identifiers, 9):
                for type_ in (TYPE, OBJECT_TYPE):
                    self._answer(session, owner, identifier, type_)

    def _answer(self, session: Session, owner: str, identifier: str, type_: str) -> None:
        key = ("source_account_id", "identifier", "type")
        answer = {"source_account_id": owner, "identifier": identifier, "type": type_}
        state, id_ = self.random.choice(ANSWERS), session.ctx.ids.uuid()
        put_row(session, share_approvals, key, replacing=("state",), id=id_, state=state, created_at=0, **answer)

    def _offering(self, session: Session, name: str) -> Offering:
        ids, owner = session.ctx.ids, self.random.choice(self.accounts)
        state = "live" if self.likely() else "deleted"
        catalog = Catalog(ids.uuid(), owner, name, state, "group", "offering", {}, 0, 0)
        offering = Offering(
            id=ids.uuid(),
            account_id=owner,
            catalog_id=catalog.id,
            name=name,
            label=name,
            kind_id=ids.uuid(),
            hidden=False,
            share_enabled=self.likely(),
            share_with_all=self.random.random() < 0.4,
            share_with_ibm=False,
            document={},
            updated_at=0,
            created_at=0,
        )
        _add(session, catalogs, catalog)
        _add(session, offerings, offering)
        published = self._version(session, offering)
        self._entries(session, access_entries, {"offering_id": offering.id})
        self.facts[offering.id] = (state == "live", published, self._approval(session, offering))
        return offering

    def _approval(self, session: Session, offering: Offering) -> bool:
        """Whether the operator has granted the publication of an offering outside its enterprise."""
        state = self.random.choice(("", "", "", "requested", "granted", "granted", "revoked"))
        if state:
            ids = (session.ctx.ids.uuid(), offering.account_id, offering.id, offering.catalog_id)
            _add(session, publish_approvals, PublishApproval(*ids, state, "", 0, 0))
        return state == "granted"

    def _version(self, session: Session, offering: Offering) -> bool:
        published = self.likely()
        system = session.as_context(session.ctx.as_system(offering.account_id))
        image = add_image(system, offering.name)
        version = Version(
            id=session.ctx.ids.uuid(),
            account_id=offering.account_id,
            catalog_id=offering.catalog_id,
            offering_id=offering.id,
            version="1.0.0",
            state=self.random.choice(("consumable", "prerelease") if published else ("new", "test", "deprecated")),
            previous=None,
            entered_at=0,
            validation={"state": "valid"},
            deprecate_pending=None,
            metadata={},
            document={},
            copy_of="",
            updated_at=0,
            created_at=0,
        )
        _add(session, versions, version)
        add_row(session, version_images, image_id=image.id, version_id=version.id, region=session.ctx.region.name)
        return published

    def _object(self, session: Session, offering: Offering) -> CatalogObject:
        made = CatalogObject(
            id=session.ctx.ids.uuid(),
            account_id=offering.account_id,
            catalog_id=offering.catalog_id,
            name=offering.name,
            label=offering.name,
            kind=OBJECT_TYPE,
            parent_id="",
            state="consumable" if self.likely() else "new",
            previous=None,
            entered_at=0,
            share_enabled=self.likely(),
            document={},
            updated_at=0,
            created_at=0,
        )
        _add(session, catalog_objects, made)
        self._entries(session, object_entries, {"object_id": made.id})
        return made

    def _entries(self, session: Session, table: Any, key: dict[str, str]) -> None:
        for identifier in self.random.sample(self.identifiers, self.random.randint(2, 5)):
            add_row(session, table, id=session.ctx.ids.uuid(), identifier=identifier, created_at=0, **key)


def _add(session: Session, table: Any, row: Any) -> None:
    add_row(session, table, **dataclasses.asdict(row))


def _as_account(session: Session, account_id: str) -> Session:
    ctx = session.ctx.as_system(account_id)
    reader = dataclasses.replace(ctx, actor=Actor("IBMid-READER", "reader"), recipients=recipients(session, account_id))
    return session.as_context(reader)


def _found(session: Session, kind: ResourceType[Any], id_: str) -> bool:
    try:
        find(session, kind, id_)
    except Problem:
        return False
    return True


def _without(condition: Condition, terms: Terms, receiver: Receiver) -> bool:
    """What the rule would decide without one of its conditions."""
    others = (other for other in RULE if other is not condition and other.holds(terms, receiver) == other.grants)
    return next((other.grants for other in others), UNDECIDED.may_boot)


def _compare(session: Session, world: RandomWorld, decisive: Reached) -> None:
    for account_id in world.accounts:
        caller = _as_account(session, account_id)
        _, page = offering_lists.page(caller, 0, 100, hidden=True, public=True)
        listed, seen = {row.id for row in page.items}, {row.id for row in some(caller, OFFERING)}
        for offering in world.shared:
            terms = explain.load_terms(session, offering)
            assert (terms.live, terms.published, terms.approved) == world.facts[offering.id]
            receiver = load_receiver(session, account_id)
            decision = decide(terms, receiver)
            owned = account_id == offering.account_id
            expected = terms.live if owned else decision.may_boot
            version = rows_of(session, versions, versions.c.offering_id == offering.id)[0]
            version_crn = Version(*version).crn
            views = {
                "offering by id": _found(caller, OFFERING, offering.id),
                "version by id": _found(caller, VERSION, version.id),
                "offering among all": offering.id in seen,
                "in the list": offering.id in listed,
            }
            boots = {
                "boots its version": booted(caller, version_crn=version_crn) is not None,
                "boots the offering": booted(caller, offering_crn=offering.crn) is not None,
            }
            context = (offering.name, account_id, decision, terms)
            assert views == dict.fromkeys(views, expected), context
            assert boots == dict.fromkeys(boots, decision.may_boot), context
            decisive.add(*(one.reason for one in RULE if _without(one, terms, receiver) != decision.may_boot))
        _compare_objects(caller, world.objects)


def _compare_objects(caller: Session, objects: Sequence[CatalogObject]) -> None:
    """Catalog objects follow the same rule, with answers of their own type and never to all."""
    seen = {row.id for row in some(caller, OBJECT)}
    for one in objects:
        terms = _object_terms(caller, one)
        decision = decide(terms, load_receiver(caller, caller.ctx.account_id))
        expected = terms.live if one.account_id == caller.ctx.account_id else decision.may_boot
        assert (one.id in seen, _found(caller, OBJECT, one.id)) == (expected, expected), (one.name, decision, terms)


def _object_terms(session: Session, one: CatalogObject) -> Terms:
    offering = rows_of(session, offerings, offerings.c.name == one.name)[0]
    entries = rows_of(session, object_entries, object_entries.c.object_id == one.id)
    return dataclasses.replace(
        explain.load_terms(session, Offering(*offering)),
        published=one.state == "consumable",
        public=False,
        approved=False,
        enabled=one.share_enabled,
        listed=frozenset(row.identifier for row in entries),
        answers=load_answers(session, one.account_id, OBJECT_TYPE),
    )


def test_explanations_look_ups_lists_and_boots_agree(both: World, walk_seed: int) -> None:
    """By night, the decision hangs on each condition of the rule somewhere."""
    decisive = Reached(condition.reason for condition in RULE)
    for seed in range(walk_seed, walk_seed + WORLDS):
        world = both.write(both.base, RandomWorld, seed)
        both.read(both.base, _compare, world, decisive)
        both.write(both.base, world.change)
        both.read(both.base, _compare, world, decisive)
    assert decisive.total(), "some decision hangs on one condition"
    decisive.require_all()
