"""Aligned columns for terminals, one printer for all commands. JSON beside it is `display.to_json`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kunsthalle.local.display import escape

Paint = Callable[[str], str]
"""Puts a colour around a text."""


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    import unicodedata  # most texts are ASCII, and commands start sooner without

    characters = [character for character in text if not unicodedata.combining(character)]
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in characters)


def line(value: object) -> str:
    """Return a value as one line that no terminal takes for a command: names are what callers typed."""
    return escape(str(value).replace("\t", " ").replace("\n", " "))


def grid(
    rows: Sequence[Sequence[str]], *, gap: int, header: Paint | None = None, first: Paint | None = None
) -> list[str]:
    """Return lines of aligned rows, `gap` blanks between columns; the last column is not padded.

    A cell of several lines leaves its neighbours empty below. `header` paints the cells of the first row, `first` the
    first column of all others. The cells must be escaped already.
    """
    flat: list[list[str]] = []
    for row in rows:
        split = [cell.split("\n") for cell in row]
        depth = max((len(parts) for parts in split), default=0)
        flat += [[parts[at] if at < len(parts) else "" for parts in split] for at in range(depth)]
    widths = [max((width(row[at]) for row in flat), default=0) for at in range(len(rows[0]) if rows else 0)]
    return [_line(row, widths, gap, header if number == 0 else None, first) for number, row in enumerate(flat)]


def _line(row: list[str], widths: list[int], gap: int, header: Paint | None, first: Paint | None) -> str:
    padded = [cell + " " * (widths[at] + gap - width(cell)) for at, cell in enumerate(row)]
    if padded:
        padded[-1] = row[-1]
    if header is not None:
        padded = [header(cell) for cell in padded]
    elif first is not None and padded and row[0]:
        padded[0] = first(padded[0])
    return "".join(padded) if first is not None else "".join(padded).rstrip()
