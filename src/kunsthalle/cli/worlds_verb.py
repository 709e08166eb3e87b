"""`kunsthalle worlds`: a server that hands out clean worlds, for test runners."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import click

from kunsthalle.settings import BadSetting, Settings, parse

TOKEN = "KUNSTHALLE_WORLDS_TOKEN"  # noqa: S105  the name of a variable
_WORKERS = 2
"""Threads that run the jobs of a world; each more takes a millisecond to start."""


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=0, show_default=True, help="0 selects a free port")
@click.option("--scenario", default="enterprise", show_default=True, help="Scenario that each world begins with")
@click.option("--clock", default="system", show_default=True, help="As for serve")
@click.option("--hypervisor", default="simulated", show_default=True, help="As for serve")
@click.option("--ready", type=click.IntRange(0, 64), default=2, show_default=True, help="Worlds made ahead")
@click.option("--with-parent", is_flag=True, help="End when standard input is closed")
def worlds(port: int, ready: int, with_parent: bool, **changes: str) -> None:
    """Serve clean worlds to test runners: each has its own port, database and clock, and ends with its test.

    The first line on standard output is a JSON object with the address and the token that test runners need
    (KUNSTHALLE_WORLDS_URL, KUNSTHALLE_WORLDS_TOKEN). A token in the environment is used; else one is made.
    """
    from kunsthalle.cli.common import Refused

    try:
        chosen = {name: parse(name, text) for name, text in changes.items()}
        settings = Settings(
            data=Path("unused"),
            port=port,
            log="warning",
            log_format="json",
            workers=_WORKERS,
            refusal_pause=0,  # who tests refusals does not want to wait for them
            **chosen,
        )
    except BadSetting as error:
        raise Refused(str(error)) from error
    gc.disable()  # until all is loaded: loading makes almost no garbage, and the collector would look for it
    try:
        from kunsthalle.cli.world_host import run

        run(settings, ready=ready, token=os.environ.get(TOKEN, ""), with_parent=with_parent)
    finally:
        gc.enable()
