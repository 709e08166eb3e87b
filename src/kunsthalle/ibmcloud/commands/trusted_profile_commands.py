"""`iam`: trusted profiles (reference of `ibmcloud iam`)."""

from __future__ import annotations

from typing import Any

from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import filled

PATH = "/v1/profiles"
_COLUMNS: tuple[Field, ...] = (
    ("ID", "id"),
    ("Name", "name"),
    ("Description", "description"),
    ("Created At", "created_at"),
    ("Last Updated", "modified_at"),
)
_FIELDS: tuple[Field, ...] = (*_COLUMNS, ("IAM ID", "iam_id"), ("CRN", "crn"))
PROFILE = "PROFILE"
"""How a trusted profile is called among the positionals: its name or its ID."""


def profiles(run: Run) -> list[Any]:
    """Every trusted profile of the account."""
    return list(run.api.listed(PATH, "profiles", {"account_id": run.session.account, "pagesize": 100}))


def profile(run: Run, ref: str) -> Any:
    """The trusted profile of a name or an ID; Failed where there is none, or where several have the name."""
    return named(profiles(run), ref, "trusted profile")


def place(run: Run) -> str:
    """The path of the trusted profile that the command line names."""
    return path_of(f"{PATH}/{{}}", profile(run, run.given[PROFILE])["id"])


def _list(run: Run) -> None:
    bare = run.given.get("id")
    run.core_progress("Getting trusted profiles", by_id=True)
    resource = profiles(run)
    run.terminal.ok()
    run.table(resource, (("ID", "id"),) if bare else _COLUMNS, "No trusted profiles were found.")


def _get(run: Run) -> None:
    """`--id` prints the bare id and nothing else."""
    ref, bare = run.given[PROFILE], run.given.get("id") and not run.json
    if not bare:
        run.core_progress(f"Getting trusted profile {ref}", by_id=True)
    resource = profile(run, ref)
    if bare:
        run.terminal.lines([resource["id"]])
        return
    run.terminal.ok()
    run.detail(resource, _FIELDS)


def _create(run: Run) -> None:
    name = run.given["NAME"]
    run.core_progress(f"Creating trusted profile {name}", by_id=True)
    body = filled(name=name, account_id=run.session.account, description=run.given.get("d"))
    made = run.api.post(PATH, body)
    run.terminal.ok()
    run.detail(made, _FIELDS)


def _update(run: Run) -> None:
    """An empty description takes the one that is there away."""
    ref = run.given[PROFILE]
    resource = profile(run, ref)
    run.core_progress(f"Updating trusted profile {ref}", by_id=True)
    body = filled(name=run.given.get("n"))
    body |= {"description": run.given.get("d")} if run.given.has("d") else {}
    headers = {"If-Match": resource["entity_tag"]}
    made = run.api.call("PUT", path_of(f"{PATH}/{{}}", resource["id"]), body, headers=headers).body
    run.terminal.ok()
    run.detail(made, _FIELDS)


def _delete(run: Run) -> None:
    ref = run.given[PROFILE]
    path = place(run)
    if not run.confirmed(f"Really delete trusted profile {ref}?"):
        return
    run.core_progress(f"Deleting trusted profile {ref}", by_id=True)
    run.api.call("DELETE", path)
    run.done(f"Trusted profile {ref} is deleted.")


ONE_ONLY = flag("force", text="Nothing is asked; a name that several have is always refused.", also=("f",))
_DESCRIPTION = flag("d", "TEXT", "Description.", also=("description",))
_ID = flag("id", text="Show the ID only.")

COMMANDS = (
    Command("iam trusted-profiles", "List the trusted profiles.", _list, flags=(_ID,)),
    Command("iam trusted-profile", "View a trusted profile.", _get, PROFILE, (_ID,)),
    Command("iam trusted-profile-create", "Create a trusted profile.", _create, "NAME", (_DESCRIPTION,)),
    Command(
        "iam trusted-profile-update",
        "Change a trusted profile.",
        _update,
        PROFILE,
        (flag("n", "NAME", "New name.", also=("name",)), _DESCRIPTION, ONE_ONLY),
        any_of=(("n", "d"),),
    ),
    Command("iam trusted-profile-delete", "Delete a trusted profile.", _delete, PROFILE, (FORCE,)),
)
