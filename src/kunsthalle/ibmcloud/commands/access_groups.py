"""`iam access-groups` (cli.md 5)."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.http import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.resource_commands import filled
from kunsthalle.ibmcloud.tables import Field

GROUPS = "/v2/groups"
_COLUMNS: tuple[Field, ...] = (("Name", "name"), ("ID", "id"), ("Description", "description"))
_FIELDS: tuple[Field, ...] = (
    ("Name", "name"),
    ("ID", "id"),
    ("Description", "description"),
    ("Created At", "created_at"),
)
_MEMBERS: tuple[Field, ...] = (
    ("User Name", "email"),
    ("Name", "name"),
    ("IAM ID", "iam_id"),
)


def group(run: Run, ref: str) -> Any:
    return named(run.api.listed(GROUPS, "groups", {"account_id": run.session.account}), ref, "access group")


def _list(run: Run) -> None:
    """With `-u` those that a user is in."""
    run.core_progress("Getting access groups", by_id=True)
    query = {"account_id": run.session.account}
    if run.given.has("u"):
        from kunsthalle.ibmcloud.commands.policies import user_id

        query["iam_id"] = user_id(run, run.given.get("u"))
    found = list(run.api.listed(GROUPS, "groups", query))
    run.terminal.ok()
    run.table(found, _COLUMNS, "No access groups were found.")


def _get(run: Run) -> None:
    """`--id` prints the bare id and nothing else."""
    ref, bare = run.given["GROUP"], run.given.get("id")
    if not bare:
        run.core_progress(f"Getting access group {ref}", by_id=True)
    found = group(run, ref)
    if bare and not run.json:
        run.terminal.lines([found["id"]])
        return
    run.terminal.ok()
    run.detail(found, _FIELDS)


def _create(run: Run) -> None:
    name = run.given["NAME"]
    run.core_progress(f"Creating access group {name}", by_id=True)
    body = filled(name=name, description=run.given.get("d"))
    made = run.api.call("POST", GROUPS, body, {"account_id": run.session.account}).body
    run.terminal.ok()
    run.terminal.say()
    run.detail(made, _FIELDS)


def _update(run: Run) -> None:
    ref = run.given["GROUP"]
    path = path_of(f"{GROUPS}/{{}}", group(run, ref)["id"])
    run.core_progress(f"Updating access group {ref}", by_id=True)
    headers = {"If-Match": run.api.call("GET", path).etag}
    body = filled(name=run.given.get("n"), description=run.given.get("d"))
    made = run.api.call("PATCH", path, body, headers=headers).body
    run.terminal.ok()
    run.detail(made, _FIELDS)


def _delete(run: Run) -> None:
    ref = run.given["GROUP"]
    found = group(run, ref)
    if not run.confirmed(f"Really delete access group {ref}?"):
        return
    run.core_progress(f"Deleting access group {ref}", by_id=True)
    force = {"force": "true"} if run.given.get("recursive") else None
    run.api.call("DELETE", path_of(f"{GROUPS}/{{}}", found["id"]), None, force)
    run.done(f"Access group {ref} is deleted.")


def _ids(run: Run) -> list[str]:
    from kunsthalle.ibmcloud.commands.policies import user_id

    return [user_id(run, ref) for ref in run.given["USER"]]


def _users(run: Run) -> None:
    ref = run.given["GROUP"]
    run.core_progress(f"Getting users of access group {ref}", by_id=True)
    path = path_of(f"{GROUPS}/{{}}/members", group(run, ref)["id"])
    found = [one for one in run.api.listed(path, "members", {"verbose": "true"}) if one.get("type") == "user"]
    run.terminal.ok()
    run.table(found, _MEMBERS, "No users were found.")


def _add(run: Run) -> None:
    ref = run.given["GROUP"]
    path = path_of(f"{GROUPS}/{{}}/members", group(run, ref)["id"])
    members = [{"iam_id": one, "type": "user"} for one in _ids(run)]
    run.core_progress(f"Adding users to access group {ref}", by_id=True)
    run.done(f"The users are in access group {ref}.", run.api.call("PUT", path, {"members": members}).body)


def _remove(run: Run, question: str) -> None:
    ref = run.given["GROUP"]
    path = path_of(f"{GROUPS}/{{}}/members/delete", group(run, ref)["id"])
    members = _ids(run)
    if not run.confirmed(question.format(ref)):
        return
    run.core_progress(f"Removing users from access group {ref}", by_id=True)
    run.done(f"The users are no longer in access group {ref}.", run.api.post(path, {"members": members}))


_DESCRIPTION = flag("d", "TEXT", "Description.", also=("description",))

COMMANDS = (
    Command(
        "iam access-groups",
        "List the access groups.",
        _list,
        flags=(flag("u", "USER", "Those that this user is in.", also=("user",)),),
    ),
    Command("iam access-group", "View an access group.", _get, "GROUP", (flag("id", text="Print the ID only."),)),
    Command("iam access-group-create", "Create an access group.", _create, "NAME", (_DESCRIPTION,)),
    Command(
        "iam access-group-update",
        "Change an access group.",
        _update,
        "GROUP",
        (flag("n", "NAME", "New name.", also=("name",)), _DESCRIPTION),
        any_of=(("n", "d"),),
    ),
    Command(
        "iam access-group-delete",
        "Delete an access group.",
        _delete,
        "GROUP",
        (flag("recursive", text="With its members and policies.", also=("r",)), FORCE),
    ),
    Command("iam access-group-users", "List the users of an access group.", _users, "GROUP"),
    Command("iam access-group-user-add", "Add users to an access group.", _add, "GROUP USER..."),
    Command(
        "iam access-group-user-remove",
        "Remove users from an access group.",
        partial(_remove, question="Really remove the users from access group {}?"),
        "GROUP USER...",
        (FORCE,),
    ),
)
