"""`kunsthalle approvals`: what may leave its enterprise, as the operator decides it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kunsthalle.cli import common

_PATH = "/_kunsthalle/approvals"
_COLUMNS = ("OFFERING", "NAME", "ACCOUNT", "STATE", "ASKED BY", "SINCE")
_WORDS = {"granted": "granted", "revoked": "refused", "requested": "requested"}


@click.group()
def approvals() -> None:
    """Decide which offerings may be shared outside their enterprise.

    A publisher asks with publish/allow_request/true. Until it is granted, an offering is shared inside its enterprise
    alone; a grant that is taken back closes at once what it had opened.

    \b
    kunsthalle approvals list --state requested
    kunsthalle approvals grant 6f6f9e0c-0b4e-4c43-9c86-3d1f4a1e5f10
    kunsthalle approvals refuse 6f6f9e0c-0b4e-4c43-9c86-3d1f4a1e5f10 --output json
    """


@approvals.command(name="list")
@click.option(
    "--state", type=click.Choice(["requested", "granted", "refused"]), help="List only requests in this state"
)
@common.DATA
@common.OUTPUT
def list_(state: str | None, data: Path, output: str) -> None:
    """List the requests and their answers, oldest first.

    \b
    kunsthalle approvals list
    kunsthalle approvals list --state requested --output json
    """
    approvals = [_worded(approval) for approval in common.operate(data, "GET", _PATH)["approvals"]]
    _say(data, [worded for worded in approvals if state in {None, worded["state"]}], output)


def _decision(name: str, state: str, text: str) -> click.Command:
    @approvals.command(
        name=name, help=f"{text}\n\n\b\nkunsthalle approvals {name} 6f6f9e0c-0b4e-4c43-9c86-3d1f4a1e5f10"
    )
    @click.argument("offering")
    @common.DATA
    @common.OUTPUT
    def decide(offering: str, data: Path, output: str) -> None:
        worded = _worded(common.operate(data, "POST", _PATH, {"offering": offering, "state": state}))
        _say(data, worded, output)

    return decide


grant = _decision("grant", "granted", "Let an offering, given by id or CRN, be shared outside its enterprise.")
refuse = _decision("refuse", "revoked", "Refuse an offering, given by id or CRN, or take its grant back.")


def _worded(approval: dict[str, Any]) -> dict[str, Any]:
    return {**approval, "state": _WORDS[approval["state"]]}


def _say(data: Path, approvals: list[dict[str, Any]] | dict[str, Any], output: str) -> None:
    if output == "json":
        click.echo(common.as_json(approvals))
        return
    names = common.account_names(data)
    rows = [
        (
            approval["offering"],
            approval["name"],
            names.get(approval["account"], approval["account"]),
            approval["state"],
            approval["asked_by"],
            approval["updated"],
        )
        for approval in (approvals if isinstance(approvals, list) else [approvals])
    ]
    click.echo(common.table(_COLUMNS, rows))
