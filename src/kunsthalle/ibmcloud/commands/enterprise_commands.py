"""`enterprise` (cli.md 5)."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import filled
from kunsthalle.local.list_parameters import narrowed

_TREE: tuple[Field, ...] = (("Name", "name"), ("ID", "id"), ("State", "state"), ("Parent", "parent"))
_ENTERPRISE: tuple[Field, ...] = (
    ("Name", "name"),
    ("ID", "id"),
    ("CRN", "crn"),
    ("Domain", "domain"),
    ("State", "state"),
    ("Enterprise account ID", "enterprise_account_id"),
    ("Primary contact IAM ID", "primary_contact_iam_id"),
    ("Created", "created_at"),
)
_GROUP: tuple[Field, ...] = (
    ("Name", "name"),
    ("ID", "id"),
    ("CRN", "crn"),
    ("Parent", "parent"),
    ("State", "state"),
    ("Primary contact IAM ID", "primary_contact_iam_id"),
    ("Created", "created_at"),
)
_ACCOUNT: tuple[Field, ...] = (
    ("Name", "name"),
    ("ID", "id"),
    ("CRN", "crn"),
    ("Parent", "parent"),
    ("State", "state"),
    ("Owner", "owner_email"),
    ("Owner IAM ID", "owner_iam_id"),
    ("Created", "created_at"),
)
_NOUNS = {"/v1/account-groups": "account group", "/v1/accounts": "account"}


def _enterprise(run: Run) -> Any:
    first = next(run.api.listed("/v1/enterprises", "resources"), None)
    if first is None:
        raise Failed("The account is in no enterprise.")
    return first


def _one(run: Run, path: str) -> Any:
    """What `-n` or `--id` names."""
    options = run.given
    if options.has("id"):
        return run.api.get(path_of(f"{path}/{{}}", options.get("id")))
    return named(run.api.listed(path, "resources"), options.get("n"), _NOUNS[path])


def _parent(run: Run) -> Any:
    """The account group that the flags name, or the enterprise."""
    options = run.given
    if options.has("parent-account-group-id"):
        return run.api.get(path_of("/v1/account-groups/{}", options.get("parent-account-group-id")))
    if options.has("parent-account-group"):
        listed = run.api.listed("/v1/account-groups", "resources")
        return named(listed, options.get("parent-account-group"), "account group")
    return _enterprise(run)


_BELOW_GROUP = {"/v1/account-groups": "parent_account_group_id", "/v1/accounts": "account_group_id"}
"""The parameter of each list for everything below an account group."""


def _asked(run: Run, path: str, above: Any) -> dict[str, str]:
    if not run.given.get("recursive"):
        return narrowed(path, parent=above["crn"])
    if "enterprise_account_id" in above and "parent" not in above:
        return narrowed(path, enterprise_id=above["id"])
    return narrowed(path, **{_BELOW_GROUP[path]: above["id"]})


def _list(run: Run, path: str, nouns: str) -> None:
    """The children of the parent; with `--recursive` everything below it."""
    above = _parent(run)
    run.core_progress(f"Listing {nouns}")
    entries = list(run.api.listed(path, "resources", _asked(run, path, above)))
    run.terminal.ok()
    run.table(entries, _TREE, f"No {nouns} were found.")


def _show(run: Run) -> None:
    run.core_progress("Getting enterprise")
    enterprise = _enterprise(run)
    run.terminal.ok()
    run.detail(enterprise, _ENTERPRISE)


def _create(run: Run) -> None:
    options, session = run.given, run.session
    name = options["NAME"]
    body = filled(
        source_account_id=session.account,
        name=name,
        domain=options.get("d"),
        primary_contact_iam_id=options.get("primary-contact-id") or session.iam_id,
    )
    run.core_progress(f"Creating enterprise {name}")
    run.done(f"Enterprise {name} is created.", run.api.post("/v1/enterprises", body))


def _update(run: Run) -> None:
    enterprise = _enterprise(run)
    if not run.confirmed(f"Really update enterprise {enterprise['name']}?"):
        return
    run.core_progress(f"Updating enterprise {enterprise['name']}")
    body = filled(name=run.given.get("n"), domain=run.given.get("d"))
    run.api.call("PATCH", path_of("/v1/enterprises/{}", enterprise["id"]), body)
    run.done(f"Enterprise {enterprise['name']} is updated.")


def _group_show(run: Run) -> None:
    run.core_progress("Getting account group")
    resource = _one(run, "/v1/account-groups")
    run.terminal.ok()
    run.detail(resource, _GROUP)


def _account_show(run: Run) -> None:
    run.core_progress("Getting account")
    resource = _one(run, "/v1/accounts")
    run.terminal.ok()
    run.detail(resource, _ACCOUNT)


def _group_create(run: Run) -> None:
    options, name = run.given, run.given["NAME"]
    contact = options.get("primary-contact-id") or run.session.iam_id
    run.core_progress(f"Creating account group {name}")
    body = {"parent": _parent(run)["crn"], "name": name, "primary_contact_iam_id": contact}
    run.done(f"Account group {name} is created.", run.api.post("/v1/account-groups", body))


def _group_update(run: Run) -> None:
    resource = _one(run, "/v1/account-groups")
    run.core_progress(f"Updating account group {resource['name']}")
    run.api.call("PATCH", path_of("/v1/account-groups/{}", resource["id"]), {"name": run.given.get("new-name")})
    run.done(f"Account group {resource['name']} is updated.")


def _account_create(run: Run) -> None:
    """The owner by IAM ID or by e-mail; oneself otherwise."""
    options, name = run.given, run.given["NAME"]
    owner = options.get("owner") or run.session.iam_id
    if "@" in owner:
        users = run.api.listed(path_of("/v2/accounts/{}/users", run.session.account), "resources")
        owner = named(users, owner.lower(), "user", "user_id")["iam_id"]
    run.core_progress(f"Creating account {name}")
    body = {"parent": _parent(run)["crn"], "name": name, "owner_iam_id": owner}
    run.done(f"Account {name} is created.", run.api.post("/v1/accounts", body))


def _account_move(run: Run) -> None:
    resource, above = _one(run, "/v1/accounts"), _parent(run)
    run.core_progress(f"Moving account {resource['name']} to {above['name']}")
    run.api.call("PATCH", path_of("/v1/accounts/{}", resource["id"]), {"parent": above["crn"]})
    run.done(f"Account {resource['name']} is moved.")


def _account_import(run: Run) -> None:
    id_ = run.given.get("account-id")
    run.core_progress(f"Importing account {id_}")
    body = {"parent": _parent(run)["crn"]}
    run.api.call("PUT", path_of("/v1/enterprises/{}/import/accounts/{}", _enterprise(run)["id"], id_), body)
    run.done(f"Account {id_} is imported.")


def _account_delete(run: Run) -> None:
    resource = _one(run, "/v1/accounts")
    if not run.confirmed(f"Really delete account {resource['name']}? It is cancelled for good."):
        return
    run.core_progress(f"Deleting account {resource['name']}")
    run.api.call("DELETE", path_of("/v1/accounts/{}", resource["id"]))
    run.done(f"Account {resource['name']} is deleted.")


_WHICH = (flag("n", "NAME", "Name.", also=("name",)), flag("id", "ID", "ID."))
_N_OR_ID = (("n", "id"),)
_UNDER = (
    flag("parent-account-group", "NAME", "Name of the parent account group."),
    flag("parent-account-group-id", "ID", "ID of the parent account group."),
)
_ONE_PARENT = ("parent-account-group", "parent-account-group-id")
_RECURSIVE = flag("recursive", text="Everything below, too.")
_CONTACT = flag("primary-contact-id", "IAM_ID", "IAM ID of the primary contact.")
_DOMAIN = flag("d", "DOMAIN", "Domain of the enterprise.", also=("domain",))
_NEW_NAME = flag("n", "NAME", "New name.", also=("name",), required=True)
_TO = (*_UNDER, flag("parent-enterprise", text="Directly under the enterprise."))


def _lists(words: str, path: str, nouns: str) -> Command:
    flags, alone = (*_UNDER, _RECURSIVE), (_ONE_PARENT,)
    run = partial(_list, path=path, nouns=nouns)
    return Command(f"enterprise {words}", f"List {nouns}.", run, flags=flags, alone=alone)


COMMANDS = (
    Command("enterprise create", "Found an enterprise.", _create, "NAME", (_DOMAIN, _CONTACT)),
    Command("enterprise show", "View the enterprise.", _show),
    Command("enterprise update", "Change the enterprise.", _update, flags=(_NEW_NAME, _DOMAIN, FORCE)),
    _lists("account-groups", "/v1/account-groups", "account groups"),
    _lists("accounts", "/v1/accounts", "accounts"),
    Command(
        "enterprise account-group",
        "View an account group.",
        _group_show,
        flags=_WHICH,
        alone=_N_OR_ID,
        any_of=_N_OR_ID,
        also=("enterprise account-group-show",),
    ),
    Command(
        "enterprise account-show",
        "View an account.",
        _account_show,
        flags=_WHICH,
        alone=_N_OR_ID,
        any_of=_N_OR_ID,
        also=("enterprise account",),
    ),
    Command(
        "enterprise account-group-create",
        "Create an account group.",
        _group_create,
        "NAME",
        (*_UNDER, _CONTACT),
        alone=(_ONE_PARENT,),
    ),
    Command(
        "enterprise account-group-update",
        "Rename an account group.",
        _group_update,
        flags=(*_WHICH, flag("new-name", "NAME", "New name.", required=True)),
        alone=_N_OR_ID,
        any_of=_N_OR_ID,
    ),
    Command(
        "enterprise account-create",
        "Create an account.",
        _account_create,
        "NAME",
        (*_UNDER, flag("owner", "USER", "IAM ID or e-mail of the owner.")),
        alone=(_ONE_PARENT,),
    ),
    Command(
        "enterprise account-move",
        "Move an account.",
        _account_move,
        flags=(*_WHICH, *_TO),
        alone=(*_N_OR_ID, (*_ONE_PARENT, "parent-enterprise")),
        any_of=(*_N_OR_ID, (*_ONE_PARENT, "parent-enterprise")),
    ),
    Command(
        "enterprise account-import",
        "Bring an account into the enterprise.",
        _account_import,
        flags=(flag("account-id", "ID", "ID of the account.", required=True), *_UNDER),
        alone=(_ONE_PARENT,),
    ),
    Command(
        "enterprise account-delete",
        "Delete an account.",
        _account_delete,
        flags=(*_WHICH, FORCE),
        alone=_N_OR_ID,
        any_of=_N_OR_ID,
    ),
)
