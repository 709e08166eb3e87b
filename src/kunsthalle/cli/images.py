"""`kunsthalle images watch`: how far an import is, until it has ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from kunsthalle.cli import common

Doc = dict[str, Any]
_PAUSE_SECONDS = 0.2
_FAILED = 1
_ENDED = ("done", "failed")


@click.group()
def images() -> None:
    """Watch images on their way in.

    \b
    kunsthalle images watch golden
    """


@images.command()
@click.argument("image")
@common.DATA
@common.ACCOUNT
@common.OUTPUT
def watch(image: str, data: Path, account: str, output: str) -> None:
    """Show how far the import of IMAGE (a name or an id) is, until it has ended. Exit code 1 if it failed.

    \b
    kunsthalle images watch golden
    kunsthalle images watch golden --account consumer-a --output json
    """
    id_ = common.image_id(data, account, image)
    path = f"/_kunsthalle/images/{quote(id_, safe='')}/progress"
    steps = _until_ended(lambda: common.act(data, account, "GET", path))
    show = _as_json if output == "json" else _as_bar if common.is_terminal() else _as_lines
    last = show(steps)
    if last["phase"] == "failed":
        raise SystemExit(_FAILED)


def _until_ended(ask: Callable[[], Doc]) -> Iterator[Doc]:
    while True:
        found = ask()
        yield found
        if found["phase"] in _ENDED:
            return
        time.sleep(_PAUSE_SECONDS)


def _as_json(steps: Iterator[Doc]) -> Doc:
    """A line for each change, so that a program may read on."""
    import json

    last: Doc = {}
    for step in steps:
        if step != last:
            click.echo(json.dumps(step))
        last = step
    return last


def _as_lines(steps: Iterator[Doc]) -> Doc:
    last: Doc = {}
    for step in steps:
        if _line(step) != (_line(last) if last else ""):
            click.echo(_line(step))
        last = step
    return last


def _as_bar(steps: Iterator[Doc]) -> Doc:
    last = common.bar(steps)
    click.echo(_line(last))
    return last


def _line(step: Doc) -> str:
    reasons = " ".join(one["message"] for one in step["status_reasons"])
    size = f" of {step['total_bytes'] / 2**20:.1f} MiB" if "total_bytes" in step else ""
    return common.printable(f"{step['status']}: {step['phase']} {step['percent']} %{size} {reasons}".rstrip())
