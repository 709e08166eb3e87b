"""Trusted profiles: identities that others put on. One public function a use case."""

from __future__ import annotations

import re
from typing import Any

from kunsthalle.authz.permissions import VALIDITY
from kunsthalle.core.errors import conflict, invalid, not_found
from kunsthalle.db.rows import IntegrityError, delete, insert, update
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import number_of, put_row, remove_rows, rows_of
from kunsthalle.db.visibility import Authorized, find, some
from kunsthalle.iam import erasure
from kunsthalle.iam.api_keys import no_more_than_held, stale
from kunsthalle.iam.claim_rules import check_conditions
from kunsthalle.iam.history import forget, note
from kunsthalle.iam.models import Profile, ProfileLink, ProfileRule
from kunsthalle.iam.policies import drop_subject
from kunsthalle.iam.queries import profile_by
from kunsthalle.iam.resources import PROFILE, PROFILE_LINK, PROFILE_RULE
from kunsthalle.iam.tables import profile_identities

MAX_LINKS = 500
"""Links of a profile: those of one compute resource are compared, and removed, in one transaction (U)."""
IDENTITY_TYPES = ("user", "serviceid", "crn")
_IDENTIFIER = re.compile(r"[\x21-\x7e]{1,512}")


def create_profile(session: Session, name: str, description: str | None = None, email: str | None = None) -> Profile:
    """A new profile of the account, which holds nothing and which nobody may put on yet. 409 for a taken name."""
    ctx, now = session.ctx, session.ctx.now()
    _named(name)
    id_ = f"Profile-{ctx.ids.uuid()}"
    made = Profile(id_, ctx.account_id, f"iam-{id_}", name, description, email, ctx.actor.iam_id, now, now)
    try:
        return insert(session, PROFILE, made)
    except IntegrityError as error:
        raise conflict("conflict", "A profile of this name exists already.", "name") from error


def _named(name: str) -> None:
    if not 1 <= len(name) <= 255:
        raise invalid("bad_request", "A name has 1 to 255 characters.", "name")


def change_profile(session: Session, granted: Authorized[Profile], revision: int | None, **changes: Any) -> Profile:
    """Changes what is given of name, description and email."""
    if "name" in changes:
        _named(changes["name"])
    as_read = () if revision is None else (PROFILE.table.c.revision == revision,)
    try:
        done = update(session, PROFILE, granted.resource.id, *as_read, modified_at=session.ctx.now(), **changes)
    except IntegrityError as error:
        raise conflict("conflict", "A profile of this name exists already.", "name") from error
    if not done:
        raise stale()
    note(session, granted.resource.id, "update", changes)
    return find(session, PROFILE, granted.resource.id)


def delete_profile(session: Session, granted: Authorized[Profile]) -> None:
    """The profile and everything that hangs on it is gone; tokens of those who wear it end."""
    gone = granted.resource
    session.invalidate(VALIDITY)
    drop_subject(session, gone.account_id, gone.iam_id)
    erasure.PROFILE.begin(session, gone.id)
    delete(session, PROFILE, gone.id, gone.account_id)
    forget(session, gone.id)


def identities_of(session: Session, profile: Profile) -> list[Any]:
    """Rows of those who may put the profile on."""
    table = profile_identities
    return rows_of(session, table, table.c.profile_id == profile.id, order=(table.c.identifier))


def one_identity(session: Session, profile: Profile, type_: str, identifier: str) -> Any:
    """One of those who may put the profile on, or 404."""
    identities = [
        identity
        for identity in identities_of(session, profile)
        if (identity.type, identity.identifier) == (type_, identifier)
    ]
    if not identities:
        raise not_found("identifier_id")
    return identities[0]


