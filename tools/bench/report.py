"""Figures, as a table on the terminal and as generated sections of docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from tools.bench.processes import ROOT

PAGE = ROOT / "docs" / "benchmarks.md"
_HEAD = ("What", "Measured", "Against", "Ratio", "Bound", "Held")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line. `measured` and `against` are absolute figures with their units; only `ratio` travels."""

    what: str
    measured: str
    against: str = ""
    ratio: float | None = None
    bound: str = ""
    held: bool | None = None

    def cells(self) -> tuple[str, ...]:
        ratio = "" if self.ratio is None else f"{self.ratio:.3g}"
        held = {None: "", True: "yes", False: "**no**"}[self.held]
        return (self.what, self.measured, self.against, ratio, self.bound, held)


@dataclass(frozen=True, slots=True)
class Section:
    """What one bench found. `method` is how, in a sentence or two; `notes` what the reader must know beside."""

    name: str
    title: str
    method: str
    figures: list[Figure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table with aligned columns."""
    rows = [_HEAD, *(figure.cells() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def machine() -> str:
    """The facts that absolute figures depend on."""
    model = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    parts = [
        f"{len(os.sched_getaffinity(0))} cores ({model[1] if model else platform.machine()})",
        f"Linux {platform.release().split('-')[0]}",
        f"Python {platform.python_version()}",
        f"SQLite {sqlite3.sqlite_version}",
        *(f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "sqlalchemy", "starlette")),
    ]
    return ", ".join(parts)


def _commit() -> str:
    found = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


def text(section: Section) -> str:
    notes = "".join(f"\n* {note}" for note in section.notes)
    return f"{section.method}\n\n{table(section.figures)}\n" + (f"{notes}\n" if notes else "")


def write(section: Section, date: str) -> None:
    """Replaces the section between its marks in docs/benchmarks.md, and leaves all else there alone."""
    begin, end = f"<!-- {section.name}: generated -->", f"<!-- {section.name}: end -->"
    page = PAGE.read_text()
    if begin not in page or end not in page:
        raise SystemExit(f"{PAGE} has no marks for the section {section.name}")
    head, tail = page.split(begin)[0], page.split(end)[1]
    stamp = f"{date}, commit {_commit()}. {machine()}."
    PAGE.write_text(f"{head}{begin}\n\n{stamp}\n\n{text(section)}\n{end}{tail}")
