"""What the operator's verbs share: options, calls, tables, and failures in plain words."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import click

from kunsthalle.config_sources import DEFAULT_FILE, FILE_VARIABLE, BadSettings
from kunsthalle.config_sources import load as load_sources
from kunsthalle.local import display, folder, running
from kunsthalle.local.client import CallFailed, access_token, call
from kunsthalle.local.list_parameters import parameter
from kunsthalle.local.text_tables import grid, line

VPC_VERSION = "2025-06-30"
"""The version of the VPC API that the verbs were written for."""
MAKE = "kunsthalle serve --scenario enterprise"
MASTER_KEY_FILE = "KUNSTHALLE_MASTER_KEY_FILE"


class Refused(click.ClickException):
    """What was asked for cannot be done as it was said: one line, exit code 2."""

    exit_code = 2


F = TypeVar("F", bound=Callable[..., Any])

HERE = Path("kunsthalle-data")
"""The data folder of a server that was told none."""


_CONFIG = f"{__name__}.config"
CONFIG_HELP = f"File with settings (TOML; or {FILE_VARIABLE}); default: {DEFAULT_FILE}, if it exists"


def _keep_file(context: click.Context, _option: click.Parameter, file: str | None) -> None:
    if file:
        context.meta[_CONFIG] = file


CONFIG = click.option(
    "--config",
    type=click.Path(dir_okay=False),
    default=None,
    is_eager=True,
    expose_value=False,
    callback=_keep_file,
    help=CONFIG_HELP,
)
"""The settings file of the server that a verb works for: where it keeps its data is said there."""


def settings_file() -> str | None:
    """The settings file that the verb was given."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(_CONFIG)


def _data_of(file: Path) -> Path | None:
    """The data folder that a settings file names, if it does. BadSettings."""
    loaded = load_sources(file, {}, {})
    settings = loaded.checked()
    return settings.data if loaded.source("data").kind == "file" else None


def named_data(path: Path | None) -> Path | None:
    """The data folder that was given, or is named by the settings file that was. Refused where that is wrong."""
    file = settings_file() or os.environ.get(FILE_VARIABLE, "")
    if path is not None or not file:
        return path
    try:
        return _data_of(Path(file))
    except BadSettings as errors:
        raise Refused(str(errors)) from errors


def _usual_data() -> Path | None:
    """The data folder of the settings file of this host, if there is one that can be read."""
    try:
        return _data_of(DEFAULT_FILE) if DEFAULT_FILE.is_file() else None
    except BadSettings:
        return None


def find_data(path: Path | None) -> Path:
    """The data folder that is meant: what was given, or is named by the settings file that was; else that of the one
    server of this user that runs.

    A folder in the working directory comes first, and is also taken while no server runs; then that of the settings
    file of this host. Refused otherwise, with what was looked at.
    """
    path = named_data(path)
    if path is not None:
        return path
    if running.is_running(HERE):
        return HERE
    servers = running.folders()
    if len(servers) == 1:
        return servers[0]
    if servers:
        names = ", ".join(line(server) for server in servers)
        raise Refused(f"{len(servers)} servers of yours run: {names}. Choose one: --data FOLDER.")
    if folder.read(HERE, folder.CREDENTIALS):
        return HERE
    if usual := _usual_data():
        return usual
    raise Refused(
        f"No server of yours runs, and {HERE.resolve()} holds no data. Start one: {MAKE}; or name its folder:"
        " --data FOLDER."
    )


def filters(path: str, *names: str) -> Callable[[F], F]:
    """The options that narrow a list of the server: each fills the parameter of its name, which says what it means."""
    known = [parameter(path, name) for name in names]

    def declare(verb: F) -> F:
        for declared in reversed(known):
            text = declared.description.removesuffix(".")
            verb = click.option(f"--{declared.name.replace('_', '-')}", declared.name, default="", help=text)(verb)
        return verb

    return declare


def data_option(*, resolved: bool = True) -> Callable[[F], F]:
    """`--data` and `--config`; `resolved` says that the verb works on one folder, found where none is given."""
    find = find_data if resolved else named_data
    data = click.option(
        "--data",
        type=click.Path(path_type=Path),
        default=None,
        envvar="KUNSTHALLE_DATA",
        callback=lambda _context, _option, folder: find(folder),
        help="Data folder; default: that of --config, kunsthalle-data, or the folder of your only running server",
    )
    return lambda verb: data(CONFIG(verb))


