"""Trusted profiles: identities that others put on. One public function a use case."""

from __future__ import annotations

import re
from typing import Any

from kunsthalle.core.access import STANDING
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.identity.history import forget, note
from kunsthalle.identity.keys import no_more_than_held, stale
from kunsthalle.identity.kinds import PROFILE, PROFILE_LINK, PROFILE_RULE
from kunsthalle.identity.model import Profile, ProfileLink, ProfileRule
from kunsthalle.identity.policies import drop_subject
from kunsthalle.identity.queries import profile_by
from kunsthalle.store.rows import IntegrityError, delete, insert, update
from kunsthalle.store.schema.identity import profile_identities
from kunsthalle.store.scope import Granted, find, some
from kunsthalle.store.tables import put_row, remove_rows, rows_of
from kunsthalle.store.unit import Unit

IDENTITY_TYPES = ("user", "serviceid", "crn")
_IDENTIFIER = re.compile(r"[\x21-\x7e]{1,512}")


def create_profile(unit: Unit, name: str, description: str | None = None, email: str | None = None) -> Profile:
    """A new profile of the account, which holds nothing and which nobody may put on yet. 409 for a taken name."""
    ctx, now = unit.ctx, unit.ctx.now()
    _named(name)
    id_ = f"Profile-{ctx.ids.uuid()}"
    made = Profile(id_, ctx.account_id, f"iam-{id_}", name, description, email, ctx.actor.iam_id, now, now)
    try:
        return insert(unit, PROFILE, made)
    except IntegrityError as error:
        raise conflict("conflict", "A profile of this name exists already.", "name") from error


def _named(name: str) -> None:
    if not 1 <= len(name) <= 255:
        raise invalid("bad_request", "A name has 1 to 255 characters.", "name")


def change_profile(unit: Unit, granted: Granted[Profile], revision: int | None, **given: Any) -> Profile:
    """Changes what is given of name, description and email."""
    if "name" in given:
        _named(given["name"])
    as_read = () if revision is None else (PROFILE.table.c.revision == revision,)
    try:
        done = update(unit, PROFILE, granted.it.id, *as_read, modified_at=unit.ctx.now(), **given)
    except IntegrityError as error:
        raise conflict("conflict", "A profile of this name exists already.", "name") from error
    if not done:
        raise stale()
    note(unit, granted.it.id, "update", given)
    return find(unit, PROFILE, granted.it.id)


def delete_profile(unit: Unit, granted: Granted[Profile]) -> None:
    """The profile and everything that hangs on it is gone; tokens of those who wear it end."""
    gone = granted.it
    unit.changed(STANDING)
    drop_subject(unit, gone.account_id, gone.iam_id)
    for table in (PROFILE_RULE.table, PROFILE_LINK.table, profile_identities):
        remove_rows(unit, table, table.c.profile_id == gone.id)
    delete(unit, PROFILE, gone.id, gone.account_id)
    forget(unit, gone.id)


def identities_of(unit: Unit, profile: Profile) -> list[Any]:
    """Rows of those who may put the profile on."""
    table = profile_identities
    return rows_of(unit, table, table.c.profile_id == profile.id, order=(table.c.identifier))


def one_identity(unit: Unit, profile: Profile, type_: str, identifier: str) -> Any:
    """One of those who may put the profile on, or 404."""
    found = [one for one in identities_of(unit, profile) if (one.type, one.identifier) == (type_, identifier)]
    if not found:
        raise not_found("identifier_id")
    return found[0]


def trust(
    unit: Unit,
    granted: Granted[Profile],
    type_: str,
    identifier: str,
    accounts: list[str] | None = None,
    description: str | None = None,
) -> Any:
    """Lets somebody put the profile on. 403 unless the caller holds whatever the profile holds."""
    if type_ not in IDENTITY_TYPES:
        raise invalid("bad_request", f"type must be one of {', '.join(IDENTITY_TYPES)}.", "type")
    if not _IDENTIFIER.fullmatch(identifier):
        raise invalid("bad_request", "An identifier has 1 to 512 printable characters.", "identifier")
    no_more_than_held(unit, granted.it.iam_id)
    iam_id = f"iam-{identifier.removeprefix('iam-')}" if type_ == "serviceid" else identifier
    whence = (accounts or [granted.it.account_id]) if type_ == "user" else []
    values = {"iam_id": iam_id, "accounts": whence, "description": description}
    key = {"profile_id": granted.it.id, "type": type_, "identifier": identifier}
    put_row(unit, profile_identities, tuple(key), replacing=tuple(values), **key, **values)
    _touch(unit, granted)
    return one_identity(unit, granted.it, type_, identifier)


