"""`kunsthalle report`: a page made of a transcript."""

from __future__ import annotations

from pathlib import Path

import click

from kunsthalle.cli import common
from kunsthalle.cli.record_verb import OUT, check_writable
from kunsthalle.local import display


@click.command()
@click.argument("transcript", type=click.Path(path_type=Path))
@OUT
@click.option("--title", default="", help="Title of the page; default: the name of the file")
def report(transcript: Path, out: Path, title: str) -> None:
    """Make one HTML page of a TRANSCRIPT that `kunsthalle record` has written.

    \b
    kunsthalle report run.txt -o run.html

    The page shows a timeline for each account, the states of images and versions, moves of the clock, faults, and every
    call with its bodies. It is one file without scripts that asks for nothing from anywhere, in light and dark, and it
    can be printed.
    """
    from kunsthalle.transcripts.page import page_of
    from kunsthalle.transcripts.parsing import BadTranscript, read
    from kunsthalle.transcripts.recorder import write_text

    check_writable(out)
    try:
        page = page_of(read(transcript), title or transcript.name)
    except BadTranscript as error:
        raise common.Refused(display.escape(str(error))) from error
    if str(out) == "-":
        click.echo(page.encode("utf-8", "backslashreplace"), nl=False)  # half a character of JSON
        return
    try:
        write_text(page, out)
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror or error}.") from error
