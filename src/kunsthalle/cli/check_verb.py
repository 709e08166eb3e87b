"""`kunsthalle check`: what other people's automation does wrong with images of catalogs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import click
from click.core import ParameterSource

from kunsthalle.automation_checks import check_run, checked_files, reports
from kunsthalle.automation_checks.rules import RULES, Level
from kunsthalle.automation_checks.server import Server
from kunsthalle.cli import common
from kunsthalle.cli.common import Refused
from kunsthalle.local import display, folder, running, trust
from kunsthalle.local.client import CallFailed
from kunsthalle.local.text_tables import line

_OPERATOR, _KEY = "KUNSTHALLE_OPERATOR_TOKEN", "IBMCLOUD_API_KEY"
_LEVELS = [level.value for level in Level]


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--account", default="", help="Your account: an id, or a name of the scenario; default: as the files say")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(reports.FORMATS)),
    default="text",
    show_default=True,
    help="Output format",
)
@click.option(
    "--fail-on",
    type=click.Choice(_LEVELS),
    default=Level.WARNING.value,
    show_default=True,
    help="The least level of findings that the command ends with 1 for",
)
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="RULE",
    type=click.Choice([rule.id for rule in RULES]),
    help="A rule to leave out; may be repeated",
)
@common.data_option(resolved=False)
@click.option("--url", default="", envvar="KUNSTHALLE_URL", help="Address of the server to ask, with the keys of env")
@click.option("--offline", is_flag=True, help="Ask no server: the files alone tell")
@click.pass_context
def check(
    context: click.Context,
    files: tuple[Path, ...],
    account: str,
    form: str,
    fail_on: str,
    ignored: tuple[str, ...],
    data: Path | None,
    url: str,
    offline: bool,
) -> None:
    """Check Terraform states and plans, SDK answers and transcripts for what goes wrong with images of catalogs.

    \b
    kunsthalle check terraform.tfstate
    terraform show -json plan | kunsthalle check /dev/stdin --format github
    kunsthalle check run.transcript instance.json --account 1441c332449a00fd941ccc8bd70b69aa

    FILES are checked together: what one says of an image is known for the others. A plan is what `terraform show -json`
    prints. A running server is asked whose images are and what manages them: that of --data, of --url, or your only
    one. Ends with 0 if nothing was found, 1 with findings, 2 if a file cannot be read.
    """
    place = _folder(data, named=_is_typed(context, "data"))
    server = None if offline else _server(place, data, url, named=_is_typed(context, "url"))
    own = _account_id(place, account)
    try:
        report = check_run.check(files, own, server, ignored)
    except checked_files.BadFile as error:
        raise Refused(display.escape(str(error))) from error
    except CallFailed as error:
        raise Refused(display.escape(f"The server was asked, and {error} Leave it out: --offline.")) from error
    click.echo(reports.FORMATS[form](report))
    context.exit(1 if _fails(report.findings, fail_on) else 0)


def _is_typed(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) == ParameterSource.COMMANDLINE


def _folder(data: Path | None, *, named: bool) -> Path | None:
    """The data folder of the server to ask; None where none runs. Refused where one was named on the command line."""
    if data is not None:
        if running.is_running(data):
            return data
        if named:
            raise Refused(f"No server runs on {line(data)}. Start it, or leave --data out: the files alone tell then.")
        return None
    if running.is_running(common.HERE):
        return common.HERE
    servers = running.folders()
    return servers[0] if len(servers) == 1 else None


def _server(place: Path | None, data: Path | None, url: str, *, named: bool) -> Server | None:
    """The server to ask: that of --data, of --url, or the only one that runs; None for none of them."""
    if url and (named or data is None):
        return _at(url, named=named)
    if place is None:
        return None
    known = folder.read(place, folder.CREDENTIALS)
    keys = {account["account_id"]: account["api_key"] for account in known.get("accounts", {}).values()}
    return Server(folder.url(place), known.get("operator_token", ""), keys, folder.ca_file(place))


def _account_id(place: Path | None, account: str) -> str:
    """The id of an account that is named as in the scenario of the server; any other text as it is."""
    known = folder.read(place, folder.CREDENTIALS).get("accounts", {}) if place else {}
    return str(known[account]["account_id"]) if account in known else account


def _at(url: str, *, named: bool) -> Server | None:
    """The server at an address, with what the environment has for it. Refused without, if it was named."""
    operator, key = os.environ.get(_OPERATOR, ""), os.environ.get(_KEY, "")
    if not operator and not key:
        if named:
            raise Refused(f"--url: set {_OPERATOR} or {_KEY}, as `kunsthalle env` prints them.")
        return None
    server = Server(url.rstrip("/"), operator, ca_file=os.environ.get(trust.CA_FILE, ""))
    try:
        return server if not key else server.with_key(key)
    except CallFailed as error:
        raise Refused(display.escape(f"--url: {error}")) from error


def _fails(findings: Iterable[check_run.Finding], least: str) -> bool:
    return any(_LEVELS.index(finding.rule.level) >= _LEVELS.index(least) for finding in findings)
