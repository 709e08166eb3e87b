"""Tags of an account: made, attached, detached, deleted. One public function a use case.

Names are kept in lower case. User tags come with their first use; access tags are made by an Administrator, and
attached by one, because policies may follow them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import Text, func, type_coerce

from kunsthalle.accounts.queries import hold
from kunsthalle.authz.access_refusals import missing_action
from kunsthalle.core.errors import conflict, invalid
from kunsthalle.core.records import dataclass
from kunsthalle.db.rows import update
from kunsthalle.db.scope_conditions import exists
from kunsthalle.db.session import Session
from kunsthalle.db.tag_names import remember
from kunsthalle.db.tag_tables import tag_links, tags
from kunsthalle.db.unscoped import any_row, first_ids, number_of, numbers_by, put_rows, remove_rows
from kunsthalle.db.visibility import may, values_of
from kunsthalle.search.searchable_resources import SEARCHED, Searched, located
from kunsthalle.search.service import tags_of

MANAGE = "global-search-tagging.access-tag.manage"
MOST_ON_ONE, MOST_ACCESS = 1_000, 250
MAX_RESOURCES = 100
"""In one call: each is looked up and changed while every other change waits."""
MAX_CHANGES = 2_500
"""Tags put on resources or taken off in one call. What is beyond is reported, resource by resource."""
TOO_MANY = f"One call changes at most {MAX_CHANGES} tags in all; call again for this resource."
MAX_UNUSED = 2_000
"""Tags that one call of `DELETE /v3/tags` deletes; what is left is deleted by the next (U)."""
_AT_ONCE = 500
_NAME = re.compile(r"[a-z0-9_.: -]{1,128}")
_KEY = re.compile(r"[a-z0-9_. -]{1,127}:")
_PAIR = re.compile(r"[^:]+:[^:]+")
ABSENT = "The resource does not exist, or cannot be tagged."
"""One text for what is hidden, absent, foreign or out of reach."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one resource or tag; no message when all went well."""

    name: str
    message: str | None = None


def normal(type_: str, name: str) -> str:
    """The name as it is kept; 400 unless it is one."""
    name_ = name.strip().lower()
    if not _NAME.fullmatch(name_) or (type_ == "access" and not _PAIR.fullmatch(name_)):
        form = "key:value, both of" if type_ == "access" else "1 to 128 of"
        raise invalid("bad_request", f"A tag is {form} letters, digits, spaces, and any of _ - . :", "tag_names")
    return name_


def _mine(session: Session, type_: str) -> tuple[Any, Any]:
    return (tags.c.account_id == session.ctx.account_id, tags.c.type == type_)


def _linked(session: Session, type_: str, *where: Any) -> tuple[Any, ...]:
    return (tag_links.c.account_id == session.ctx.account_id, tag_links.c.type == type_, *where)


def names(session: Session, type_: str, *, attached_only: bool = False) -> list[str]:
    """The account's tags of a type, in their order."""
    different = _different(session, tag_links.c.name, *_linked(session, type_))
    if type_ == "user":
        different |= {name for searched in SEARCHED if searched.own_tags for name in _kept(session, searched)}
    if not attached_only:
        different |= _different(session, tags.c.name, *_mine(session, type_))
    return sorted(different)


def _kept(session: Session, searched: Searched, like: str = "") -> set[str]:
    """The tags that resources of a kind keep themselves, as far as the caller sees the resources.

    With `like`, of those resources alone that may have a tag of this name.
    """
    column = searched.kind.table.c[searched.own_tags]
    having = [column != []]
    if like:
        having.append(func.lower(type_coerce(column, Text)).contains(like, autoescape=True))
    return {name.lower() for (names,) in values_of(session, searched.kind, [column], *having) for name in names}


def names_on(session: Session, type_: str, crn: str) -> list[str]:
    """The tags of one resource; none of what the caller does not see."""
    location = located(session, crn)
    if location is None:
        return []
    searched, resource = location
    if type_ == "user" and searched.own_tags:
        return sorted(getattr(resource, searched.own_tags))
    return tags_of(session, [crn]).get((crn, type_), [])


