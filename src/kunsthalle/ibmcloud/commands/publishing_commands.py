"""`catalog offering publish|unpublish`, and `catalog account`: both sides of sharing (cli.md 4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kunsthalle.ibmcloud.command_errors import Failed
from kunsthalle.ibmcloud.commands.catalog_lookups import (
    ACCOUNTS_FLAG,
    CATALOG_FLAG,
    OFFERING_FLAG,
    account_identifiers,
    command,
    needed,
    offering_path,
)
from kunsthalle.ibmcloud.commands.offering_commands import suspend, versions_of
from kunsthalle.ibmcloud.commands.publishing_examples import PUBLISHED, SHARED
from kunsthalle.ibmcloud.grammar import Command, flag
from kunsthalle.ibmcloud.http_client import CATALOG, path_of
from kunsthalle.ibmcloud.invocation import Run
from kunsthalle.ibmcloud.printed_tables import Field

APPROVALS: tuple[Field, ...] = (
    ("Account", "account"),
    ("Target account", "target_account"),
    ("Kind", "target_kind"),
    ("Approval state", lambda entry: entry.get("approval_state") or "approved"),
    ("Created", "created"),
)


def _share(run: Run, path: str, **changed: bool) -> None:
    """Changes some of an offering's share flags; the others stay as they are."""
    answer = run.api.get(path)
    now = {"ibm": "share_with_ibm", "public": "share_with_all", "enabled": "share_enabled"}
    run.api.post(f"{path}/share", {**{name: bool(answer.get(field)) for name, field in now.items()}, **changed})


def _add(run: Run, path: str, identifiers: list[str]) -> None:
    """On the list first, the list in effect then: interrupted between, nobody sees more than before."""
    answer = run.api.post(f"{path}/access", identifiers) or {}
    if errors := answer.get("errors"):
        raise Failed("\n".join(f"{identifier}: {message}" for identifier, message in errors.items()))
    _share(run, path, enabled=True)


def _account(run: Run) -> None:
    """Every validated version becomes what the account itself may use."""
    ready = versions_of(run.api.get(offering_path(run)))
    states = [entry.get("state", {}).get("current") for entry in ready]
    valid = [entry for entry in ready if entry.get("state", {}).get("current") == "validated"]
    if not valid and "consumable" not in states:
        raise Failed("No version of the offering is validated. Use 'ibmcloud catalog offering version validate' first.")
    for version in valid:
        run.api.post(f"{CATALOG}/versions/{version['version_locator']}/consume-publish")
    run.done(f"Offering {run.given.get('offering')} is published to the account.")


def _enterprise_id(run: Run) -> str:
    first = next(run.api.listed("/v1/enterprises", "resources"), None)
    if first is None:
        raise Failed("The account is in no enterprise.")
    return f"-ent-{first['id']}"


def _enterprise(run: Run) -> None:
    _add(run, offering_path(run), [_enterprise_id(run)])
    run.done(f"Offering {run.given.get('offering')} is shared with the enterprise.")


def _allowlist(run: Run) -> None:
    _add(run, offering_path(run), account_identifiers(run))
    run.done(f"Offering {run.given.get('offering')} is shared with the accounts.")


def _flagged(run: Run, name: str, on: bool) -> None:
    _share(run, offering_path(run), **{name: on})
    run.done(f"Offering {run.given.get('offering')} is {'' if on else 'no longer '}shared: {name}.")


def _withdraw(run: Run, identifiers: Callable[[Run], list[str]]) -> None:
    run.api.call("DELETE", f"{offering_path(run)}/access", identifiers(run))
    run.done(f"Offering {run.given.get('offering')} is no longer shared with them.")


def _enable(run: Run) -> None:
    _share(run, offering_path(run), enabled=True)
    run.done(f"Sharing of offering {run.given.get('offering')} is enabled.")


