"""`kp`: keys, key rings, aliases and registrations (Key Protect CLI reference)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kunsthalle.ibmcloud.commands.kp_calls import (
    KEY_COLUMNS,
    KEYS,
    ONE,
    call,
    collection,
    ended,
    flags,
    found,
    instance,
    on_key,
    resources,
    said,
)
from kunsthalle.ibmcloud.grammar import FORCE, Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import Filter, asked_of, filled, filter_flags

_RINGS = "/api/v2/key_rings"
_SHOWN: tuple[Field, ...] = (
    *KEY_COLUMNS,
    ("Description", "description"),
    ("Creation Date", "creationDate"),
    ("Expiration Date", lambda key: key.get("expirationDate") or "Key does not expire"),
)
_REGISTRATIONS = f"{KEYS}/registrations"
_PATTERN = "Only of resources whose CRN fits; * stands for any characters."
_OF_REGISTRATIONS = (Filter("crn-query", "urlEncodedResourceCRNQuery", "CRN_PATTERN", _PATTERN, also=("c",)),)
_REGISTRATION: tuple[Field, ...] = (
    ("Key ID", "keyId"),
    ("CRN", "resourceCrn"),
    ("Version", "keyVersion.id"),
    ("Created", "creationDate"),
)
_WRAPPED: tuple[Field, ...] = (("Ciphertext", "Ciphertext"),)
_OPENED: tuple[Field, ...] = (("Plaintext", "Plaintext"), ("Rewrapped Plaintext", "Rewrapped Plaintext"))
MATERIAL = (
    flag("key-material", "KEY_MATERIAL", "Key material, base64, or @file.", also=("k",), kind="file"),
    flag("encrypted-nonce", "NONCE", "Nonce of an import token, encrypted with the key material.", also=("n",)),
    flag("iv", "IV", "Initialization vector of the encrypted nonce.", also=("v",)),
)
_AAD = flag("aad", "ADDITIONAL_DATA", "Additional authenticated data, comma separated.", also=("a",), kind="list")
_CRN = flag("crn", text="Show the CRN of each key.", also=("c",))


def material(run: Run) -> dict[str, Any]:
    """Key material as it is, or as an import token asks for it."""
    options = run.given
    payload = options.get("key-material")
    nonce, iv = options.get("encrypted-nonce"), options.get("iv")
    return filled(payload=payload.strip() if payload else None, encryptedNonce=nonce, iv=iv)


def _keys(run: Run) -> None:
    said(run, "Retrieving keys")
    query = filled(limit=run.given.get("number-of-keys"), offset=run.given.get("starting-offset"))
    keys = resources(run, KEYS, query)
    run.terminal.ok()
    run.table(keys, (*KEY_COLUMNS, *((("CRN", "crn"),) if run.given.get("crn") else ())), "No keys were found.")


def _create(run: Run) -> None:
    options, name = run.given, run.given["KEY_NAME"]
    said(run, f"Creating key: '{name}', in instance: '{instance(run)}'")
    key = {
        "type": "application/vnd.ibm.kms.key+json",
        "name": name,
        "extractable": bool(options.get("standard-key")),
        **material(run),
        **filled(
            aliases=options.get("key-alias"),
            description=options.get("description"),
            expirationDate=options.get("expiration-date"),
        ),
    }
    found(run, call(run, "POST", KEYS, collection(key))["resources"][0])


def _show(run: Run) -> None:
    said(run, f"Grabbing info for key id: {run.given['KEY_ID']}")
    found(run, on_key(run, "", "GET")["resources"][0], _SHOWN)


def _wrap(run: Run) -> None:
    said(run, "Wrapping key")
    plaintext = run.given.get("plaintext")
    body = filled(plaintext=plaintext.strip() if plaintext else None, aad=run.given.get("aad"))
    answer = on_key(run, "/actions/wrap", body=body)
    made = filled(Plaintext=answer.get("plaintext"), Ciphertext=answer["ciphertext"])
    found(run, made, ((("Plaintext", "Plaintext"),) if "Plaintext" in made else ()) + _WRAPPED)


def _unwrap(run: Run) -> None:
    said(run, "Unwrapping key")
    body = filled(ciphertext=run.given["CIPHERTEXT"], aad=run.given.get("aad"))
    answer = on_key(run, "/actions/unwrap", body=body)
    opened = {"Plaintext": answer["plaintext"], "Rewrapped Plaintext": answer.get("ciphertext", "")}
    found(run, opened, _OPENED)


def _rotate(run: Run) -> None:
    said(run, "Rotating root key")
    on_key(run, "/actions/rotate", body=material(run))
    ended(run)


def _acts(verb: str, action: str) -> Callable[[Run], None]:
    """A command that does an action on a key."""

    def act(run: Run) -> None:
        key = run.given["KEY_ID"]
        sentences = {
            "setKeyForDeletion": "Scheduling key for deletion",
            "unsetKeyForDeletion": "Cancelling key for deletion",
        }
        said(run, sentences.get(action, f"{verb} key: '{key}', in instance: '{instance(run)}'"))
        on_key(run, f"/actions/{action}")
        ended(run)

    return act


def _delete(run: Run) -> None:
    key = run.given["KEY_ID"]
    said(run, f"Deleting key: '{key}', from instance: '{instance(run)}'")
    query = {"force": "true"} if run.given.get("force") else None
    gone = call(run, "DELETE", path_of(ONE, key), None, query)["resources"][0]
    found(run, {"id": gone["id"]}, (("Deleted Key", "id"),))


def _purge(run: Run) -> None:
    key = run.given["KEY_ID"]
    said(run, f"Purging key: '{key}', from instance: '{instance(run)}'")
    gone = on_key(run, "/purge", "DELETE")["resources"][0]
    found(run, {"id": gone["id"]}, (("Purged Key", "id"),))


def _restore(run: Run) -> None:
    said(run, f"Restoring key: '{run.given['KEY_ID']}', in instance: '{instance(run)}'")
    found(run, on_key(run, "/restore")["resources"][0])


def _update(run: Run) -> None:
    said(run, f"Updating key: '{run.given['KEY_ID']}', in instance: '{instance(run)}'")
    found(run, on_key(run, "", "PATCH", {"keyRingID": run.given.get("new-key-ring")})["resources"][0])


def _versions(run: Run) -> None:
    said(run, "Retrieving key versions")
    versions = on_key(run, "/versions", "GET")["resources"]
    run.terminal.ok()
    run.table(versions, (("ID", "id"), ("Created", "creationDate")), "No versions were found.")


def _registrations(run: Run) -> None:
    said(run, "Retrieving registrations")
    key = run.given.get("key-id")
    path = path_of(ONE + "/registrations", key) if key else _REGISTRATIONS
    listed = resources(run, path, asked_of(run, _OF_REGISTRATIONS))
    run.terminal.ok()
    run.table(listed, _REGISTRATION, "No registrations were found.")


def _alias(method: str, verb: str) -> Callable[[Run], None]:
    def change(run: Run) -> None:
        options = run.given
        said(run, f"{verb} alias: '{options['ALIAS']}', of key: '{options['KEY_ID']}'")
        answer = call(run, method, path_of(ONE + "/aliases/{}", options["KEY_ID"], options["ALIAS"]))
        ended(run, answer["resources"][0] if answer else None)

    return change


def _rings(run: Run) -> None:
    said(run, "Retrieving key rings")
    rings = resources(run, _RINGS)
    run.terminal.ok()
    run.table(rings, (("ID", "id"), ("Created", "creationDate"), ("Created By", "createdBy")), "No rings were found.")


def _ring_create(run: Run) -> None:
    said(run, f"Creating key ring: '{run.given['KEY_RING_ID']}', in instance: '{instance(run)}'")
    call(run, "POST", path_of(f"{_RINGS}/{{}}", run.given["KEY_RING_ID"]))
    ended(run)


def _ring_delete(run: Run) -> None:
    said(run, f"Deleting key ring: '{run.given['KEY_RING_ID']}', from instance: '{instance(run)}'")
    query = {"force": "true"} if run.given.get("force") else None
    call(run, "DELETE", path_of(f"{_RINGS}/{{}}", run.given["KEY_RING_ID"]), None, query)
    ended(run)


def _region_set(run: Run) -> None:
    """One server has the instances of all regions."""
    region = run.given["REGION"] or run.session.region
    run.terminal.say(f"Key Protect of region {region} is served at {run.session.endpoint}.")
    run.terminal.ok()


_KEY = "KEY_ID"
_CREATED = (
    *MATERIAL,
    flag("standard-key", text="Create a standard key; otherwise a root key.", also=("s",)),
    flag("key-alias", "LIST", "Aliases of the key, comma separated.", kind="list", also=("a",)),
    flag("description", "TEXT", "Description of the key.", also=("d",)),
    flag("expiration-date", "DATE", "When the key expires, as 2030-01-31T00:00:00Z.", also=("e",)),
)
_PAGE = (
    flag("number-of-keys", "N", "How many keys are shown at most.", kind="int", also=("n",)),
    flag("starting-offset", "N", "How many keys come before them.", kind="int", also=("s",)),
)
_MINE = (
    *filter_flags(_REGISTRATIONS, _OF_REGISTRATIONS),
    flag("key-id", "KEY_ID", "Only what this key protects.", also=("k",)),
)
_NEW_RING = flag("new-key-ring", "KEY_RING_ID", "Key ring that the key is to be in.", required=True)
_PLAINTEXT = flag("plaintext", "DATA_KEY", "Data key to wrap, base64, or @file.", also=("p",), kind="file")

COMMANDS = (
    Command("kp keys", "List keys.", _keys, "", flags(_CRN, *_PAGE)),
    Command("kp key create", "Create a key, or import one.", _create, "KEY_NAME", flags(*_CREATED)),
    Command("kp key show", "Show a key, by ID or alias.", _show, _KEY, flags()),
    Command("kp key wrap", "Wrap a data key with a root key.", _wrap, _KEY, flags(_PLAINTEXT, _AAD)),
    Command("kp key unwrap", "Unwrap a data key.", _unwrap, f"{_KEY} CIPHERTEXT", flags(_AAD)),
    Command("kp key rotate", "Rotate a root key.", _rotate, _KEY, flags(*MATERIAL)),
    Command("kp key disable", "Disable a root key.", _acts("Disabling", "disable"), _KEY, flags()),
    Command("kp key enable", "Enable a root key.", _acts("Enabling", "enable"), _KEY, flags()),
    Command(
        "kp key schedule-delete",
        "Authorize another user to delete a key.",
        _acts("Scheduling", "setKeyForDeletion"),
        _KEY,
        flags(),
    ),
    Command(
        "kp key cancel-delete",
        "Withdraw the authorization to delete a key.",
        _acts("Cancelling", "unsetKeyForDeletion"),
        _KEY,
        flags(),
    ),
    Command("kp key delete", "Delete a key; --force although it protects resources.", _delete, _KEY, flags(FORCE)),
    Command("kp key purge", "Purge a deleted key.", _purge, _KEY, flags()),
    Command("kp key restore", "Restore a deleted key.", _restore, _KEY, flags()),
    Command("kp key update", "Move a key to another key ring.", _update, _KEY, flags(_NEW_RING)),
    Command("kp key versions", "List the versions of a key.", _versions, _KEY, flags()),
    Command(
        "kp key alias-create",
        "Add an alias to a key.",
        _alias("POST", "Creating"),
        f"{_KEY} ALIAS",
        flags(),
        also=("kp key-alias create",),
    ),
    Command(
        "kp key alias-delete",
        "Remove an alias of a key.",
        _alias("DELETE", "Deleting"),
        f"{_KEY} ALIAS",
        flags(),
        also=("kp key-alias delete",),
    ),
    Command("kp key-rings", "List key rings.", _rings, "", flags(ring=False)),
    Command("kp key-ring create", "Create a key ring.", _ring_create, "KEY_RING_ID", flags(ring=False)),
    Command("kp key-ring delete", "Delete a key ring.", _ring_delete, "KEY_RING_ID", flags(FORCE, ring=False)),
    Command("kp registrations", "List what keys protect.", _registrations, "", flags(*_MINE)),
    Command("kp region-set", "Say where Key Protect is served.", _region_set, "[REGION]", output=False),
)
