"""`account` (cli.md 5)."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.grammar import FORCE, Command, WrongUsage, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import Filter, asked_of, filled, filter_flags

_FIELDS: tuple[Field, ...] = (
    ("Account ID:", "id"),
    ("Account Name:", "name"),
    ("Account Owner:", "owner_email"),
    ("Account Owner IAM ID:", "owner_iam_id"),
    ("Account Status:", "state"),
    ("Account Type:", lambda entry: "ENTERPRISE" if entry.get("is_enterprise_account") else "STANDARD"),
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
    ("Name", lambda entry: f"{entry.get('firstname', '')} {entry.get('lastname', '')}".strip()),
    ("IAM ID", "iam_id"),
    ("State", "state"),
)
_INVITED: tuple[Field, ...] = (("User ID", "email"), ("ID", "id"), ("State", "state"))
_GONE = "Ignored: Cloud Foundry organizations and spaces are gone."
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?")
_AUDIT: tuple[Field, ...] = (
    ("Date", "at"),
    ("User", lambda entry: entry.get("actor_email") or entry.get("actor")),
    ("Action", "action"),
    ("Outcome", "outcome"),
    ("Object", lambda entry: entry.get("resource_crn") or entry.get("target")),
)


def _show(run: Run) -> None:
    run.core_progress("Retrieving account")
    answer = run.api.get(path_of("/v1/accounts/{}", run.session.account))
    run.terminal.ok()
    run.detail(answer, _FIELDS)


def _list(run: Run) -> None:
    run.terminal.say(f"Retrieving all accounts of {run.session.user}...")
    unwanted = {state.upper() for state in run.given.get("exclude") or ()}
    listed = list(run.api.listed("/v1/accounts", "resources"))
    if run.given.get("active"):
        listed = [entry for entry in listed if entry.get("state") == "ACTIVE"]
    run.terminal.ok()
    run.table([entry for entry in listed if entry.get("state") not in unwanted], _COLUMNS, "No accounts were found.")


def _users(run: Run) -> None:
    run.core_progress("Getting users")
    path = path_of("/v2/accounts/{}/users", run.session.account)
    entries = list(run.api.listed(path, "resources"))
    run.terminal.ok()
    run.table(entries, _USERS, "No users were found.")


def _invite(run: Run) -> None:
    """Whoever is invited is a user once they have accepted; policies are given with `iam user-policy-create`."""
    from kunsthalle.ibmcloud.commands.iam_lookups import group

    email, path = run.given["USER_EMAIL"], path_of("/v2/accounts/{}/users", run.session.account)
    groups = [group(run, name)["id"] for name in run.given.get("access-groups") or ()]
    run.core_progress(f"Inviting user {email} to account {run.session.account}")
    made = run.api.post(path, filled(users=[{"email": email}], access_groups=groups or None))
    run.terminal.ok()
    run.table(made["resources"], _INVITED, "Nobody was invited.")


def _remove(run: Run) -> None:
    from kunsthalle.ibmcloud.commands.iam_lookups import user_id

    who = run.given["USER_ID"]
    id_ = user_id(run, who)
    if not run.confirmed(f"Really remove user {who} from account {run.session.account}?"):
        return
    run.core_progress(f"Removing user {who} from account {run.session.account}")
    run.api.call("DELETE", path_of("/v2/accounts/{}/users/{}", run.session.account, id_))
    run.done(f"User {who} is removed.")


def _moment(_run: Run, text: str, name: str) -> str:
    """`yyyy-MM-ddTHH:mm:ss`, in UTC."""
    if not _MOMENT.fullmatch(text):
        raise WrongUsage(f"invalid value '{text}' for --{name}: yyyy-MM-ddTHH:mm:ss is expected")
    return text if text.endswith("Z") else f"{text}Z"


_ACTIONS = "/v1/audit"
_TIME = "yyyy-MM-ddTHH:mm:ss, UTC."
_FILTERS = (
    Filter("action", "action", "ACTION", "What was done, for example is.image.image.create.", also=("a",)),
    Filter("start-date", "since", "TIME", _TIME, also=("s",), by=partial(_moment, name="start-date")),
    Filter("end-date", "until", "TIME", _TIME, also=("e",), by=partial(_moment, name="end-date")),
)


def _fits(entry: Any, user: str | None, kind: str | None, resource: str | None) -> bool:
    crn = str(entry.get("resource_crn") or "")
    about = f"{crn} {entry.get('target', '')}"
    by = user in {None, entry.get("actor_email"), entry.get("actor")}
    return by and (kind is None or f":{kind}:" in crn) and (resource is None or resource in about)


def _audit(run: Run) -> None:
    options = run.given
    asked = {**asked_of(run, _FILTERS), "limit": 200}
    run.core_progress("Retrieving audit logs")
    target = [options.get(name) for name in ("user-name", "object-type", "object")]
    entries = [entry for entry in run.api.listed(_ACTIONS, "entries", asked) if _fits(entry, *target)]
    run.terminal.ok()
    run.table(entries, _AUDIT, "No audit logs were found.")


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
            flag("exclude", "STATES", "Without accounts of these states, comma separated.", kind="list"),
            flag("output", "JSON", "Specify output format, only JSON is supported.", also=("o",)),
        ),
        alone=(("active", "exclude"),),
    ),
    Command("account users", "List the users of the account.", _users),
    Command(
        "account user-invite",
        "Invite a user to the account.",
        _invite,
        "USER_EMAIL",
        flags=(
            flag("access-groups", "GROUPS", "Comma separated names or IDs of access groups.", kind="list"),
            flag("o", "ORG", _GONE),
            flag("org-role", "ORG_ROLE", _GONE),
            flag("s", "SPACE", _GONE),
            flag("space-role", "SPACE_ROLE", _GONE),
        ),
    ),
    Command("account user-remove", "Remove a user from the account.", _remove, "USER_ID", flags=(FORCE,), output=False),
    Command(
        "account audit-logs",
        "List what was done in the account.",
        _audit,
        flags=(
            flag("user-name", "USER", "Who did it.", also=("u",)),
            flag("object-type", "TYPE", "Kind of what it was done to, for example image.", also=("t",)),
            flag("object", "OBJECT", "ID or CRN of what it was done to.", also=("o",)),
            *filter_flags(_ACTIONS, _FILTERS),
        ),
    ),
    Command("account orgs", "Not served.", _organizations, offline=True, anything=True),
)
