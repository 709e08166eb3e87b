"""`kp`: policies of keys and instances, and import tokens (Key Protect CLI reference)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from kunsthalle.core.ids import entropy
from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.kp_calls import (
    INSTANCE,
    OUTPUT,
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
from kunsthalle.ibmcloud.grammar import Command, flag
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field
from kunsthalle.ibmcloud.resource_commands import filled

_INSTANCE_POLICIES, _TOKEN = "/api/v2/instance/policies", "/api/v2/import_token"
_CHANGES: tuple[Field, ...] = (
    ("Created By", "createdBy"),
    ("Creation Date", "creationDate"),
    ("Last Updated", lambda policy: policy.get("lastUpdateDate") or policy.get("lastUpdated")),
    ("Updated By", "updatedBy"),
)
_KEY_POLICY: tuple[Field, ...] = (
    *_CHANGES,
    ("Enabled", lambda policy: (policy.get("rotation") or policy.get("dualAuthDelete") or {}).get("enabled")),
    ("Rotation Interval (months)", "rotation.interval_month"),
)
_INSTANCE_POLICY: tuple[Field, ...] = (("Policy Type", "policy_type"), *_CHANGES, ("Enabled", "policy_data.enabled"))
_TOKEN_COLUMNS: tuple[Field, ...] = (
    ("Created", "creationDate"),
    ("Expires", "expirationDate"),
    ("Max Retrievals", "maxAllowedRetrievals"),
    ("Remaining Retrievals", "remainingRetrievals"),
)
_ENABLE = flag("enable", text="Enable the policy.", also=("e",))
_DISABLE = flag("disable", text="Disable the policy.", also=("d",))
_MONTHS = flag("monthly-interval", "MONTHS", "Months of 30 days between rotations, 1 to 12.", kind="int", also=("m",))
_NETWORK = flag(
    "network-type", text="Network that is allowed.", choices=("public-and-private", "private-only"), also=("t",)
)
_ADDRESSES = flag("allowed-ip", "LIST", "Subnets that are allowed, comma separated.", kind="list", also=("a",))
_MATERIAL = flag("key", "KEY_MATERIAL", "Key material, base64, or @file.", also=("k",), kind="file", required=True)
_KEY = "KEY_ID"


def _key_policies(run: Run) -> None:
    said(run, f"Retrieving policy details for key ID: {run.given[_KEY]}")
    listed = on_key(run, "/policies", "GET")["resources"]
    options = {"rotation": "rotation", "dualAuthDelete": "dual-auth"}
    only = [name for name, option in options.items() if run.given.get(option)]
    shown = [policy for policy in listed if not only or any(name in policy for name in only)]
    run.terminal.ok()
    run.table(shown, _KEY_POLICY, "No policies were found.")


def _rotation(run: Run) -> None:
    said(run, f"Setting a rotation interval for key ID: {run.given[_KEY]}")
    enabled = False if run.given.get("disable") else True if run.given.get("enable") else None
    months = run.given.get("monthly-interval") or (1 if enabled is None else None)
    policy = {"rotation": filled(interval_month=months) | ({} if enabled is None else {"enabled": enabled})}
    found(run, on_key(run, "/policies", "PUT", collection(policy, kind="policy"))["resources"][0], _KEY_POLICY)


def _dual_auth(run: Run) -> None:
    said(run, f"Setting a dual authorization policy for key ID: {run.given[_KEY]}")
    policy = {"dualAuthDelete": {"enabled": _enabled(run)}}
    found(run, on_key(run, "/policies", "PUT", collection(policy, kind="policy"))["resources"][0], _KEY_POLICY)


def _enabled(run: Run) -> bool:
    return not run.given.get("disable")


def _instance_policies(run: Run) -> None:
    said(run, f"Retrieving policy details for instance: {instance(run)}")
    listed = resources(run, _INSTANCE_POLICIES)
    names = {"allowed-network": "allowedNetwork", "dual-auth-delete": "dualAuthDelete", "rotation": "rotation"}
    only = {name for option, name in names.items() if run.given.get(option)}
    run.terminal.ok()
    shown = [policy for policy in listed if not only or policy["policy_type"] in only]
    run.table(shown, _INSTANCE_POLICY, "No policies were found.")


def _sets(policy: str, attributes: Callable[[Run], dict[str, Any]]) -> Callable[[Run], None]:
    """A command that sets a policy of an instance."""

    def change(run: Run) -> None:
        said(run, "Updating instance policy")
        more = attributes(run)
        data = {"enabled": _enabled(run), **({"attributes": more} if more else {})}
        body = collection({"policy_type": policy, "policy_data": data}, kind="policy")
        call(run, "PUT", _INSTANCE_POLICIES, body)
        ended(run)

    return change


def _token_create(run: Run) -> None:
    options = run.given
    body = filled(expiration=options.get("expiration"), maxAllowedRetrievals=options.get("max-retrievals"))
    found(run, call(run, "POST", _TOKEN, body), _TOKEN_COLUMNS)


def _token_show(run: Run) -> None:
    """As the plug-in does, JSON whatever is asked for."""
    token = call(run, "GET", _TOKEN)
    run.print_json({"nonce": token["nonce"], "payload": token["payload"]})


def _octets(text: str, label: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise Failed(f"{label} must be base64.") from error


def _key_encrypt(run: Run) -> None:
    """With the public key of an import token: RSA-OAEP, SHA-256."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    material = _octets(run.given.get("key"), "The key material")
    try:
        public: Any = load_pem_public_key(_octets(run.given.get("pubkey"), "The public key"))
        sealed = public.encrypt(material, OAEP(mgf=MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None))
    except (ValueError, AttributeError) as error:
        raise Failed("The public key is none of an import token, or the key material is too long for it.") from error
    found(run, {"encryptedKey": base64.b64encode(sealed).decode()}, (("Encrypted Key", "encryptedKey"),))