def distrust(unit: Unit, granted: Granted[Profile], type_: str | None = None, identifier: str | None = None) -> None:
    """Takes somebody, or everybody, off the list; 404 for somebody who is not on it."""
    table = profile_identities
    where = [table.c.profile_id == granted.it.id]
    if type_ is not None:
        where += [table.c.type == type_, table.c.identifier == identifier]
    if not remove_rows(unit, table, *where) and type_ is not None:
        raise not_found("identifier_id")
    _touch(unit, granted)


def _touch(unit: Unit, granted: Granted[Profile]) -> None:
    unit.changed(STANDING)
    update(unit, PROFILE, granted.it.id, modified_at=unit.ctx.now())


def may_assume(unit: Unit, profile: Profile, iam_id: str, account_id: str) -> bool:
    """Whether an identity of an account is on the profile's list."""
    mine = [one for one in identities_of(unit, profile) if one.iam_id == iam_id]
    return any(one.type != "user" or account_id in one.accounts for one in mine)


def meant_profile(unit: Unit, form: dict[str, str]) -> Profile | None:
    """The profile that a token request names: by id, by CRN, or by name and account."""
    table = PROFILE.table
    if "profile_id" in form:
        return profile_by(unit, table.c.id == form["profile_id"])
    if "profile_crn" in form:
        found = profile_by(unit, table.c.id == form["profile_crn"].rsplit(":", 1)[-1])
        return found if found is not None and found.crn == form["profile_crn"] else None
    return profile_by(unit, table.c.name == form.get("profile_name", ""), table.c.account_id == form.get("account", ""))


def add_rule(unit: Unit, granted: Granted[Profile], **given: Any) -> ProfileRule:
    """Store a claim rule with the profile. 403 unless the caller holds whatever the profile holds."""
    ctx, now = unit.ctx, unit.ctx.now()
    _rule(given)
    profile = granted.it
    no_more_than_held(unit, profile.iam_id)
    return insert(
        unit,
        PROFILE_RULE,
        ProfileRule(
            f"ClaimRule-{ctx.ids.uuid()}", profile.account_id, profile.id, **given, modified_at=now, created_at=now
        ),
    )


def _rule(given: dict[str, Any]) -> None:
    if given["type"] not in {"Profile-SAML", "Profile-CR"}:
        raise invalid("bad_request", "type must be Profile-SAML or Profile-CR.", "type")
    needed = "realm_name" if given["type"] == "Profile-SAML" else "cr_type"
    if not given[needed]:
        raise invalid("bad_request", f"A rule of type {given['type']} needs {needed}.", needed)
    if not given["conditions"]:
        raise invalid("bad_request", "A rule has at least one condition.", "conditions")


def change_rule(unit: Unit, granted: Granted[ProfileRule], revision: int | None, **given: Any) -> ProfileRule:
    """Replace a claim rule. 403 unless the caller holds whatever its profile holds."""
    _rule(given)
    no_more_than_held(unit, find(unit, PROFILE, granted.it.profile_id).iam_id)
    as_read = () if revision is None else (PROFILE_RULE.table.c.revision == revision,)
    if not update(unit, PROFILE_RULE, granted.it.id, *as_read, modified_at=unit.ctx.now(), **given):
        raise stale()
    return find(unit, PROFILE_RULE, granted.it.id)


def add_link(
    unit: Unit, granted: Granted[Profile], name: str | None, cr_type: str, link: dict[str, str]
) -> ProfileLink:
    """Keeps a link to a compute resource with the profile. 403 unless the caller holds what the profile holds."""
    no_more_than_held(unit, granted.it.iam_id)
    profile, now = granted.it, unit.ctx.now()
    id_ = f"Link-{unit.ctx.ids.uuid()}"
    return insert(unit, PROFILE_LINK, ProfileLink(id_, profile.account_id, profile.id, name, cr_type, link, now, now))


def rules_of(unit: Unit, profile: Profile) -> list[ProfileRule]:
    return some(unit, PROFILE_RULE, PROFILE_RULE.table.c.profile_id == profile.id)


def links_of(unit: Unit, profile: Profile) -> list[ProfileLink]:
    return some(unit, PROFILE_LINK, PROFILE_LINK.table.c.profile_id == profile.id)


def delete_links_like(unit: Unit, granted: Granted[Profile], asked: dict[str, str]) -> None:
    """Removes the links of a type whose parts are as asked; 404 when there is none."""
    found = [one for one in links_of(unit, granted.it) if _alike(one, asked)]
    if not found:
        raise not_found("type")
    for one in found:
        delete(unit, PROFILE_LINK, one.id, one.account_id)


def _alike(link: ProfileLink, asked: dict[str, str]) -> bool:
    parts = {"type": link.cr_type, **link.link}
    return all(parts.get(name) == value for name, value in asked.items())
