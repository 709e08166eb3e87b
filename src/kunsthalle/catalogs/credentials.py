"""Credentials inside the documents of catalogs and offerings: encrypted where they are kept, and shown to nobody.

Whoever reads a document gets a mark in the place of each. The mark that is sent back keeps what is stored, so that a
document can be read, changed and put back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from kunsthalle.catalogs.tables import catalogs, offerings
from kunsthalle.core.errors import invalid
from kunsthalle.db.encryption import Turn
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import columns_of

Doc = dict[str, Any]
MARK = "********"
_IN_OBJECTS = (("syndication_settings", "authorization", "token"), ("repo_info", "token"))
_CONTEXTS, _API_KEY = "target_account_contexts", "api_key"


class Credential(NamedTuple):
    """A member of an object inside a document. `kind` is what it is, `field` and `nth` which one of several it is."""

    holder: Doc
    member: str
    kind: str
    field: str
    nth: int = 0

    @property
    def value(self) -> Any:
        return self.holder[self.member]


def _found(document: Doc) -> Iterator[Credential]:
    """The credentials of a document; what is empty or null is none."""
    for *parents, member in _IN_OBJECTS:
        holder: Any = document
        for parent in parents:
            holder = holder.get(parent) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and holder.get(member) not in (None, ""):
            yield Credential(holder, member, ".".join((*parents, member)), ".".join((*parents, member)))
    seen: Counter[str] = Counter()
    for context in document.get(_CONTEXTS) or []:
        if context.get(_API_KEY) not in (None, ""):
            name = str(context.get("name") or "")
            yield Credential(
                context, _API_KEY, f"{_CONTEXTS}.{_API_KEY}", f"{_CONTEXTS}[{name}].{_API_KEY}", seen[name]
            )
            seen[name] += 1


def _apart(document: Doc) -> Doc:
    """A copy whose credentials may be changed: of what holds them alone, however deep the rest of the document is."""
    kept = dict(document)
    for first, *parents, _ in _IN_OBJECTS:
        holder: Any = kept
        for name in (first, *parents):
            if not isinstance(holder, dict) or not isinstance(holder.get(name), dict):
                break
            holder[name] = dict(holder[name])
            holder = holder[name]
    if kept.get(_CONTEXTS):
        kept[_CONTEXTS] = [dict(context) for context in kept[_CONTEXTS]]
    return kept


def masked(document: Doc) -> Doc:
    """The document as it is shown."""
    if not any(True for _ in _found(document)):
        return document
    shown = _apart(document)
    for one in _found(shown):
        one.holder[one.member] = MARK
    return shown


def encrypted(session: Session, id_: str, given: Doc, stored: Doc) -> Doc:
    """The document of a catalog or offering as it is kept. A mark keeps the credential that `stored` has there.

    400 for a mark where nothing is stored, and for what is no text.
    """
    _check_shape(given)
    kept = _apart(given)
    known = {(one.field, one.nth): one.value for one in _found(stored)}
    several = {field for field, number in Counter(one.field for one in _found(kept)).items() if number > 1}
    for one in _found(kept):
        if one.value == MARK and one.field in several:
            text = f"{one.field}: {MARK} does not tell which of several of one name is meant. Send the values."
            raise invalid("bad_request", text, one.field)
        if not isinstance(one.value, str):
            raise invalid("bad_request", f"{one.field} must be a string.", one.field)
        if one.value != MARK:
            one.holder[one.member] = session.cipher.encrypt(one.value, f"{id_}/{one.kind}")
        elif (one.field, one.nth) in known:
            one.holder[one.member] = known[one.field, one.nth]
        else:
            text = f"{one.field}: {MARK} keeps the value that is stored, and none is. Send the value itself."
            raise invalid("bad_request", text, one.field)
    return kept


def _check_shape(given: Doc) -> None:
    """400 for another value than an object where a credential would be looked for inside of one."""
    authorization = (given.get("syndication_settings") or {}).get("authorization")
    if authorization is not None and not isinstance(authorization, dict):
        field = "syndication_settings.authorization"
        raise invalid("bad_request", f"{field} must be an object.", field)


def renew(session: Session, turn: Turn) -> None:
    """Encrypts the credentials of all documents anew; an earlier release kept them in clear."""
    for table in (catalogs, offerings):
        for id_, document in columns_of(session, table.c.id, table.c.document):
            found = list(_found(document))
            for one in found:
                text = one.value if isinstance(one.value, str) else json.dumps(one.value)
                one.holder[one.member] = turn(text, f"{id_}/{one.kind}")
            if found:
                session.execute(table.update().where(table.c.id == id_).values(document=document))