def trust(
    session: Session,
    granted: Authorized[Profile],
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
    no_more_than_held(session, granted.resource.iam_id)
    iam_id = f"iam-{identifier.removeprefix('iam-')}" if type_ == "serviceid" else identifier
    whence = (accounts or [granted.resource.account_id]) if type_ == "user" else []
    values = {"iam_id": iam_id, "accounts": whence, "description": description}
    key = {"profile_id": granted.resource.id, "type": type_, "identifier": identifier}
    put_row(session, profile_identities, tuple(key), replacing=tuple(values), **key, **values)
    _touch(session, granted)
    return one_identity(session, granted.resource, type_, identifier)


def distrust(
    session: Session, granted: Authorized[Profile], type_: str | None = None, identifier: str | None = None
) -> None:
    """Takes somebody, or everybody, off the list; 404 for somebody who is not on it."""
    table = profile_identities
    where = [table.c.profile_id == granted.resource.id]
    if type_ is not None:
        where += [table.c.type == type_, table.c.identifier == identifier]
    if not remove_rows(session, table, *where) and type_ is not None:
        raise not_found("identifier_id")
    _touch(session, granted)


def _touch(session: Session, granted: Authorized[Profile]) -> None:
    session.invalidate(VALIDITY)
    update(session, PROFILE, granted.resource.id, modified_at=session.ctx.now())


def may_assume(session: Session, profile: Profile, iam_id: str, account_id: str) -> bool:
    """Whether an identity of an account is on the profile's list."""
    identities = [identity for identity in identities_of(session, profile) if identity.iam_id == iam_id]
    return any(identity.type != "user" or account_id in identity.accounts for identity in identities)


def meant_profile(session: Session, form: dict[str, str]) -> Profile | None:
    """The profile that a token request names: by id, by CRN, or by name and account."""
    table = PROFILE.table
    if "profile_id" in form:
        return profile_by(session, table.c.id == form["profile_id"])
    if "profile_crn" in form:
        profile = profile_by(session, table.c.id == form["profile_crn"].rsplit(":", 1)[-1])
        return profile if profile is not None and profile.crn == form["profile_crn"] else None
    return profile_by(
        session, table.c.name == form.get("profile_name", ""), table.c.account_id == form.get("account", "")
    )


def add_rule(session: Session, granted: Authorized[Profile], **changes: Any) -> ProfileRule:
    """A claim rule of the profile: of type Profile-SAML, who signs in with claims that meet it may put the profile on.

    403 unless the caller holds whatever the profile holds.
    """
    ctx, now = session.ctx, session.ctx.now()
    _rule(changes)
    profile = granted.resource
    no_more_than_held(session, profile.iam_id)
    return insert(
        session,
        PROFILE_RULE,
        ProfileRule(
            f"ClaimRule-{ctx.ids.uuid()}", profile.account_id, profile.id, **changes, modified_at=now, created_at=now
        ),
    )


def _rule(rule: dict[str, Any]) -> None:
    if rule["type"] not in {"Profile-SAML", "Profile-CR"}:
        raise invalid("bad_request", "type must be Profile-SAML or Profile-CR.", "type")
    needed = "realm_name" if rule["type"] == "Profile-SAML" else "cr_type"
    if not rule[needed]:
        raise invalid("bad_request", f"A rule of type {rule['type']} needs {needed}.", needed)
    check_conditions(rule["conditions"])


def change_rule(
    session: Session, granted: Authorized[ProfileRule], revision: int | None, **changes: Any
) -> ProfileRule:
    """Replace a claim rule. 403 unless the caller holds whatever its profile holds."""
    _rule(changes)
    no_more_than_held(session, find(session, PROFILE, granted.resource.profile_id).iam_id)
    as_read = () if revision is None else (PROFILE_RULE.table.c.revision == revision,)
    if not update(session, PROFILE_RULE, granted.resource.id, *as_read, modified_at=session.ctx.now(), **changes):
        raise stale()
    return find(session, PROFILE_RULE, granted.resource.id)


def add_link(
    session: Session, granted: Authorized[Profile], name: str | None, cr_type: str, link: dict[str, str]
) -> ProfileLink:
    """Keeps a link to a compute resource with the profile. 403 unless the caller holds what the profile holds."""
    no_more_than_held(session, granted.resource.iam_id)
    profile, now = granted.resource, session.ctx.now()
    if number_of(session, PROFILE_LINK.table, PROFILE_LINK.table.c.profile_id == profile.id) >= MAX_LINKS:
        raise conflict("conflict", f"A profile has at most {MAX_LINKS} links: delete one first.")
    id_ = f"Link-{session.ctx.ids.uuid()}"
    return insert(
        session, PROFILE_LINK, ProfileLink(id_, profile.account_id, profile.id, name, cr_type, link, now, now)
    )


def rules_of(session: Session, profile: Profile) -> list[ProfileRule]:
    return some(session, PROFILE_RULE, PROFILE_RULE.table.c.profile_id == profile.id)


def links_of(session: Session, profile: Profile) -> list[ProfileLink]:
    return some(session, PROFILE_LINK, PROFILE_LINK.table.c.profile_id == profile.id)


def delete_links_like(session: Session, granted: Authorized[Profile], asked: dict[str, str]) -> None:
    """Removes the links of a type whose parts are as asked; 404 when there is none."""
    profile_links = [
        profile_link for profile_link in links_of(session, granted.resource) if _alike(profile_link, asked)
    ]
    if not profile_links:
        raise not_found("type")
    remove_rows(
        session, PROFILE_LINK.table, PROFILE_LINK.table.c.id.in_([profile_link.id for profile_link in profile_links])
    )


def _alike(link: ProfileLink, asked: dict[str, str]) -> bool:
    parts = {"type": link.cr_type, **link.link}
    return all(parts.get(name) == value for name, value in asked.items())