def _nonce_encrypt(run: Run) -> None:
    """With the key material: AES-GCM, and a new initialization vector."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    material, nonce = _octets(run.given.get("key"), "The key material"), _octets(run.given.get("nonce"), "The nonce")
    if len(material) not in (16, 24, 32):
        raise Failed(f"The key material has 16, 24 or 32 octets; these are {len(material)}.")
    iv = entropy(12)
    sealed = AESGCM(material).encrypt(iv, nonce, None)
    made = {"encryptedNonce": base64.b64encode(sealed).decode(), "iv": base64.b64encode(iv).decode()}
    found(run, made, (("Encrypted Nonce", "encryptedNonce"), ("IV", "iv")))


def _months(run: Run) -> dict[str, Any]:
    return filled(interval_month=run.given.get("monthly-interval"))


def _network(run: Run) -> dict[str, Any]:
    return filled(allowed_network=run.given.get("network-type"))


def _addresses(run: Run) -> dict[str, Any]:
    return filled(allowed_ip=run.given.get("allowed-ip"))


def _none(_run: Run) -> dict[str, Any]:
    return {}


_SWITCH = (_ENABLE, _DISABLE)
_ALONE = (("enable", "disable"),)
_UPDATE, _SET = "kp key policy-update", "kp instance policy-update"
_ONLY = (
    flag("allowed-network", text="Only the policy on networks.", also=("a",)),
    flag("dual-auth-delete", text="Only the policy on deletion.", also=("d",)),
    flag("rotation", text="Only the policy on rotation.", also=("r",)),
)
_KINDS = (
    flag("dual-auth", text="Only the policy on deletion.", also=("d",)),
    flag("rotation", text="Only the policy on rotation.", also=("r",)),
)
_LIFE = (
    flag("expiration", "SECONDS", "How long the token is valid, 300 to 86400.", kind="int", also=("e",)),
    flag("max-retrievals", "N", "How many times it can be retrieved, 1 to 500.", kind="int", also=("m",)),
)
_PUBLIC = flag("pubkey", "PUBLIC_KEY", "Public key of the import token.", also=("p",), kind="file", required=True)
_NONCE = flag("nonce", "NONCE", "Nonce of the import token.", also=("n",), required=True)


def _instance_command(name: str, policy: str, attributes: Callable[[Run], dict[str, Any]], *more: Any) -> Command:
    summary = f"Set the policy {policy} of an instance."
    switch = flags(*_SWITCH, *more, ring=False)
    return Command(f"{_SET} {name}", summary, _sets(policy, attributes), "", switch, alone=_ALONE, any_of=_ALONE)


COMMANDS = (
    Command("kp key policies", "List the policies of a key.", _key_policies, _KEY, flags(*_KINDS)),
    Command(
        f"{_UPDATE} rotation", "Rotate a key by the clock.", _rotation, _KEY, flags(*_SWITCH, _MONTHS), alone=_ALONE
    ),
    Command(
        f"{_UPDATE} dual-auth-delete",
        "Have two users delete a key.",
        _dual_auth,
        _KEY,
        flags(*_SWITCH),
        alone=_ALONE,
        any_of=_ALONE,
    ),
    Command(
        "kp instance policies", "List the policies of an instance.", _instance_policies, "", flags(*_ONLY, ring=False)
    ),
    _instance_command("rotation", "rotation", _months, _MONTHS),
    _instance_command("dual-auth-delete", "dualAuthDelete", _none),
    _instance_command("allowed-network", "allowedNetwork", _network, _NETWORK),
    _instance_command("allowed-ip", "allowedIP", _addresses, _ADDRESSES),
    _instance_command("metrics", "metrics", _none),
    Command("kp import-token create", "Create an import token.", _token_create, "", flags(*_LIFE, ring=False)),
    Command("kp import-token show", "Retrieve the import token.", _token_show, "", flags(ring=False)),
    Command(
        "kp import-token key-encrypt",
        "Encrypt key material with the public key of an import token.",
        _key_encrypt,
        "",
        (INSTANCE, _MATERIAL, _PUBLIC, OUTPUT),
    ),
    Command(
        "kp import-token nonce-encrypt",
        "Encrypt the nonce of an import token with key material.",
        _nonce_encrypt,
        "",
        (INSTANCE, _MATERIAL, _NONCE, OUTPUT),
    ),
)
