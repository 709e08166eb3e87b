"""`kunsthalle doctor`: whether every byte, reference and disk is where the books say, and what can be mended."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kunsthalle.cli import common
from kunsthalle.cli.setting_options import offline
from kunsthalle.local import folder
from kunsthalle.local.master_keys import MasterKeyError
from kunsthalle.local.text_tables import line
from kunsthalle.settings import Settings

if TYPE_CHECKING:
    from kunsthalle.operator.doctor.findings import Progress

_SECONDS = 24 * 3600.0
"""A deep examination reads everything there is."""


_PAUSE_SECONDS = 0.2
Doc = dict[str, Any]


def examine(
    data: Path, database: str, blobs: str, progress: Progress, *, deep: bool, repair: bool, master_key_file: str = ""
) -> Doc:
    """The report of a folder that no server works on; what would be done by jobs is done when one does.

    `progress` tells meanwhile how far it is.
    """
    import msgspec

    from kunsthalle.app import build
    from kunsthalle.operator.doctor.findings import CheckContext
    from kunsthalle.operator.doctor.routes import to_response
    from kunsthalle.operator.doctor.service import examine as look
    from kunsthalle.wiring import disks_of

    settings = offline(data=data, database=database, blobs=blobs, master_key_file=master_key_file)
    if not folder.read(data, folder.CREDENTIALS):
        raise folder.NoSuchWorld(str(data))
    lock = folder.lock(data)
    try:
        report = _damaged(settings, deep=deep)
        if report is not None:
            return report
        server = build(settings, "")
        with contextlib.closing(server.store):
            ward = CheckContext(server.store, server.base.as_system(""), disks_of(server.drivers), progress)
            answer: Doc = msgspec.to_builtins(to_response(look(ward, deep=deep, repair=repair)))
    finally:
        os.close(lock)
    return answer


def _damaged(settings: Settings, *, deep: bool) -> Doc | None:
    """The report of a damaged database, with which no server can be made; None of a sound one."""
    import msgspec

    from kunsthalle.db import integrity
    from kunsthalle.db.engine import Store
    from kunsthalle.operator.doctor.routes import to_response
    from kunsthalle.operator.doctor.service import Report, damaged

    with contextlib.closing(Store(settings.database_url)) as store:
        sound = integrity.examine(store, deep=deep)
    report = Report(damaged(sound), [], {"databases": 1}, sound.unchecked)
    answer: Doc = msgspec.to_builtins(to_response(report))
    return answer if sound.damage else None


def render(report: dict[str, Any]) -> str:
    """A line for each finding, and one for the whole."""
    lines = []
    for finding in report["findings"]:
        state = "repaired" if finding["repaired"] else "repairable" if finding["repairable"] else "cannot be repaired"
        subject, message = line(finding["subject"]), line(finding["message"])
        lines.append(f"{finding['check']:20} {subject}\n{'':20} {message} ({state})")
    lines += [f"{'not checked':20} {line(subject)}" for subject in report["unchecked"]]
    seen = ", ".join(f"{count} {kind}" for kind, count in report["examined"].items())
    lines.append(f"{'Healthy' if report['healthy'] else 'Not healthy'}: examined {seen}.")
    return "\n".join(lines)


@click.command()
@common.DATA
@click.option("--repair", is_flag=True, help="Repair what can be repaired")
@click.option("--deep", is_flag=True, help="Read every byte of every blob, and all of the database")
@click.option("--offline", is_flag=True, help="Check a folder that no server uses")
@click.option("--database", default="", help="With --offline: as for serve")
@click.option("--blobs", default="", help="With --offline: as for serve")
@common.KEY_FILE
@common.OUTPUT
def doctor(data: Path, repair: bool, deep: bool, offline: bool, output: str, **places: str) -> None:
    """Check the database, and every blob, reference, disk and job against each other. Exit code 1 if a problem is left.

    \b
    kunsthalle doctor
    kunsthalle doctor --repair --output json
    kunsthalle doctor --offline --data /var/lib/kunsthalle --blobs s3://…
    """
    how = {"deep": deep, "repair": repair}
    work: Callable[[], Doc]
    far: Callable[[], Doc]
    if offline:
        work, far = _offline(data, places, **how)
    else:
        work = partial(common.operate, data, "POST", "/_kunsthalle/doctor", how, timeout=_SECONDS)
        far = partial(common.operate, data, "GET", "/_kunsthalle/doctor/progress")
    report = _drawn(work, far) if deep and output != "json" and common.is_terminal() else work()
    click.echo(common.as_json(report) if output == "json" else render(report))
    sys.exit(0 if report["healthy"] else 1)


def _drawn(work: Callable[[], Doc], far: Callable[[], Doc]) -> Doc:
    """Does the work with a bar that says how far it is. Whoever interrupts it does not wait for it."""
    report: Future[Doc] = Future()

    def run() -> None:
        try:
            report.set_result(work())
        except BaseException as error:  # noqa: BLE001  it is raised where the result is asked for
            report.set_exception(error)

    def steps() -> Iterator[Doc]:
        while not wait([report], _PAUSE_SECONDS).done:
            with contextlib.suppress(click.ClickException):  # if there is no answer, the work itself will say so
                yield far()

    threading.Thread(target=run, daemon=True).start()
    common.bar(steps())
    return report.result()


def _offline(data: Path, places: dict[str, str], **how: bool) -> tuple[Callable[[], Doc], Callable[[], Doc]]:
    """The work on a folder itself, and what says how far it is."""
    import msgspec

    from kunsthalle.cli.log_format import set_up
    from kunsthalle.operator.doctor.findings import Progress
    from kunsthalle.operator.doctor.routes import progress_response

    set_up("error")
    progress = Progress()

    def work() -> Doc:
        try:
            return examine(data, progress=progress, **places, **how)  # type: ignore[arg-type]  # named by the options
        except folder.NoSuchWorld as error:
            raise click.ClickException(f"{data} contains no data.") from error
        except folder.FolderInUse as error:
            raise click.ClickException(f"A server uses {data}. Stop it, or leave out --offline.") from error
        except MasterKeyError as error:
            raise click.ClickException(str(error)) from error

    return work, lambda: msgspec.to_builtins(progress_response(progress))