def create(session: Session, wanted_names: list[str]) -> list[Outcome]:
    """New access tags; those that are there already are reported."""
    hold(session, session.ctx.account_id)
    present = set(names(session, "access"))
    made = [normal("access", name) for name in wanted_names]
    if len(present | set(made)) > MOST_ACCESS:
        raise conflict("conflict", f"An account has at most {MOST_ACCESS} access tags.", "tag_names")
    remember(session, "access", made)
    return [Outcome(name, "The tag exists already." if name in present else None) for name in made]


@dataclass(frozen=True, slots=True)
class Change:
    """How the tags of a resource change: `work` makes the new list of the present one."""

    type: str
    work: Callable[[set[str]], set[str]]


def attaching(session: Session, type_: str, wanted_names: list[str], *, replace: bool, renew: bool) -> Change:
    """Attach names; with `replace` instead of all others, with `renew` instead of those with the same key."""
    added = {normal(type_, name) for name in wanted_names}
    if type_ == "access" and not added <= set(names(session, "access")):
        raise invalid("bad_request", "An access tag must be created before it is attached.", "tag_names")

    def work(present: set[str]) -> set[str]:
        keys = {name.partition(":")[0] for name in added if ":" in name} if renew else set()
        names = {name for name in present if not (":" in name and name.partition(":")[0] in keys)}
        return added if replace else names | added

    return Change(type_, work)


def detaching(type_: str, wanted_names: list[str]) -> Change:
    """Take names off; `key:*` takes off all of a key, and `*` all there are (SDK: `detach_tag`)."""
    names_gone = {normal(type_, name) for name in wanted_names if not name.endswith("*")}
    starts = tuple(_start(name) for name in wanted_names if name.endswith("*"))
    return Change(type_, lambda present: {name for name in present - names_gone if not name.startswith(starts)})


def _start(pattern: str) -> str:
    """What all names begin with that `key:*` or `*` means, as they are kept; 400 for any other pattern."""
    start = pattern.strip().lower()[:-1]
    if start and not _KEY.fullmatch(start):
        text = f"{pattern!r} is no pattern of tags; a pattern is '*', or a key, ':' and '*', such as 'env:*'."
        raise invalid("bad_request", text, "tag_names")
    return start


def apply(session: Session, change: Change, crns: list[str]) -> list[Outcome]:
    """Changes the tags of each resource that the caller may change; the others are reported, all alike."""
    left, outcomes = MAX_CHANGES, list[Outcome]()
    for crn in dict.fromkeys(crns):
        changed, message = _apply_one(session, change, crn, left)
        left -= changed
        outcomes.append(Outcome(crn, message))
    return outcomes


def _apply_one(session: Session, change: Change, crn: str, left: int) -> tuple[int, str | None]:
    """How many tags were put on or taken off, and what went wrong."""
    location = located(session, crn)
    if location is None:
        return 0, ABSENT
    searched, resource = location
    verb = "administer" if change.type == "access" else "update"
    if not may(session, searched.kind, resource, searched.action(verb)):
        return 0, ABSENT
    present = {name.lower() for name in names_on(session, change.type, crn)}
    aim = change.work(present)
    if len(aim) > MOST_ON_ONE:
        return 0, f"A resource has at most {MOST_ON_ONE} tags."
    if len(aim ^ present) > left:
        return 0, TOO_MANY
    _store(session, change.type, searched, resource, present, aim)
    return len(aim ^ present), None


def _store(session: Session, type_: str, searched: Searched, resource: Any, present: set[str], aim: set[str]) -> None:
    remember(session, type_, aim - present)
    if type_ == "user" and searched.own_tags:
        if aim != present:
            update(session, searched.kind, resource.id, **{searched.own_tags: sorted(aim)})
        return
    gone = present - aim
    if gone:
        remove_rows(
            session, tag_links, *_linked(session, type_, tag_links.c.crn == resource.crn, tag_links.c.name.in_(gone))
        )
    here = {
        "account_id": session.ctx.account_id,
        "crn": resource.crn,
        "thing_kind": searched.kind.name,
        "thing_id": resource.id,
    }
    rows = [{**here, "type": type_, "name": name} for name in aim - present]
    put_rows(session, tag_links, ("account_id", "crn", "type", "name"), rows)