DATA = data_option()
KEY_FILE = click.option(
    "--master-key-file", default="", envvar=MASTER_KEY_FILE, help="As for serve; default: master.key in the data folder"
)
OUTPUT = click.option(
    "--output", type=click.Choice(["table", "json"]), default="table", show_default=True, help="Output format"
)
ACCOUNT = click.option(
    "--account", default="publisher", show_default=True, help="Account to act for: a name of the scenario, or an id"
)


def operate(data: Path, method: str, path: str, body: Any = None, *, timeout: float = 120) -> Any:
    """A call with the operator's token. ClickException with what to do when it fails."""
    return _called(data, method, path, body, timeout, lambda known: str(known["operator_token"]))


def act(data: Path, account: str, method: str, path: str, body: Any = None) -> Any:
    """A call as the owner of an account of the scenario. ClickException with what to do when it fails."""

    def token(known: Mapping[str, Any]) -> str:
        return access_token(folder.url(data), _of_account(known, account)["api_key"], folder.ca_file(data))

    return _called(data, method, path, body, 120, token)


def account_id(data: Path, account: str) -> str:
    """The id of an account that is named as in the scenario; any other text as it is."""
    known = _credentials(data).get("accounts", {})
    return str(known[account]["account_id"]) if account in known else account


def account_names(data: Path) -> dict[str, str]:
    """Names of the scenario's accounts by their ids."""
    return {account["account_id"]: name for name, account in _credentials(data).get("accounts", {}).items()}


def _of_account(known: Mapping[str, Any], account: str) -> dict[str, Any]:
    accounts = known.get("accounts", {})
    for name, member in accounts.items():
        if account in {name, member["account_id"]}:
            return dict(member)
    raise click.ClickException(f"Unknown account: {account!r}. Use one of: {', '.join(accounts)}.")


def _credentials(data: Path) -> dict[str, Any]:
    try:
        return folder.credentials(data)
    except folder.NoSuchWorld as error:
        raise click.ClickException(f"{data} contains no scenario. Create one: {MAKE} --data {data}") from error


def _called(data: Path, method: str, path: str, body: Any, timeout: float, token: Any) -> Any:
    known = _credentials(data)
    try:
        return call(folder.url(data), method, path, token(known), body, timeout, folder.ca_file(data))
    except CallFailed as error:
        raise click.ClickException(display.escape(_why_failed(data, error))) from error


def _why_failed(data: Path, error: CallFailed) -> str:
    if isinstance(error.__cause__, OSError) and not running.is_running(data):
        return f"No server runs on {data}. Start it: kunsthalle serve --data {data}"
    return str(error)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Aligned columns under their names, two blanks between."""
    cells = [list(columns), *([line(cell) for cell in row] for row in rows)]
    return "\n".join(grid(cells, gap=2))


def details(pairs: Iterable[tuple[str, object]]) -> str:
    """One resource, a field a line."""
    return "\n".join(grid([(name, line(value)) for name, value in pairs], gap=2))


def as_json(document: Any) -> str:
    """JSON for programs."""
    return display.to_json(document, indent=2)


def is_terminal() -> bool:
    """Whether what is written can move the cursor: not into files, pipes or dumb terminals."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in {"", "dumb"}


def bar(steps: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """Draws steps of something (`phase`, `percent`) as they come; the last of them."""
    last: dict[str, Any] = {}
    with click.progressbar(length=100, label="waiting", width=30, show_eta=False) as drawn:
        for last in steps:
            drawn.label = last["phase"].ljust(9)
            drawn.update(last["percent"] - drawn.pos)
            drawn.render_progress()
    return last


_IMAGE_ID = re.compile(r"r[0-9]{3}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def image_id(data: Path, account: str, image: str) -> str:
    """The id of an image of the account that is named by its name or its id.

    An id is not looked up. ClickException if the account has no image of that name.
    """
    if _IMAGE_ID.fullmatch(image):
        return image
    query = urlencode({"version": VPC_VERSION, "generation": 2, "name": image})
    images = act(data, account, "GET", f"/v1/images?{query}")["images"]
    if not images:
        names = display.escape(f"{account!r} has no image named {image!r}")
        raise click.ClickException(f"Account {names}. List its images: ibmcloud is images; or choose --account.")
    return str(images[0]["id"])
