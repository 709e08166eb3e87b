"""`iam`: tokens and API keys (cli.md 5). What is secret is shown here, and nowhere else."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.files import uninterrupted, writable, write_private
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import filled

KEYS = "/v1/apikeys"
KEY_COLUMNS: tuple[Field, ...] = (
    ("Name", "name"),
    ("Description", "description"),
    ("ID", "id"),
    ("Created At", "created_at"),
    ("Locked", "locked"),
)
KEY_FIELDS: tuple[Field, ...] = (
    ("ID", "id"),
    ("Name", "name"),
    ("Description", "description"),
    ("Created At", "created_at"),
    ("API Key", "apikey"),
    ("Locked", "locked"),
)
_LEAKED = ("none", "disable", "delete")


def _renew(run: Run) -> None:
    """A new token lives as long as can be. Whoever assumed a profile has nothing to renew it with."""
    if run.session.text("IAMRefreshToken"):
        run.api.refresh()


def _tokens(run: Run) -> None:
    """One line whose fourth word is the token."""
    _renew(run)
    token = run.session.text("IAMToken")
    if run.json:
        run.print_json({"iam_token": token})
    else:
        run.terminal.lines([f"IAM token:  {token}"])


def _bearer(run: Run) -> None:
    _renew(run)
    run.terminal.lines([run.session.text("IAMToken").removeprefix("Bearer ")])


def keys_of(run: Run, iam_id: str = "") -> list[Any]:
    asked = {"account_id": run.session.account, "iam_id": iam_id or run.session.iam_id, "pagesize": 100}
    return list(run.api.listed(KEYS, "apikeys", asked))


def _keys(run: Run) -> None:
    run.core_progress("Getting API keys")
    keys = keys_of(run)
    run.terminal.ok()
    options = run.given
    columns = [column for name, column in _ONLY.items() if options.get(name)]
    run.table(keys, columns or KEY_COLUMNS, "No API keys were found.")


_ONLY: dict[str, Field] = {"uuid": ("UUID", "id"), "n": ("Name", "name"), "d": ("Description", "description")}


def create_key(run: Run, iam_id: str = "") -> None:
    """The file that it goes to is tried first: a secret is shown once."""
    options, name = run.given, run.given["NAME"]
    file = writable(options.get("file")) if options.has("file") else None
    body = filled(
        name=name,
        iam_id=iam_id or run.session.iam_id,
        account_id=run.session.account,
        description=options.get("d"),
        action_when_leaked=options.get("action-if-leaked"),
    )
    run.core_progress(f"Creating API key {name}")
    headers = {"Entity-Lock": "true"} if options.get("lock") else {}
    with uninterrupted():
        made = run.api.call("POST", KEYS, body, headers=headers).body
        if file is not None:
            write_private(file, _kept(made))
    if run.json:
        run.print_json(made)
        return
    run.done(f"API key {name} was created")
    if file is not None:
        run.terminal.say(f"\nSuccessfully save API key information to {options.get('file')}")
        return
    run.terminal.say("\nPlease preserve the API key! It cannot be retrieved after it's created.")
    run.detail(made, KEY_FIELDS)


def _kept(made: Any) -> dict[str, Any]:
    """What the file holds (U)."""
    fields = {name: made.get(name) or "" for name in ("name", "description")}
    return {
        **fields,
        "apikey": made["apikey"],
        "createdAt": made.get("created_at", ""),
        "locked": bool(made.get("locked")),
        "uuid": made["id"],
    }


def _update(run: Run) -> None:
    ref = run.given["NAME"]
    resource = named(keys_of(run), ref, "API key")
    body = filled(name=run.given.get("n"), description=run.given.get("d"))
    run.core_progress(f"Updating API key {ref}")
    headers = {"If-Match": resource["entity_tag"]}
    made = run.api.call("PUT", path_of(f"{KEYS}/{{}}", resource["id"]), body, headers=headers).body
    run.done(f"API key {ref} was updated", made)


def _delete(run: Run) -> None:
    ref = run.given["NAME"]
    resource = named(keys_of(run), ref, "API key")
    if not run.confirmed(f"Really delete API key {ref}?"):
        return
    run.core_progress(f"Deleting API key {ref}")
    run.api.call("DELETE", path_of(f"{KEYS}/{{}}", resource["id"]))
    run.done(f"API key {ref} was deleted")


def _lock(run: Run, method: str, done: str) -> None:
    ref = run.given["NAME"]
    resource = named(keys_of(run), ref, "API key")
    run.api.call(method, path_of(f"{KEYS}/{{}}/lock", resource["id"]))
    run.done(f"API key {ref} was {done}")


def _profile(_run: Run) -> None:
    raise Failed("A trusted profile is assumed with 'ibmcloud login --profile PROFILE'.")


DESCRIPTION = flag("d", "TEXT", "Description.", also=("description",))
KEY_FLAGS = (
    DESCRIPTION,
    flag("file", "FILE", "File to write the key to."),
    flag("lock", text="Lock the key."),
    flag("action-if-leaked", text="What happens when it leaks.", choices=_LEAKED),
)

COMMANDS = (
    Command("iam oauth-tokens", "Retrieve the OAuth token of the session.", _tokens),
    Command("iam bearer-token", "Retrieve the bare token of the session.", _bearer, output=False),
    Command(
        "iam api-keys",
        "List one's API keys.",
        _keys,
        flags=(
            flag("uuid", text="Show the UUIDs."),
            flag("n", text="Show the names.", also=("name",)),
            flag("d", text="Show the descriptions.", also=("description",)),
        ),
    ),
    Command("iam api-key-create", "Create an API key.", create_key, "NAME", KEY_FLAGS),
    Command(
        "iam api-key-update",
        "Change an API key.",
        _update,
        "NAME",
        (flag("n", "NAME", "New name.", also=("name",)), DESCRIPTION),
        any_of=(("n", "d"),),
    ),
    Command("iam api-key-delete", "Delete an API key.", _delete, "NAME", (FORCE,)),
    Command("iam api-key-lock", "Lock an API key.", partial(_lock, method="POST", done="locked"), "NAME", (FORCE,)),
    Command(
        "iam api-key-unlock", "Unlock an API key.", partial(_lock, method="DELETE", done="unlocked"), "NAME", (FORCE,)
    ),
    Command("iam trusted-profile-assume", "See login.", _profile, "[PROFILE]", offline=True, anything=True),
)
