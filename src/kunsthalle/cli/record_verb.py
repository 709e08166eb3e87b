"""`kunsthalle record`: the calls of a run as text."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from kunsthalle.cli import common
from kunsthalle.local import folder, trust

if TYPE_CHECKING:
    from kunsthalle.transcripts.models import Transcript
    from kunsthalle.transcripts.recorder import Operate, Recorder

TOKEN = "KUNSTHALLE_OPERATOR_TOKEN"  # noqa: S105  the name of a variable
_STANDARD_OUTPUT = "-"
_LOOK = 0.2
_ACCOUNTS = "/_kunsthalle/accounts"

OUT = click.option(
    "-o",
    "--out",
    required=True,
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="File to write, or - for standard output",
)
DURATIONS = click.option("--durations", is_flag=True, help="Also write how long each call took")
EVERY_CALL = click.option(
    "--every-call", is_flag=True, help="Also write reads that only repeat the call before, as loops that wait do"
)


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@OUT
@click.option("--url", default="", help=f"Address of the server, with the operator's token in ${TOKEN}")
@common.data_option(resolved=False)
@DURATIONS
@EVERY_CALL
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def record(out: Path, url: str, data: Path | None, durations: bool, every_call: bool, command: tuple[str, ...]) -> None:
    """Write every call that a running server answers as text: readable, without secrets, the same for the same run.

    \b
    kunsthalle record -o run.txt
    kunsthalle record -o run.txt -- terraform apply
    kunsthalle report run.txt -o run.html

    Without COMMAND until Ctrl-C; else until COMMAND ends, with its status. Ids are replaced by names in their order
    (image-1), moments by the clock (T, T+7d), secrets by …. Headers are not written. `kunsthalle run --record FILE`
    records a run against a fresh world. The form of the file: docs/reference/transcript.md.
    """
    from kunsthalle.transcripts.recorder import Recorder

    check_writable(out)
    operate, address, accounts = _server(url, data)
    child = None
    if command:
        from kunsthalle.cli.child_process import Child, check_command

        check_command(command)
        child = Child()
    recorder = started(Recorder(operate, address, accounts, durations=durations, every_call=every_call))
    if child is not None:
        child.handle()
        try:
            status = child.run(command, dict(os.environ))
        finally:
            finish(recorder, out)
        sys.exit(status)
    _wait(recorder)
    finish(recorder, out)
    if recorder.failed:
        raise click.ClickException(f"The server went away: {recorder.failed}")


def started(recorder: Recorder) -> Recorder:
    """The recorder, which has begun. ClickException where the server refuses."""
    from kunsthalle.local.client import CallFailed

    try:
        return recorder.start()
    except CallFailed as error:
        raise click.ClickException(str(error)) from error


def finish(recorder: Recorder, out: Path) -> None:
    """Write what was recorded, and say so on standard error."""
    transcript = recorder.stop()
    text = _written(transcript, out)
    click.echo(f"Recorded {recorder.calls} calls{text}.", err=True)


def _written(transcript: Transcript, out: Path) -> str:
    from kunsthalle.transcripts.recorder import write
    from kunsthalle.transcripts.writing import text_of

    if str(out) == _STANDARD_OUTPUT:
        click.echo(text_of(transcript), nl=False)
        return ""
    try:
        write(transcript, out)
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror or error}.") from error
    return f" in {out}"


def check_writable(out: Path) -> None:
    """Refuse a file that could not be written, before anything is done."""
    place = out.resolve().parent
    if str(out) != _STANDARD_OUTPUT and not (place.is_dir() and os.access(place, os.W_OK | os.X_OK)):
        raise common.Refused(f"--out {str(out)!r}: {place} is no folder that can be written to.")


def _server(url: str, data: Path | None) -> tuple[Operate, str, dict[str, str]]:
    """How to call a server as its operator, its address, and the names of its accounts by id."""
    from kunsthalle.local.client import CallFailed, call

    if url:
        token = os.environ.get(TOKEN, "")
        if not token:
            raise common.Refused(f"--url needs the operator's token in {TOKEN}.")
        address = url.rstrip("/")

        def remote(method: str, path: str, body: Any) -> Any:
            return call(address, method, path, token, body, ca_file=os.environ.get(trust.CA_FILE, ""))

        try:
            return remote, address, _names(remote("GET", _ACCOUNTS, None))
        except CallFailed as error:
            raise click.ClickException(str(error)) from error
    store = common.find_data(data)
    listed = common.operate(store, "GET", _ACCOUNTS)
    token, address = folder.credentials(store)["operator_token"], folder.url(store)

    def local(method: str, path: str, body: Any) -> Any:
        return call(address, method, path, token, body, ca_file=folder.ca_file(store))

    return local, address, {**_names(listed), **common.account_names(store)}


def _names(listed: Any) -> dict[str, str]:
    return {account["id"]: account["name"] for account in listed["accounts"]}


def _wait(recorder: Recorder) -> None:
    """Until somebody says that it is enough, or the server is gone."""
    ended = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    click.echo(f"Recording {recorder.url}. Ctrl-C ends.", err=True)
    while not ended.is_set() and not recorder.failed:
        recorder.wait(_LOOK)
