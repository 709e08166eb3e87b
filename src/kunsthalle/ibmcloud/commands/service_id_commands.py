"""`iam`: service IDs and their API keys (cli.md 5)."""

from __future__ import annotations

from functools import partial
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.iam_identity_commands import (
    DESCRIPTION,
    KEY_COLUMNS,
    KEY_FIELDS,
    KEY_FLAGS,
    KEYS,
    create_key,
    keys_of,
)
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run, named
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import filled

_PATH = "/v1/serviceids"
_SERVICE_IDS: tuple[Field, ...] = (
    ("ID", "id"),
    ("Name", "name"),
    ("Description", "description"),
    ("Created At", "created_at"),
    ("Locked", "locked"),
)


def service_ids(run: Run) -> list[Any]:
    return list(run.api.listed(_PATH, "serviceids", {"account_id": run.session.account, "pagesize": 100}))


def _one(run: Run) -> Any:
    return named(service_ids(run), run.given["SERVICE_ID"], "service ID")


def _list(run: Run) -> None:
    run.core_progress("Getting all services IDs bound to current account")
    resource = service_ids(run)
    run.terminal.ok()
    run.table(resource, (("UUID", "id"),) if run.given.get("uuid") else _SERVICE_IDS, "No service IDs were found.")


def _show(run: Run) -> None:
    _detail(run, _one(run), _SERVICE_IDS)


def _detail(run: Run, resource: Any, fields: tuple[Field, ...]) -> None:
    """`--uuid` prints the bare id and nothing else."""
    if run.given.get("uuid") and not run.json:
        run.terminal.lines([resource["id"]])
        return
    run.detail(resource, fields)


def _create(run: Run) -> None:
    name = run.given["NAME"]
    body = filled(name=name, description=run.given.get("d"), account_id=run.session.account)
    run.core_progress(f"Creating service ID {name}")
    headers = {"Entity-Lock": "true"} if run.given.get("lock") else {}
    made = run.api.call("POST", _PATH, body, headers=headers).body
    run.terminal.ok()
    run.terminal.say(f"Service ID {name} is created successfully")
    run.detail(made, _SERVICE_IDS)


def _change(run: Run, path: str, resource: Any, noun: str) -> None:
    """Another name or description of what is shown with its entity tag."""
    if not run.confirmed(f"Really update {noun} {resource['name']}?"):
        return
    run.core_progress(f"Updating {noun} {resource['name']}")
    body = filled(name=run.given.get("n"), description=run.given.get("d"))
    made = run.api.call("PUT", path, body, headers={"If-Match": resource["entity_tag"]}).body
    run.done(f"The {noun} {resource['name']} is updated.", made)


def _update(run: Run) -> None:
    resource = _one(run)
    _change(run, path_of(f"{_PATH}/{{}}", resource["id"]), resource, "service ID")


def _remove(run: Run, path: str, resource: Any, noun: str) -> None:
    if not run.confirmed(f"Really delete {noun} {resource['name']}?"):
        return
    run.core_progress(f"Deleting {noun} {resource['name']}")
    run.api.call("DELETE", path)
    run.done(f"{noun[0].upper()}{noun[1:]} {resource['name']} is deleted.")


def _delete(run: Run) -> None:
    resource = _one(run)
    _remove(run, path_of(f"{_PATH}/{{}}", resource["id"]), resource, "service ID")


def _lock(run: Run, method: str, word: str) -> None:
    resource = _one(run)
    if not run.confirmed(f"Really {word} service ID {resource['name']}?"):
        return
    run.api.call(method, path_of(f"{_PATH}/{{}}/lock", resource["id"]))
    run.done(f"Service ID {resource['name']} was {word}ed")


# API keys of service IDs.


