"""Objects of a catalog that are no offerings: kept, published in the account, shared by an access list of their own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, not_, or_, true

from kunsthalle.accounts.queries import enterprise_of, enterprises_of_identifiers
from kunsthalle.api.query_language import (
    And,
    Everything,
    Exists,
    Node,
    Not,
    Or,
    Phrase,
    Range,
    Term,
    Word,
    parse,
    refused,
)
from kunsthalle.catalogs.models import Catalog, CatalogObject
from kunsthalle.catalogs.offerings.service import same_rev
from kunsthalle.catalogs.resources import OBJECT
from kunsthalle.catalogs.sharing import access_list
from kunsthalle.catalogs.sharing.access_list import REFUSAL, Entry, bounded, check_size, normal
from kunsthalle.catalogs.tables import catalog_objects, object_entries, share_approvals
from kunsthalle.catalogs.versions.version_steps import refuse
from kunsthalle.core.errors import conflict, forbidden, invalid
from kunsthalle.db.rows import IntegrityError, delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.transitions import transition
from kunsthalle.db.unscoped import number_of, put_rows, remove_rows, rows_of
from kunsthalle.db.visibility import Authorized, find
from kunsthalle.db.wildcards import Pattern, Wild, folded, folded_pattern, matches

Doc = dict[str, Any]
KINDS = ("vpe", "proxy_source", "preset_configuration")


def create(
    session: Session, catalog: Authorized[Catalog], name: str, label: str, kind: str, parent: str, doc: Doc
) -> CatalogObject:
    """A new object, not shared with anybody. 409 when its name is taken in the catalog."""
    if kind not in KINDS:
        raise invalid("bad_request", f"kind must be one of {', '.join(KINDS)}.", "kind")
    ctx, now = session.ctx, session.ctx.now()
    made = CatalogObject(
        id=ctx.ids.uuid(),
        account_id=catalog.resource.account_id,
        catalog_id=catalog.resource.id,
        name=name,
        label=label,
        kind=kind,
        parent_id=parent,
        state="new",
        previous=None,
        entered_at=now,
        share_enabled=False,
        document=doc,
        updated_at=now,
        created_at=now,
    )
    try:
        return insert(session, OBJECT, made)
    except IntegrityError as error:
        raise _taken(name) from error


def _taken(name: str) -> Exception:
    return conflict("conflict", f"The catalog has an object named {name} already.", "name")


def change(
    session: Session, catalog_object: CatalogObject, rev: str | None, name: str, label: str, parent: str, doc: Doc
) -> CatalogObject:
    """PUT: 409 on a stale or missing `_rev`. The kind stays."""
    same_rev(rev, catalog_object.rev)
    values = {"name": name, "label": label, "parent_id": parent, "document": doc, "updated_at": session.ctx.now()}
    try:
        changed = update(
            session, OBJECT, catalog_object.id, catalog_objects.c.revision == catalog_object.revision, **values
        )
    except IntegrityError as error:
        raise _taken(name) from error
    if not changed:
        raise conflict("conflict", "The object was changed meanwhile.")
    return find(session, OBJECT, catalog_object.id)


def remove(session: Session, catalog_object: CatalogObject) -> None:
    """The object and its access list go."""
    remove_rows(session, object_entries, object_entries.c.object_id == catalog_object.id)
    delete(session, OBJECT, catalog_object.id, catalog_object.account_id)


def publish(session: Session, catalog_object: CatalogObject) -> None:
    """To `consumable`: usable in the own account, and by those it is shared with."""
    now = session.ctx.now()
    if not transition(
        session, OBJECT, catalog_object.id, "consumable", previous=catalog_object.state, entered_at=now, updated_at=now
    ):
        raise refuse(f"The object is published already: current state {catalog_object.state}")


def share(session: Session, catalog_object: CatalogObject, *, ibm: bool, public: bool, enabled: bool) -> CatalogObject:
    """Switches the access list on or off. IBM and the public are for offerings with an approval."""
    if ibm or public:
        raise forbidden(REFUSAL)
    update(session, OBJECT, catalog_object.id, share_enabled=enabled, updated_at=session.ctx.now())
    return replace(catalog_object, share_enabled=enabled)


def entries(session: Session, catalog_object: CatalogObject) -> list[Entry]:
    """The access list, oldest first."""
    listed = object_entries.c
    rows = rows_of(session, object_entries, listed.object_id == catalog_object.id, order=listed.created_at)
    asked = (
        share_approvals.c.source_account_id == catalog_object.account_id,
        share_approvals.c.type == catalog_object.kind,
    )
    states = {row.identifier: row.state for row in rows_of(session, share_approvals, *asked)}
    return [Entry(row.id, row.identifier, row.created_at, states.get(row.identifier, "pending")) for row in rows]


def add(session: Session, catalog_object: CatalogObject, identifiers: list[str]) -> dict[str, str]:
    """Adds identifiers; those that cannot be reached are not added but named with the reason."""
    own = enterprise_of(session, catalog_object.account_id)
    fields = {text: normal(text) for text in bounded(identifiers)}
    known = enterprises_of_identifiers(session, set(fields.values()))
    fit = {text: field for text, field in fields.items() if own is not None and known.get(field) == own}
    rows = access_list.entries_of(session, fit.values(), object_id=catalog_object.id)
    put_rows(session, object_entries, ("object_id", "identifier"), rows)
    access_list.ask(session, fit.values(), catalog_object.kind)
    errors = {field: "Unknown, or outside the enterprise of the catalog." for field in fields if field not in fit}
    check_size(number_of(session, object_entries, object_entries.c.object_id == catalog_object.id))
    return errors


def take_off(session: Session, catalog_object: CatalogObject, identifiers: list[str]) -> None:
    """Takes identifiers off the list, `["*"]` all."""
    conditions = [object_entries.c.object_id == catalog_object.id]
    if identifiers != ["*"]:
        conditions.append(object_entries.c.identifier.in_([normal(text) for text in bounded(identifiers)]))
    remove_rows(session, object_entries, *conditions)


_FIELDS = ("name", "label", "kind", "parent_id", "catalog_id")
_MOST_CHARACTERS = 512
"""The search runs on the event loop: a query costs no more than a list does."""
_SPACED_FIELD = re.compile(r"\b(\w+):\s+(?=\S)")
"""The SDK's documentation writes `name: endpoint`."""


