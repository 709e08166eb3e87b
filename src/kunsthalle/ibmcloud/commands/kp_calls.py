"""What the commands of `kp` share: the instance that they are about, and their options (Key Protect CLI reference)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.grammar import Flag, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field

KEYS, ONE = "/api/v2/keys", "/api/v2/keys/{}"
VARIABLE = "KP_INSTANCE_ID"
INSTANCE = flag("instance-id", "INSTANCE_ID", f"ID of the instance of Key Protect, otherwise {VARIABLE}.", also=("i",))
RING = flag("key-ring", "KEY_RING_ID", "ID of the key ring.")
OUTPUT = flag("output", "json", "Specify output format, only JSON is supported.", also=("o",))
KEY_COLUMNS: tuple[Field, ...] = (("Key ID", "id"), ("Key Name", "name"))


def flags(*more: Flag, ring: bool = True) -> tuple[Flag, ...]:
    """The options of a command: those that all have, and its own."""
    return (INSTANCE, *((RING,) if ring else ()), *more, OUTPUT)


def instance(run: Run) -> str:
    """The instance that is meant, by its ID or its CRN; Failed where none is."""
    options = run.given.get("instance-id") or run.env.get(VARIABLE, "")
    if not options:
        raise Failed(f"No instance of Key Protect is named. Use '-i INSTANCE_ID', or set {VARIABLE}.")
    parts = str(options).split(":")
    return parts[7] if len(parts) > 7 else str(options)


def call(run: Run, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> Any:
    """The body of an answer."""
    headers = {"Bluemix-Instance": instance(run), "Prefer": "return=representation"}
    if run.given.get("key-ring"):
        headers["X-Kms-Key-Ring"] = run.given.get("key-ring")
    return run.api.call(method, path, body, query, headers).body


def resources(run: Run, path: str, query: Mapping[str, Any] | None = None) -> list[Any]:
    return list(call(run, "GET", path, None, query)["resources"])


def on_key(run: Run, template: str, method: str = "POST", body: Any = None) -> Any:
    """A call on the key that the command names."""
    return call(run, method, path_of(ONE + template, run.given["KEY_ID"]), body)


def collection(*items: Any, kind: str = "key") -> dict[str, Any]:
    name = f"application/vnd.ibm.kms.{kind}+json"
    return {"metadata": {"collectionType": name, "collectionTotal": len(items)}, "resources": list(items)}


def said(run: Run, sentence: str) -> None:
    """What is being done, as the plug-in tells it."""
    run.terminal.say(f"{sentence}...")


def found(run: Run, resource: Any, columns: tuple[Field, ...] = KEY_COLUMNS) -> None:
    """One resource: its JSON, or OK and a row."""
    if run.json:
        run.print_json(resource)
        return
    run.terminal.ok()
    run.table([resource], columns, "")


def ended(run: Run, more: Any = None) -> None:
    """OK; as JSON what there is to show."""
    if run.json:
        run.print_json({} if more is None else more)
    else:
        run.terminal.ok()