def _keys(run: Run) -> None:
    options = run.given
    if not options.get("a") and options.words.get("SERVICE_ID") is None:
        raise Failed("Name a service ID, or give --all.")
    run.core_progress("Getting API keys of service IDs")
    whose = service_ids(run) if options.get("a") else [_one(run)]
    keys = [key for service_id in whose for key in keys_of(run, service_id["iam_id"])]
    run.terminal.ok()
    run.table(keys, KEY_COLUMNS, "No API keys were found.")


def _key(run: Run) -> Any:
    return named(keys_of(run, _one(run)["iam_id"]), run.given["NAME"], "API key")


def _key_path(resource: Any, *more: str) -> str:
    return "/".join((path_of(f"{KEYS}/{{}}", resource["id"]), *more))


def _key_show(run: Run) -> None:
    _detail(run, _key(run), KEY_FIELDS)


def _key_create(run: Run) -> None:
    create_key(run, _one(run)["iam_id"])


def _key_update(run: Run) -> None:
    key = _key(run)
    _change(run, _key_path(key), key, "API key")


def _key_delete(run: Run) -> None:
    key = _key(run)
    _remove(run, _key_path(key), key, "API key")


def _key_lock(run: Run, method: str, word: str) -> None:
    key = _key(run)
    if not run.confirmed(f"Really {word} API key {key['name']}?"):
        return
    run.api.call(method, _key_path(key, "lock"))
    run.done(f"API key {key['name']} was {word}ed")


_UUID = flag("uuid", text="Print the UUID only.")
_CHANGES = (flag("n", "NAME", "New name.", also=("name",)), DESCRIPTION, FORCE)
_N_OR_D = (("n", "d"),)
_ONE_KEY = "NAME SERVICE_ID"

COMMANDS = (
    Command("iam service-ids", "List the service IDs.", _list, flags=(flag("uuid", text="Show the UUIDs only."),)),
    Command("iam service-id", "View a service ID.", _show, "SERVICE_ID", (_UUID,)),
    Command(
        "iam service-id-create",
        "Create a service ID.",
        _create,
        "NAME",
        (DESCRIPTION, flag("lock", text="Lock the service ID.")),
    ),
    Command("iam service-id-update", "Change a service ID.", _update, "SERVICE_ID", _CHANGES, any_of=_N_OR_D),
    Command("iam service-id-delete", "Delete a service ID.", _delete, "SERVICE_ID", (FORCE,)),
    Command(
        "iam service-id-lock", "Lock a service ID.", partial(_lock, method="POST", word="lock"), "SERVICE_ID", (FORCE,)
    ),
    Command(
        "iam service-id-unlock",
        "Unlock a service ID.",
        partial(_lock, method="DELETE", word="unlock"),
        "SERVICE_ID",
        (FORCE,),
    ),
    Command(
        "iam service-api-keys",
        "List the API keys of a service ID.",
        _keys,
        "[SERVICE_ID]",
        (flag("a", text="Of all service IDs.", also=("all",)), FORCE),
    ),
    Command("iam service-api-key", "View an API key of a service ID.", _key_show, _ONE_KEY, (_UUID, FORCE)),
    Command(
        "iam service-api-key-create", "Create an API key of a service ID.", _key_create, _ONE_KEY, (*KEY_FLAGS, FORCE)
    ),
    Command(
        "iam service-api-key-update",
        "Change an API key of a service ID.",
        _key_update,
        _ONE_KEY,
        _CHANGES,
        any_of=_N_OR_D,
    ),
    Command("iam service-api-key-delete", "Delete an API key of a service ID.", _key_delete, _ONE_KEY, (FORCE,)),
    Command(
        "iam service-api-key-lock",
        "Lock an API key of a service ID.",
        partial(_key_lock, method="POST", word="lock"),
        _ONE_KEY,
        (FORCE,),
    ),
    Command(
        "iam service-api-key-unlock",
        "Unlock an API key of a service ID.",
        partial(_key_lock, method="DELETE", word="unlock"),
        _ONE_KEY,
        (FORCE,),
    ),
)
