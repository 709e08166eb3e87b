"""`iam account-settings`: the account's settings of identities (reference of `ibmcloud iam`)."""

from __future__ import annotations

from kunsthalle.ibmcloud.grammar import Command, flag
from kunsthalle.ibmcloud.http_client import path_of
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field

_RESTRICTION = ("RESTRICTED", "NOT_RESTRICTED", "NOT_SET")
_OPTIONS = (
    flag("restrict-create-service-id", text="Who may create service IDs.", choices=_RESTRICTION),
    flag("restrict-create-platform-apikey", text="Who may create API keys.", choices=_RESTRICTION),
    flag("allowed-ip-addresses", "LIST", "Addresses from which tokens are issued."),
    flag(
        "mfa",
        text="Multi-factor authentication.",
        choices=("NONE", "TOTP", "TOTP4ALL", "LEVEL1", "LEVEL2", "LEVEL3"),
    ),
    flag("session-expiration-in-seconds", "SECONDS", "When a session ends; NOT_SET for the default."),
    flag("session-invalidation-in-seconds", "SECONDS", "When an idle session ends; NOT_SET for the default."),
    flag("max-sessions-per-identity", "N", "Most sessions of an identity; NOT_SET for the default."),
)
"""Each fills the field of its name; what is not offered is refused by the API, which says why."""
_FIELDS: tuple[Field, ...] = (
    ("Account ID", "account_id"),
    ("Restrict service ID creation", "restrict_create_service_id"),
    ("Restrict platform API key creation", "restrict_create_platform_apikey"),
    ("Allowed IP addresses", "allowed_ip_addresses"),
    ("MFA", "mfa"),
    ("Session expiration in seconds", "session_expiration_in_seconds"),
    ("Session invalidation in seconds", "session_invalidation_in_seconds"),
    ("Max sessions per identity", "max_sessions_per_identity"),
)


def _path(run: Run) -> str:
    return path_of("/v1/accounts/{}/settings/identity", run.session.account)


def _show(run: Run) -> None:
    run.core_progress("Getting account settings", by_id=True)
    answer = run.api.get(_path(run))
    run.terminal.ok()
    run.detail(answer, _FIELDS)


def _update(run: Run) -> None:
    options = run.given
    body = {option.name.replace("-", "_"): options.get(option.name) for option in _OPTIONS if options.has(option.name)}
    run.core_progress("Updating account settings", by_id=True)
    headers = {"If-Match": run.api.get(_path(run))["entity_tag"]}
    made = run.api.call("PUT", _path(run), body, headers=headers).body
    run.terminal.ok()
    run.detail(made, _FIELDS)


COMMANDS = (
    Command("iam account-settings", "View the account's settings of identities.", _show),
    Command(
        "iam account-settings-update",
        "Change the account's settings of identities.",
        _update,
        flags=_OPTIONS,
        any_of=(tuple(option.name for option in _OPTIONS),),
    ),
)
