"""Credentials inside the documents of catalogs and offerings: encrypted where they are kept, and shown to nobody.

Whoever reads a document gets a mark in the place of each. The mark that is sent back keeps what is stored, so that a
document can be read, changed and put back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from kunsthalle.catalogs.tables import catalogs, offerings
from kunsthalle.core.errors import invalid
from kunsthalle.db.encryption import Turn
from kunsthalle.db.reencryption import SecretPlace
from kunsthalle.db.session import Session

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
    copied = dict(document)
    for first, *parents, _ in _IN_OBJECTS:
        holder: Any = copied
        for name in (first, *parents):
            if not isinstance(holder, dict) or not isinstance(holder.get(name), dict):
                break
            holder[name] = dict(holder[name])
            holder = holder[name]
    if copied.get(_CONTEXTS):
        copied[_CONTEXTS] = [dict(context) for context in copied[_CONTEXTS]]
    return copied


def masked(document: Doc) -> Doc:
    """The document as it is shown."""
    if not any(True for _ in _found(document)):
        return document
    shown = _apart(document)
    for credential in _found(shown):
        credential.holder[credential.member] = MARK
    return shown


def encrypted(session: Session, id_: str, document: Doc, stored: Doc) -> Doc:
    """The document of a catalog or offering as it is kept. A mark keeps the credential that `stored` has there.

    400 for a mark where nothing is stored, and for what is no text.
    """
    _check_shape(document)
    copied = _apart(document)
    known = {(credential.field, credential.nth): credential.value for credential in _found(stored)}
    several = {
        field for field, number in Counter(credential.field for credential in _found(copied)).items() if number > 1
    }
    for credential in _found(copied):
        if credential.value == MARK and credential.field in several:
            text = f"{credential.field}: {MARK} does not tell which of several of one name is meant. Send the values."
            raise invalid("bad_request", text, credential.field)
        if not isinstance(credential.value, str):
            raise invalid("bad_request", f"{credential.field} must be a string.", credential.field)
        if credential.value != MARK:
            credential.holder[credential.member] = session.cipher.encrypt(credential.value, f"{id_}/{credential.kind}")
        elif (credential.field, credential.nth) in known:
            credential.holder[credential.member] = known[credential.field, credential.nth]
        else:
            text = f"{credential.field}: {MARK} keeps the value that is stored, and none is. Send the value itself."
            raise invalid("bad_request", text, credential.field)
    return copied


def _check_shape(document: Doc) -> None:
    """400 for another value than an object where a credential would be looked for inside of one."""
    authorization = (document.get("syndication_settings") or {}).get("authorization")
    if authorization is not None and not isinstance(authorization, dict):
        field = "syndication_settings.authorization"
        raise invalid("bad_request", f"{field} must be an object.", field)


def _turned(id_: str, documents: Sequence[Doc], turn: Turn) -> Sequence[Doc]:
    """The document of a row, its credentials encrypted anew; an earlier release kept them in clear."""
    for document in documents:
        for credential in _found(document):
            text = credential.value if isinstance(credential.value, str) else json.dumps(credential.value)
            credential.holder[credential.member] = turn(text, f"{id_}/{credential.kind}")
    return documents


SECRETS = tuple(SecretPlace(table.c.id, (table.c.document,), _turned) for table in (catalogs, offerings))
"""Where credentials are, for the master key that they are encrypted with."""
