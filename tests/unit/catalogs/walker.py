"""A random walk over the package catalogs: each step on the product and on the model, which must agree.

Steps are the package's own use cases on a store of their own, looked up as a caller's are; jobs run when they are due.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fixtures.walks import Reached
from fixtures.worlds import World, add_image
from kunsthalle.accounts import enterprise_tree
from kunsthalle.accounts.resources import ACCOUNT, ENTERPRISE
from kunsthalle.catalogs import reclamation
from kunsthalle.catalogs.models import Catalog, Offering, Version
from kunsthalle.catalogs.offerings import service
from kunsthalle.catalogs.reclamation import CatalogHolds
from kunsthalle.catalogs.resources import CATALOG, OFFERING, RECLAMATION, VERSION
from kunsthalle.catalogs.sharing import access_list, offering_lists
from kunsthalle.catalogs.versions import editing, version_steps
from kunsthalle.catalogs.versions.editing import ImageChoice, Import, import_version
from kunsthalle.core.clock import DAY
from kunsthalle.db.session import Session
from kunsthalle.db.visibility import find, resolve, unscoped
from kunsthalle.images.resources import IMAGE
from kunsthalle.images.service import ImageService
from kunsthalle.jobs import queue
from unit.catalogs.account_tree import ACCOUNTS, ActingAccounts, Tree
from unit.catalogs.asking import booted, pages_are_right
from unit.catalogs.rules import PUBLISHED, Edition, Picture, Rules, Shelf, Title

ACTION = "globalcatalog-collection.offering.update"
TRANSITIONS = (
    *("new to validated", "new to prerelease", "validated to prerelease", "validated to consumable"),
    *("prerelease to consumable", "prerelease to new", "prerelease to validated", "consumable to validated"),
    *("validated to new", "consumable to new", "validated to deprecated", "prerelease to deprecated"),
    "consumable to deprecated",
)
"""From one state of a version to another, as a step or the clock leads there."""


@dataclass
class Real:
    """What the product made of the model's resources."""

    catalogs: list[Catalog] = field(default_factory=list)
    offerings: list[Offering] = field(default_factory=list)
    versions: list[Version] = field(default_factory=list)


