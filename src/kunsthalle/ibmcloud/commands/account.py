"""`account` (cli.md 5)."""

from __future__ import annotations

import re
from typing import Any

from kunsthalle.ibmcloud.errors import Failed
from kunsthalle.ibmcloud.grammar import Command, WrongUsage, flag
from kunsthalle.ibmcloud.http import path_of
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.resource_commands import filled
from kunsthalle.ibmcloud.tables import Field

_FIELDS: tuple[Field, ...] = (
    ("Account ID:", "id"),
    ("Account Name:", "name"),
    ("Account Owner:", "owner_email"),
    ("Account Owner IAM ID:", "owner_iam_id"),
    ("Account Status:", "state"),
    ("Account Type:", lambda one: "ENTERPRISE" if one.get("is_enterprise_account") else "STANDARD"),
    ("Enterprise ID:", "enterprise_id"),
    ("Created:", "created_at"),
)
_COLUMNS: tuple[Field, ...] = (
    ("Account GUID", "id"),
    ("Name", "name"),
    ("State", "state"),
    ("Owner", "owner_email"),
)
_USERS: tuple[Field, ...] = (
    ("User ID", "user_id"),
    ("Name", lambda one: f"{one.get('firstname', '')} {one.get('lastname', '')}".strip()),
    ("IAM ID", "iam_id"),
    ("State", "state"),
)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?")
_AUDIT: tuple[Field, ...] = (
    ("Date", "at"),
    ("User", lambda one: one.get("actor_email") or one.get("actor")),
    ("Action", "action"),
    ("Outcome", "outcome"),
    ("Object", lambda one: one.get("resource_crn") or one.get("target")),
)


def _show(run: Run) -> None:
    run.core_progress("Retrieving account")
    found = run.api.get(path_of("/v1/accounts/{}", run.session.account))
    run.terminal.ok()
    run.detail(found, _FIELDS)


def _list(run: Run) -> None:
    run.terminal.say(f"Retrieving all accounts of {run.session.user}...")
    unwanted = str(run.given.get("exclude", "")).upper()
    listed = list(run.api.listed("/v1/accounts", "resources"))
    if run.given.get("active"):
        listed = [one for one in listed if one.get("state") == "ACTIVE"]
    run.terminal.ok()
    run.table([one for one in listed if one.get("state") != unwanted], _COLUMNS, "No accounts were found.")


def _users(run: Run) -> None:
    run.core_progress("Getting users")
    path = path_of("/v2/accounts/{}/users", run.session.account)
    found = list(run.api.listed(path, "resources"))
    run.terminal.ok()
    run.table(found, _USERS, "No users were found.")


def _moment(run: Run, name: str) -> str | None:
    """`yyyy-MM-ddTHH:mm:ss`, in UTC."""
    text: str | None = run.given.get(name)
    if text and not _MOMENT.fullmatch(text):
        raise WrongUsage(f"invalid value '{text}' for --{name}: yyyy-MM-ddTHH:mm:ss is expected")
    return f"{text}Z" if text and not text.endswith("Z") else text


def _fits(entry: Any, user: str | None, kind: str | None, thing: str | None) -> bool:
    crn = str(entry.get("resource_crn") or "")
    about = f"{crn} {entry.get('target', '')}"
    by = user in {None, entry.get("actor_email"), entry.get("actor")}
    return by and (kind is None or f":{kind}:" in crn) and (thing is None or thing in about)


def _audit(run: Run) -> None:
    given = run.given
    asked = filled(
        action=given.get("action"), since=_moment(run, "start-date"), until=_moment(run, "end-date"), limit=200
    )
    run.core_progress("Retrieving audit logs")
    wanted = [given.get(name) for name in ("user-name", "object-type", "object")]
    found = [one for one in run.api.listed("/v1/audit", "entries", asked) if _fits(one, *wanted)]
    run.terminal.ok()
    run.table(found, _AUDIT, "No audit logs were found.")


def _organizations(_run: Run) -> None:
    raise Failed("Cloud Foundry organizations and spaces are gone.")


COMMANDS = (
    Command("account show", "View the targeted account.", _show),
    Command(
        "account list",
        "List the accounts that the user sees.",
        _list,
        flags=(
            flag("active", text="Only active accounts."),
            flag("exclude", "STATE", "Without accounts of this state."),
            flag("output", "JSON", "Specify output format, only JSON is supported.", also=("o",)),
        ),
        alone=(("active", "exclude"),),
    ),
    Command("account users", "List the users of the account.", _users),
    Command(
        "account audit-logs",
        "List what was done in the account.",
        _audit,
        flags=(
            flag("user-name", "USER", "Who did it."),
            flag("object-type", "TYPE", "Kind of what it was done to, for example image."),
            flag("object", "OBJECT", "ID or CRN of what it was done to."),
            flag("action", "ACTION", "What was done, for example is.image.image.create."),
            flag("start-date", "TIME", "yyyy-MM-ddTHH:mm:ss, UTC."),
            flag("end-date", "TIME", "yyyy-MM-ddTHH:mm:ss, UTC."),
        ),
    ),
    Command("account orgs", "Not served.", _organizations, offline=True, anything=True),
)