def _alive(searched: Searched) -> Any:
    """Whether the resource of a tag's link is still there; ids are never given again."""
    links, kind = tag_links.c, searched.kind.table.c
    return exists(searched.kind.table, kind.id == links.thing_id, kind.account_id == links.account_id)


def _of_kind(session: Session, type_: str, searched: Searched) -> tuple[Any, ...]:
    return _linked(session, type_, tag_links.c.thing_kind == searched.kind.name)


def _is_attached(session: Session, type_: str, name: str) -> bool:
    """Whether a resource of the account that is still there has the tag."""
    named = tag_links.c.name == name
    kinds = _different(session, tag_links.c.thing_kind, *_linked(session, type_, named))
    if any(
        any_row(session, tag_links, *_of_kind(session, type_, searched), named, _alive(searched))
        for searched in SEARCHED
        if searched.kind.name in kinds
    ):
        return True
    whole = session.as_context(session.ctx.as_system(session.ctx.account_id))
    return type_ == "user" and any(name in _kept(whole, searched, name) for searched in SEARCHED if searched.own_tags)


def _different(session: Session, column: Any, *where: Any) -> set[str]:
    return {name for name, _number in numbers_by(session, column, *where)}


def delete(session: Session, type_: str, name: str) -> Outcome:
    """A tag that nothing has any more."""
    tag_name = normal(type_, name)
    if not number_of(session, tags, *_mine(session, type_), tags.c.name == tag_name):
        return Outcome(tag_name, "The tag does not exist.")
    if _is_attached(session, type_, tag_name):
        return Outcome(tag_name, "The tag is attached.")
    remove_rows(session, tag_links, *_linked(session, type_, tag_links.c.name == tag_name))
    remove_rows(session, tags, *_mine(session, type_), tags.c.name == tag_name)
    return Outcome(tag_name)


@dataclass(frozen=True, slots=True)
class Unused:
    """Tags that nothing has any more, in their order, and CRNs of resources that are gone: `MAX_UNUSED` at most."""

    names: list[str]
    gone: list[str]


def unused(session: Session, type_: str) -> Unused:
    """What `delete_unused` is to delete: looked up before its transaction, for it takes long where there are many."""
    whole = session.as_context(session.ctx.as_system(session.ctx.account_id))
    used: set[str] = set()
    gone: list[str] = []
    for searched in SEARCHED:
        conditions = _of_kind(session, type_, searched)
        used |= _different(session, tag_links.c.name, *conditions, _alive(searched))
        gone += first_ids(session, tag_links.c.crn, MAX_UNUSED - len(gone), *conditions, ~_alive(searched))
        if type_ == "user" and searched.own_tags:
            used |= _kept(whole, searched)
    names = sorted(_different(session, tags.c.name, *_mine(session, type_)) - used)
    return Unused(names[:MAX_UNUSED], sorted(set(gone)))


def delete_unused(session: Session, type_: str, unused: Unused) -> list[Outcome]:
    """Delete tags that nothing has any more, but for those that something was given meanwhile."""
    for begin in range(0, len(unused.gone), _AT_ONCE):
        crns = unused.gone[begin : begin + _AT_ONCE]
        remove_rows(session, tag_links, *_linked(session, type_, tag_links.c.crn.in_(crns)))
    deleted: list[str] = []
    for begin in range(0, len(unused.names), _AT_ONCE):
        names = unused.names[begin : begin + _AT_ONCE]
        linked = _different(session, tag_links.c.name, *_linked(session, type_, tag_links.c.name.in_(names)))
        deleted += (free := [name for name in names if name not in linked])
        remove_rows(session, tags, *_mine(session, type_), tags.c.name.in_(free))
    return [Outcome(name) for name in deleted]


def managing(session: Session, type_: str) -> None:
    """403 unless the caller may make and delete tags of the type."""
    if type_ == "access" and not session.ctx.grants.scope(MANAGE).everything:
        raise missing_action(MANAGE)