class Walker(ActingAccounts):
    """The product and the model side by side. Each public method is a step; it says what both should have done."""

    def __init__(self, tree: Tree, world: World, seed: str) -> None:
        super().__init__(tree, world, seed)
        self.ent = f"-ent-{tree.enterprise.id}"
        self.outer, self.inner = (f"-entgrp-{one}" for one in tree.groups)
        above = {id_: (id_, self.ent) for id_ in self.ids.values()}
        above[self.ids["outsider"]] = (self.ids["outsider"],)
        self.rules = Rules(self.ids["owner"], above)
        self.real = Real()
        self.pictures: list[Picture] = []
        self.shelves: list[Shelf] = []
        self.titles: list[Title] = []
        self.editions: list[Edition] = []
        self.steps = self.lent = 0
        self.passed = Reached(TRANSITIONS)
        self._states: list[str] = []

    # -- the shop

    def shelf(self) -> None:
        made = self.own(lambda session: service.create_catalog(session, "shelf", "offering", None, {}), expected=True)
        self.shelves.append(Shelf())
        self.real.catalogs.append(made)

    def title(self, at: int) -> None:
        shelf, catalog = self.shelves[at], self.real.catalogs[at]
        fields = service.Fields(f"title-{len(self.titles)}", "Title", hidden=False, document={})
        live = not shelf.gone and shelf.until is None
        made = self.own(
            lambda session: service.create_offering(session, resolve(session, CATALOG, catalog.id, ACTION), fields),
            live,
        )
        if live:
            self.titles.append(Title(shelf))
            self.real.offerings.append(made)

    def rewrite(self, at: int, label: str, *, hidden: bool) -> None:
        title, offering = self.titles[at], self.real.offerings[at]
        fields = service.Fields(offering.name, label, hidden, {})
        deed = service.rewrite
        self.own(
            lambda session: deed(session, resolve(session, OFFERING, offering.id, ACTION), fields), self.open_(title)
        )

    def picture(self) -> None:
        name = f"image-{len(self.pictures)}"
        made = self.own(lambda session: add_image(session, name, digest=name), expected=True)
        self.pictures.append(Picture(made.id))

    def open_(self, title: Title) -> bool:
        return not title.gone and not title.shelf.gone and title.shelf.until is None

    def edition(self, title_at: int, picture_at: int) -> None:
        title, picture = self.titles[title_at], self.pictures[picture_at]
        offering, number = self.real.offerings[title_at], len(self.editions) + 1
        metadata = {"images": [{"id": picture.id, "region": "us-south"}]}
        wanted = Import(f"{number}.0.0", (ImageChoice(picture.id, "us-south"),), metadata, {})
        fits = self.open_(title) and picture.holder is None and picture.status == "available"  # R1
        made = self.own(
            lambda session: import_version(session, resolve(session, OFFERING, offering.id, ACTION), wanted), fits
        )
        if fits:
            picture.holder = Edition(title, number, picture)
            self.editions.append(picture.holder)
            self.real.versions.append(made)

    def there(self, it: Edition) -> bool:
        return not it.gone and self.open_(it.title)

    def on(self, at: int, deed: Callable[[Session, Any], Any], expected: bool) -> None:
        id_ = self.real.versions[at].id
        self.own(lambda session: deed(session, resolve(session, VERSION, id_, ACTION)), expected)

    def validate(self, at: int) -> None:
        it = self.editions[at]
        may = self.there(it) and it.state != "deprecated"
        self.on(at, lambda session, version: version_steps.validate(session, version, {}), may)
        self.drain()
        if may:
            it.valid = it.picture is not None
            it.state = "validated" if it.state == "new" and it.valid else it.state

    def step(self, at: int, name: str) -> None:
        """prerelease, publish, suspend or archive."""
        it = self.editions[at]
        sources, guard, to = {
            "prerelease": (("new", "validated"), it.picture is not None, "prerelease"),
            "publish": (("validated", "prerelease"), it.valid and it.until is None, "consumable"),
            "suspend": (PUBLISHED, True, "validated" if it.valid or it.state == "consumable" else "new"),
            "archive": ((*PUBLISHED, "validated"), True, "deprecated"),
        }[name]
        may = self.there(it) and it.state in sources and guard
        self.on(at, getattr(version_steps, name), may)
        if may:
            it.state, it.until = to, None
            self._follow(it, "obsolete" if name == "archive" else "available")

    def _follow(self, it: Edition, status: str) -> None:
        """R10: the version's status governs its image's."""
        if it.picture is not None:
            it.picture.status = status

    def deprecate(self, at: int, days: int) -> None:
        it = self.editions[at]
        may = self.there(it) and it.state in PUBLISHED and it.until is None
        self.on(at, lambda session, version: version_steps.deprecate(session, version.resource, days, None), may)
        if may:
            it.until = self.world.clock.now() + days * DAY
            self._follow(it, "deprecated")
            self.travel(0)

    def undo_deprecation(self, at: int) -> None:
        it = self.editions[at]
        may = self.there(it) and it.until is not None
        self.on(at, lambda session, version: version_steps.restore(session, version.resource), may)
        if may:
            it.until = None
            self._follow(it, "available")

    def take_out(self, at: int) -> None:
        """R4: the image is taken out of its version, and free at once."""
        it = self.editions[at]
        may = self.there(it) and it.until is None
        empty = {"images": []}
        self.on(at, lambda session, version: editing.edit(session, version, empty, {}), may)
        if may and it.picture is not None:
            if it.state not in ("new", "deprecated"):
                it.state = "new"
            picture, it.picture = it.picture, None
            picture.holder = None
            it.valid = False if it.state != "deprecated" else it.valid

    def delete_edition(self, at: int) -> None:
        it = self.editions[at]
        others = [one for one in self.editions if one.title is it.title and one is not it and not one.gone]
        last = it.state in PUBLISHED and not any(one.state in PUBLISHED for one in others)
        may = self.there(it) and not last
        self.on(at, version_steps.delete_version, may)
        if may:
            self._free(it)

    def _free(self, it: Edition) -> None:
        """R4: a version that is gone manages nothing; its image stays as it is."""
        it.gone = True
        if it.picture is not None:
            it.picture.holder = None

    def delete_title(self, at: int) -> None:
        title, id_ = self.titles[at], self.real.offerings[at].id
        may = self.open_(title)
        self.own(lambda session: service.delete_offering(session, resolve(session, OFFERING, id_, ACTION)), may)
        if may:
            self._free_title(title)

    def _free_title(self, title: Title) -> None:
        title.gone = True
        for one in self.editions:
            if one.title is title:
                self._free(one)

    def delete_shelf(self, at: int) -> None:
        shelf, id_ = self.shelves[at], self.real.catalogs[at].id
        may = not shelf.gone and shelf.until is None
        self.own(lambda session: service.delete_catalog(session, resolve(session, CATALOG, id_, ACTION), 7 * DAY), may)
        if may:
            shelf.until = self.world.clock.now() + 7 * DAY

    def end_reclamation(self, at: int, restore: bool) -> None:
        shelf, id_ = self.shelves[at], self.real.catalogs[at].id
        may = not shelf.gone and shelf.until is not None

        def deed(session: Session) -> Any:
            waiting = unscoped(session, RECLAMATION, RECLAMATION.table.c.catalog_id == id_)
            record = resolve(session, RECLAMATION, waiting[0].id if waiting else "none", RECLAMATION.read)
            return (reclamation.restore if restore else reclamation.reclaim)(session, record)

        self.own(deed, may)
        if may and restore:
            shelf.until = None
        elif may:
            self._reclaimed(shelf)

    def _reclaimed(self, shelf: Shelf) -> None:
        shelf.gone = True
        for title in self.titles:
            if title.shelf is shelf and not title.gone:
                self._free_title(title)

    def delete_picture(self, at: int) -> None:
        """R2: only what nobody manages goes; tried, and undone, for the walk needs its images."""
        picture = self.pictures[at]
        images = ImageService(None, None, CatalogHolds())  # type: ignore[arg-type]  # deleting needs neither buckets nor volumes

        class Undone(Exception):
            """Takes the deletion back."""

        def deed(session: Session) -> None:
            images.delete(session, resolve(session, IMAGE, picture.id, "is.image.image.delete"))
            raise Undone

        try:
            done, _ = self.act(self.ids["owner"], deed)
        except Undone:
            done = True
        assert done == (picture.holder is None)

    # -- sharing

    def identifiers(self) -> list[str]:
        return [*(self.ids[name] for name in ACCOUNTS), self.ent, self.outer, self.inner]

    def share(self, at: int, identifier: str) -> None:
        title, id_ = self.titles[at], self.real.offerings[at].id
        may = self.open_(title)
        errors = self.own(
            lambda session: access_list.add(session, resolve(session, OFFERING, id_, ACTION), [identifier]), may
        )
        inside = identifier.startswith("-") or self.rules._inside(identifier)
        if may:
            assert bool(errors) == (not inside and title.approval != "granted")
            if not errors:
                title.listed.add(identifier)
                self.rules.answers.setdefault(identifier, "pending")

    def unshare(self, at: int, identifier: str) -> None:
        title, id_ = self.titles[at], self.real.offerings[at].id
        may = self.open_(title)
        self.own(
            lambda session: access_list.remove(session, resolve(session, OFFERING, id_, ACTION), [identifier]), may
        )
        if may:
            title.listed.discard(identifier)

    def flags(self, at: int, *, enabled: bool, public: bool) -> None:
        title, id_ = self.titles[at], self.real.offerings[at].id
        may = self.open_(title) and (not public or title.approval == "granted")
        flags = {"ibm": False, "public": public, "enabled": enabled}
        self.own(lambda session: access_list.share(session, resolve(session, OFFERING, id_, ACTION), **flags), may)
        if may:
            title.enabled, title.public = enabled, public

    def answer(self, name: str, *, accepts: bool) -> None:
        """An account answers for itself."""
        id_, state = self.ids[name], "approved" if accepts else "rejected"
        asked = any(one in self.rules.answers for one in self.rules.above[id_]) and name != "owner"
        done, said = self.act(id_, lambda session: access_list.answer(session, "offering", state, [self.rules.owner]))
        assert done == asked, said
        if done:
            self.rules.answers[id_] = state

    def answer_above(self, identifier: str, *, accepts: bool) -> None:
        """The enterprise's account answers for it, or for one of its groups."""
        state = "approved" if accepts else "rejected"
        root = self.tree.root.id
        done, said = self.act(
            root, lambda session: access_list.answer(session, "offering", state, [self.rules.owner], identifier)
        )
        assert done == (identifier in self.rules.answers), said
        if done:
            self.rules.answers[identifier] = state

    def withdraw(self, identifier: str) -> None:
        self.own(lambda session: access_list.withdraw(session, "offering", [identifier]), expected=True)
        self.rules.answers.pop(identifier, None)

    def operator(self, at: int, *, grants: bool) -> None:
        title, id_ = self.titles[at], self.real.offerings[at].id
        state = "granted" if grants else "revoked"
        done, said = self.act("", lambda session: access_list.decide(session, id_, state))
        changes = title.approval != state and (grants or title.approval != "")
        assert done == (not self._erased(title) and changes), said
        if done:
            title.approval = state

    def _erased(self, title: Title) -> bool:
        return title.gone or title.shelf.gone

    # -- the tree and the clock

    def move(self, name: str, place: int) -> None:
        """To the enterprise itself, or to one of its groups; who stands outside joins."""
        id_, enterprise = self.ids[name], self.tree.enterprise
        group = (None, *self.tree.groups)[place]
        joins = not self.rules._inside(id_)
        crn = enterprise.crn if group is None else f"{enterprise.crn.rsplit(':', 2)[0]}:account-group:{group}"

        def deed(session: Session) -> None:
            if joins:
                joining = unscoped(session, ACCOUNT, ACCOUNT.table.c.id == id_)[0]
                enterprise_tree._take_in(session, joining, find(session, ENTERPRISE, enterprise.id), group)
            else:
                enterprise_tree.move_account(session, resolve(session, ACCOUNT, id_, enterprise_tree.MOVE_ACCOUNT), crn)

        done, said = self.act(self.tree.root.id, deed)
        assert done, said
        self.rules.above[id_] = (id_, self.ent, *((), (self.outer,), (self.inner, self.outer))[place])

    def travel(self, days: int) -> None:
        """The clock goes on; what becomes due is done at its moment."""
        clock, until = self.world.clock, self.world.clock.now() + days * DAY
        while True:
            due = self.world.read(self.world.base, queue.next_due, until)
            if due is None:
                break
            clock.set(max(clock.now(), due))
            self.drain()
        clock.set(until)
        for it in self.editions:
            ends = it.title.shelf.until
            if it.until is not None and it.until <= until and not it.gone and (ends is None or it.until <= ends):
                it.state, it.until = "deprecated", None
                self._follow(it, "obsolete")
        for shelf in self.shelves:
            if not shelf.gone and shelf.until is not None and shelf.until <= until:
                self._reclaimed(shelf)

    # -- what must be so after each step

    def compare(self) -> None:
        """May boot, for every account and version, as the rules say; and R2 for every image."""
        self.steps += 1
        states = [it.state for it in self.editions]
        self.passed.update(f"{old} to {new}" for old, new in zip(self._states, states, strict=False) if old != new)
        self._states = states

        def look(session: Session) -> None:
            for name, id_ in self.ids.items():
                caller = session.as_context(self._ctx(session, id_))
                for it, version in zip(self.editions, self.real.versions, strict=True):
                    wanted = it.picture.id if it.picture and self.rules.may_boot(id_, it) else None
                    found = booted(caller, version_crn=version.crn)
                    assert found == wanted, f"{name} {version.version}: boots {found}, should boot {wanted}"
                    self.lent += found is not None and name != "owner"
                for title, offering in zip(self.titles, self.real.offerings, strict=True):
                    best = self.rules.best(title, self.editions)
                    wanted = best.picture.id if best and best.picture and self.rules.may_boot(id_, best) else None
                    assert booted(caller, offering_crn=offering.crn) == wanted, (name, offering.name)
                self._lists(caller, id_)
            self._images(session)

        self.world.read(self.world.base, look)

    def _lists(self, session: Session, id_: str) -> None:
        """The account's list, and how many it says there are, are what the account sees one by one."""
        pairs = zip(self.titles, self.real.offerings, strict=True)
        wanted = {offering.id for title, offering in pairs if self.rules.listed(id_, title, self.editions)}
        total, found = offering_lists.page(session, 0, 100, hidden=True, public=True)
        assert (total, {one.id for one in found.items}) == (len(wanted), wanted)
        pages_are_right(session, self.steps)

    def _images(self, session: Session) -> None:
        crns = {id(it): version.crn for it, version in zip(self.editions, self.real.versions, strict=True)}
        known = {one.id: one for one in unscoped(session, IMAGE)}
        for picture in self.pictures:
            image = known[picture.id]
            holder = crns[id(picture.holder)] if picture.holder is not None else None
            assert (image.hold_crn, image.status) == (holder, picture.status)