def matching(query: str) -> list[ColumnElement[bool]]:
    """A search in the language of `api/query_language.py`; clauses side by side must all match.

    Words and phrases are looked for in names and labels, whatever their case. 400 for an empty query, for a field that
    objects do not have, and for ranges: nobody takes an unfiltered answer for a filtered one.
    """
    if not query.strip():
        raise refused("it is empty; `*` stands for every object.")
    if len(query) > _MOST_CHARACTERS:
        raise refused(f"it has {len(query)} characters; at most {_MOST_CHARACTERS} are allowed.")
    return [_condition(parse(_SPACED_FIELD.sub(r"\1:", query), together=True))]


def _condition(node: Node) -> ColumnElement[bool]:
    match node:
        case Everything():
            return true()
        case Not(inner):
            return not_(_condition(inner))
        case And(nodes):
            return and_(*map(_condition, nodes))
        case Or(nodes):
            return or_(*map(_condition, nodes))
        case Word(pattern):
            return _anywhere(pattern)
        case Phrase(text):
            return _anywhere((text,))
        case Term(field, pattern):
            return matches(_column(field), pattern)
        case Exists(field):
            return _column(field) != ""
        case Range(field):
            _column(field)
            raise refused("objects have no field with an order; ranges cannot be asked for.")


def _anywhere(pattern: Pattern) -> ColumnElement[bool]:
    """Whether the name or the label contains what a pattern describes."""
    table, contained = catalog_objects.c, (Wild.MANY, *folded_pattern(pattern), Wild.MANY)
    return or_(*(matches(folded(column), contained) for column in (table.name, table.label)))


def _column(field: str) -> Column[str]:
    if field not in _FIELDS:
        raise refused(f"objects have no field {field[:64]}; they have {', '.join(_FIELDS)}.")
    return catalog_objects.c[field]
