"""`kunsthalle images`: how far an import is, until it has ended; QCOW2 images made of other formats; a sample."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from kunsthalle.cli import common
from kunsthalle.core.disk_formats import CONVERTED
from kunsthalle.local.text_tables import line

Doc = dict[str, Any]
_PAUSE_SECONDS = 0.2
_FAILED = 1
_ENDED = ("done", "failed")


@click.group()
def images() -> None:
    """Make and convert image files, and watch imports.

    \b
    kunsthalle images sample golden.qcow2
    kunsthalle images convert golden.vmdk
    kunsthalle images watch golden
    """


@images.command()
@click.argument("image")
@common.DATA
@common.ACCOUNT
@common.OUTPUT
def watch(image: str, data: Path, account: str, output: str) -> None:
    """Show the progress of the import of IMAGE (a name or an id) until it ends. Exit code 1 if it failed.

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


@images.command()
@click.argument("file", type=click.Path(path_type=Path))
def sample(file: Path) -> None:
    """Write a small generated image to FILE, to try the server with: a QCOW2 disk of 10 GiB that boots.

    Its boot sector writes one line on the serial console and halts. It is the image of `kunsthalle demo`.

    \b
    kunsthalle images sample "$KUNSTHALLE_BUCKETS/images/golden.qcow2"
    """
    from kunsthalle.cli import demo_disk

    try:
        demo_disk.write(file)
    except FileExistsError as error:
        raise click.ClickException(f"{file} exists; name another file.") from error
    except FileNotFoundError as error:
        raise click.ClickException(f"{file}: there is no folder {file.parent}; make it, or name another.") from error
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    click.echo(f"{file}: {file.stat().st_size:,} bytes; qcow2 disk of {demo_disk.SIZE:,} bytes")


@images.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--output", type=click.Path(path_type=Path), help="QCOW2 file to write  [default: FILE with .qcow2]")
@click.option("--format", "kind", type=click.Choice(CONVERTED), help="Format of FILE; needed for raw disks")
@click.option("--force", is_flag=True, help="Replace the output if it exists")
def convert(file: Path, output: Path | None, kind: str | None, *, force: bool) -> None:
    """Write the disk in FILE, of a format that --format lists, as a QCOW2 image, which can be imported. Needs qemu-img.

    \b
    kunsthalle images convert golden.vmdk
    kunsthalle images convert --format raw --output golden.qcow2 disk.img
    """
    from kunsthalle.disk_images.conversion import to_qcow2
    from kunsthalle.disk_images.file_refusals import Refused, ToolFailed
    from kunsthalle.disk_images.limits import Limits
    from kunsthalle.disk_images.qemu_img import find_tools

    tools = find_tools()
    if tools is None:
        raise click.ClickException("qemu-img is missing. On Debian and Ubuntu: apt-get install qemu-utils")
    target = (output or file.with_suffix(".qcow2")).absolute()
    try:
        made = to_qcow2(file.absolute(), target, Limits(), tools, format=kind, replace=force)
    except FileExistsError as error:
        raise click.ClickException(f"{target} exists; name another file with --output, or add --force.") from error
    except (Refused, ToolFailed) as error:
        raise click.ClickException(f"{file}: {error.message}") from error
    except OSError as error:
        raise click.ClickException(f"{error.filename or file}: {error.strerror}") from error
    click.echo(f"{target}: {made.size:,} bytes; {made.format} disk of {made.virtual_size:,} bytes")


def _until_ended(ask: Callable[[], Doc]) -> Iterator[Doc]:
    while True:
        answer = ask()
        yield answer
        if answer["phase"] in _ENDED:
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
    reasons = " ".join(status_reason["message"] for status_reason in step["status_reasons"])
    size = f" of {step['total_bytes'] / 2**20:.1f} MiB" if "total_bytes" in step else ""
    return line(f"{step['status']}: {step['phase']} {step['percent']} %{size} {reasons}".rstrip())
