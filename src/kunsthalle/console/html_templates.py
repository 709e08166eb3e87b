"""Templates: Jinja2 over `html/`, escaped, with what every page needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from kunsthalle.console import static
from kunsthalle.console.forms import picked
from kunsthalle.console.navigation import MENU
from kunsthalle.core.clock import moment

FOLDER = Path(__file__).parent / "html"


_NOTHING = "\N{EN DASH}"


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals |= {"static": static.address, "menu": MENU, "form_field": _form_field, "refusal": _refusal}
    made.filters |= {"moment": _moment, "bytes": _bytes, "words": _words, "picked": picked, "ends": _ends}
    made.globals["ui"] = made.get_template("ui.html").module
    return made


_visit: ContextVar[Any] = ContextVar("visit")
"""Whose page is being rendered: the pieces of pages are macros without a context of their own."""


def _refusal(path: str) -> str:
    """Why the visitor would be refused what a page of the console is for; '' where nothing is known against it."""
    return str(_visit.get().refusal(path))


def render(template: str, part: str, **values: Any) -> Iterator[str]:
    """A template in pieces, the first of which is the head; or one live part of it: the block `live_<part>`."""
    _visit.set(values["visit"])
    page_template = environment().get_template(template)
    block = page_template.blocks.get(f"live_{part}") if part else None
    if block is not None:
        yield "".join(block(page_template.new_context(values)))
        return
    pieces, head = page_template.generate(**values), []
    for piece in pieces:
        head.append(piece)
        if "</head>" in piece:
            break
    yield "".join(head)
    yield "".join(pieces)


def _form_field(visit: Any) -> Markup:
    """What every form that changes something must carry."""
    return Markup('<input type="hidden" name="form_token" value="{}">').format(visit.form_token)


def _moment(text: str | None) -> Markup | str:
    """An RFC 3339 moment, to be read by people and machines."""
    if not text:
        return _NOTHING
    try:
        moment(text)
    except ValueError:
        return text
    return Markup('<time datetime="{}">{} {} UTC</time>').format(text, text[:10], text[11:16])


def _bytes(count: int | None) -> str:
    """A number of bytes in the unit that reads best."""
    if count is None:
        return _NOTHING
    value = float(count)
    for db_session in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{value:.0f} {db_session}" if db_session == "B" else f"{value:.1f} {db_session}"
        value /= 1024
    return f"{value:.1f} TiB"


_SHORT, _LAST = 40, 14
"""Characters: what is no longer is never shortened; so many at the end are always seen."""


def _ends(text: str) -> tuple[str, str]:
    """What of a text is shortened where there is no room, and what is not: together they are the whole text."""
    return (text[:-_LAST], text[-_LAST:]) if len(text) > _SHORT else ("", text)


def _words(text: str) -> str:
    """`deprecate_pending` as a reader says it."""
    return text.replace("_", " ").replace("-", " ").capitalize()
