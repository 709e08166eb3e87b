"""`kunsthalle diff`: what two saved states differ in."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kunsthalle.cli import common
from kunsthalle.local.text_tables import line

if TYPE_CHECKING:
    from kunsthalle.operator.state_differences import Difference

_SIGNS = {"added": "+", "changed": "~", "removed": "-"}
_PATIENCE = 600


class _Unanswered(common.Refused):
    """As of `diff`: 2 says that there was no comparison."""


@click.command()
@click.argument("before")
@click.argument("after", default="")
@common.data_option(resolved=False)
@click.option(
    "--format",
    "--output",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="Format",
)
def diff(before: str, after: str, data: Path | None, form: str) -> None:
    """Show what was added, changed and removed between two saved states, by account and kind.

    BEFORE and AFTER are names of saved scenarios, or files that `scenario save --file` wrote. Without AFTER, BEFORE is
    compared with what the running server holds now. Ends with 0 if they are the same, 1 if they differ, 2 if they
    cannot be compared.

    \b
    kunsthalle scenario save before
    terraform apply
    kunsthalle diff before
    kunsthalle diff before.khs after.khs --format json
    """
    from kunsthalle.operator.state_differences import CannotCompare, compare

    try:
        with _places(data, before, after) as (first, second):
            differences = compare(first, second)
    except CannotCompare as error:
        raise _Unanswered(line(error)) from error
    except click.ClickException as error:
        raise _Unanswered(error.message) from error
    click.echo(_document(differences) if form == "json" else "\n".join(_told(differences)))
    sys.exit(1 if differences else 0)


@contextlib.contextmanager
def _places(data: Path | None, before: str, after: str) -> Iterator[tuple[Path, Path]]:
    """Where the two are. What the server holds now is saved for as long as it is looked at."""
    if after:
        yield _place(data, before), _place(data, after)
        return
    folder = common.find_data(data)
    first, name = _place(folder, before), f"diff-{os.getpid()}"
    try:
        common.operate(folder, "POST", "/_kunsthalle/scenarios", {"name": name, "replace": True}, timeout=_PATIENCE)
        yield first, _place(folder, name)
    finally:
        with contextlib.suppress(click.ClickException):  # where it could not be saved there is nothing to take away
            common.operate(folder, "DELETE", f"/_kunsthalle/scenarios/{name}")


def _place(data: Path | None, text: str) -> Path:
    from kunsthalle.operator.saved_states import FOLDER, NAME

    if "/" in text or Path(text).is_file():
        return Path(text)
    place = common.find_data(data) / FOLDER / text
    if not NAME.fullmatch(text) or not place.is_dir():
        raise _Unanswered(f"There is no file {text!r}, and no saved scenario of that name: kunsthalle scenario list.")
    return place


def _document(differences: list[Difference]) -> str:
    counts = {change: sum(difference.change == change for difference in differences) for change in _SIGNS}
    shown = [{**asdict(difference), "fields": _values(difference)} for difference in differences]
    return common.as_json({"summary": counts, "differences": shown})


def _values(difference: Difference) -> dict[str, object]:
    """Of a field that is not shown: null."""
    return {name: values and {"before": values[0], "after": values[1]} for name, values in difference.fields.items()}


def _told(differences: list[Difference]) -> Iterator[str]:
    for account, ones in groupby(differences, key=lambda difference: difference.account):
        yield line(f"{account or '(no account)'}")
        yield from (_line(difference) for difference in ones)
    counts = ", ".join(
        f"{sum(difference.change == change for difference in differences)} {change}" for change in _SIGNS
    )
    yield f"{counts}." if differences else "No differences."


def _line(difference: Difference) -> str:
    name = f"{difference.kind} {difference.name}".rstrip()
    head = f"  {_SIGNS[difference.change]} {name} ({difference.id})"
    fields = (
        f"{key}: {values[0]} -> {values[1]}" if values else key for key, values in sorted(difference.fields.items())
    )
    return line(head + (": " + "; ".join(fields) if difference.fields else ""))
