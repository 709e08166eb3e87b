"""`iam access-groups` (cli.md 5)."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.commands.access_group_member_commands import KINDS
from kunsthalle.ibmcloud.commands.iam_lookups import GROUPS, group, groups
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import Filter, asked_of, filled, filter_flags

_COLUMNS: tuple[Field, ...] = (("Name", "name"), ("ID", "id"), ("Description", "description"))
_FIELDS: tuple[Field, ...] = (
    ("Name", "name"),
    ("ID", "id"),
    ("Description", "description"),
    ("Created At", "created_at"),
)


def _iam_id(run: Run, ref: str, flag_name: str) -> str:
    """The IAM ID of the user, service ID or trusted profile that a flag names."""
    return next(kind.id_of(run, ref) for kind in KINDS if kind.flag == flag_name)


_OF_GROUPS = tuple(
    Filter(name, "iam_id", value, text, also=also, by=partial(_iam_id, flag_name=name))
    for name, value, text, also in (
        ("u", "USER", "Those that this user is in.", ("user",)),
        ("s", "SERVICE_ID", "Those that this service ID is in.", ()),
        ("p", "PROFILE", "Those that this trusted profile is in.", ()),
    )
)


def _of_name(run: Run, ref: str) -> list[Any]:
    return [entry for entry in groups(run) if entry["name"] == ref] or [group(run, ref)]


def _list(run: Run) -> None:
    """With `-u`, `-s` or `-p` those that an identity is in."""
    run.core_progress("Getting access groups", by_id=True)
    query = {"account_id": run.session.account, **asked_of(run, _OF_GROUPS)}
    entries = list(run.api.listed(GROUPS, "groups", query))
    run.terminal.ok()
    run.table(entries, _COLUMNS, "No access groups were found.")


def _get(run: Run) -> None:
    """`--id` prints the bare id and nothing else."""
    ref, bare = run.given["GROUP"], run.given.get("id")
    if not bare:
        run.core_progress(f"Getting access group {ref}", by_id=True)
    resource = group(run, ref)
    if bare and not run.json:
        run.terminal.lines([resource["id"]])
        return
    run.terminal.ok()
    run.detail(resource, _FIELDS)


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
    if not run.confirmed(f"Really update access group {ref}?"):
        return
    run.core_progress(f"Updating access group {ref}", by_id=True)
    headers = {"If-Match": run.api.call("GET", path).etag}
    body = filled(name=run.given.get("n"), description=run.given.get("d"))
    made = run.api.call("PATCH", path, body, headers=headers).body
    run.terminal.ok()
    run.detail(made, _FIELDS)


def _delete(run: Run) -> None:
    ref = run.given["GROUP"]
    of_name = _of_name(run, ref) if run.given.get("all") else [group(run, ref)]
    if not run.confirmed(f"Really delete access group {ref}?"):
        return
    run.core_progress(f"Deleting access group {ref}", by_id=True)
    force = {"force": "true"} if run.given.get("recursive") else None
    for entry in of_name:
        run.api.call("DELETE", path_of(f"{GROUPS}/{{}}", entry["id"]), None, force)
    run.done(f"Access group {ref} is deleted.")


_DESCRIPTION = flag("d", "TEXT", "Description.", also=("description",))

COMMANDS = (
    Command(
        "iam access-groups",
        "List the access groups.",
        _list,
        flags=filter_flags(GROUPS, _OF_GROUPS),
        alone=(("u", "s", "p"),),
    ),
    Command("iam access-group", "View an access group.", _get, "GROUP", (flag("id", text="Print the ID only."),)),
    Command("iam access-group-create", "Create an access group.", _create, "NAME", (_DESCRIPTION,)),
    Command(
        "iam access-group-update",
        "Change an access group.",
        _update,
        "GROUP",
        (flag("n", "NAME", "New name.", also=("name",)), _DESCRIPTION, FORCE),
        any_of=(("n", "d"),),
    ),
    Command(
        "iam access-group-delete",
        "Delete an access group.",
        _delete,
        "GROUP",
        (
            flag("recursive", text="With its members and policies.", also=("r",)),
            flag("all", text="Every access group of that name.", also=("a",)),
            FORCE,
        ),
    ),
)