def _approval_path(run: Run) -> str:
    return path_of(f"{CATALOG}/shareapproval/{{}}/access", run.given.get("object-kind") or "offering")


def _ask(run: Run, method: str, done: str) -> None:
    """`add-approval-access` asks accounts for the permission to share with them; `delete` takes the question back."""
    answer = run.api.call(method, _approval_path(run), account_identifiers(run)).body
    run.done(f"The request is {done}.", answer)


def _sent(run: Run) -> None:
    _approvals(run, _approval_path(run))


def _received(run: Run) -> None:
    """Of one state, or of all three."""
    state = run.given.get("approval-state")
    _approvals(run, *(f"{_approval_path(run)}/source/{entry}" for entry in ([state] if state else _STATES)))


def _approvals(run: Run, *paths: str) -> None:
    entries: list[Any] = [entry for path in paths for entry in run.api.listed(path, "resources")]
    run.table(entries, APPROVALS, "No approvals were found.")


def _answer(run: Run) -> None:
    state = run.given.get("approval-state")
    answer = run.api.post(f"{_approval_path(run)}/source/{state}", account_identifiers(run))
    run.done(f"The approval state is {state}.", answer)


_STATES = ("pending", "approved", "rejected")
_BOTH = (needed(CATALOG_FLAG), needed(OFFERING_FLAG))
_KIND = flag(
    "object-kind", text="Kind of what is shared.", choices=("offering", "vpe", "proxy_source", "preset_configuration")
)
_ENTERPRISE = flag("enterprise-id", "ID", "Ignored: the account answers for itself.")


def _state(*, required: bool) -> Any:
    return flag("approval-state", text="State of the approval.", choices=_STATES, required=required)


def _publish(words: str, run: Callable[[Run], None], *flags: Any, examples: tuple[str, ...] = ()) -> Command:
    summary = f"Publish an offering: {words}."
    return command(f"offering publish {words}", summary, run, "", *_BOTH, *flags, examples=examples)


def _unpublish(words: str, run: Callable[[Run], None], *flags: Any) -> Command:
    return command(f"offering unpublish {words}", f"Take back: {words}.", run, "", *_BOTH, *flags)


COMMANDS = (
    _publish("account", _account),
    _publish("enterprise", _enterprise),
    _publish("allowlist", _allowlist, needed(ACCOUNTS_FLAG), examples=(*PUBLISHED, SHARED)),
    _publish("ibm", partial(_flagged, name="ibm", on=True)),
    _publish("public", partial(_flagged, name="public", on=True)),
    _unpublish("account", suspend),
    _unpublish("enterprise", partial(_withdraw, identifiers=lambda run: [_enterprise_id(run)])),
    _unpublish(
        "allowlist",
        partial(_withdraw, identifiers=account_identifiers),
        needed(ACCOUNTS_FLAG),
    ),
    _unpublish("ibm", partial(_flagged, name="ibm", on=False)),
    command("offering enable-sharing", "Put the list of an offering into effect.", _enable, "", *_BOTH),
    command(
        "account add-approval-access",
        "Ask accounts for the permission to share with them.",
        partial(_ask, method="POST", done="sent"),
        "",
        needed(ACCOUNTS_FLAG),
        _KIND,
    ),
    command(
        "account delete-approval-access",
        "Take back the question.",
        partial(_ask, method="DELETE", done="taken back"),
        "",
        needed(ACCOUNTS_FLAG),
        _KIND,
    ),
    command("account get-approval-list", "List the requests that were sent.", _sent, "", _KIND),
    command(
        "account get-approval-list-source",
        "List the requests that were received.",
        _received,
        "",
        _KIND,
        _state(required=False),
        _ENTERPRISE,
    ),
    command(
        "account set-approval-state-source",
        "Answer requests that were received.",
        _answer,
        "",
        needed(ACCOUNTS_FLAG),
        _KIND,
        _state(required=True),
        _ENTERPRISE,
    ),
)
