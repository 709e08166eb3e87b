"""Questions before something is done: one page for every action that needs no more than a yes."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import Response

from kunsthalle.console.api_client import segment
from kunsthalle.console.forms import Form
from kunsthalle.console.listing import Row
from kunsthalle.console.page_frame import Page, Visit, form
from kunsthalle.console.refusals import Rule, none
from kunsthalle.console.resource_shapes import Offer
from kunsthalle.core.records import dataclass

_PLACE = re.compile(r"\{\w+\}")


async def _as_it_is(_visit: Visit, _rows: list[Row]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Subject:
    """What can be asked about: its page (`/instances/{instance_id}`), its path in the API (`/v1/instances/{id}`), the
    entry of the menu that it belongs to, and what it is called, after `prepare` has added what the API tells elsewhere.
    """

    here: str
    api: str
    entry: str
    label: Callable[[Row], str] = lambda row: str(row["name"])
    prepare: Callable[[Visit, list[Row]], Awaitable[Any]] = _as_it_is

    def id(self, visit: Visit) -> str:
        return visit.id(self.here.rsplit("{", 1)[1][:-1])

    def at(self, visit: Visit, template: str = "") -> str:
        """The path of this one, or of another template that names it, and the visitor's account at most."""
        account = segment(visit.session.active if visit.session else "")
        names = {"{account_id}": account}
        return _PLACE.sub(lambda match: names.get(match[0]) or self.id(visit), template or self.api)

    async def find(self, visit: Visit) -> Any:
        row = await visit.api.get(self.at(visit))
        await self.prepare(visit, [row])
        return row


@dataclass(frozen=True, slots=True)
class Question:
    """A action: its word in addresses, what it is called, what it means, what is said afterwards, and the operation.

    `gone`: there is no page of the resource afterwards.
    """

    key: str
    label: str
    about: str
    done: str
    operation: str
    body: Any = None
    danger: bool = False
    gone: bool = False


def question(subject: Subject, entry: Question) -> tuple[Page, Page]:
    """The page that asks, and what the yes does."""
    method, _, path = entry.operation.partition(" ")

    async def show(visit: Visit, filled: Form) -> Response:
        told = {"label": subject.label(await subject.find(visit)), "back": subject.at(visit, subject.here)}
        return visit.form_page("question.html", filled, question=entry, entry=subject.entry, **told)

    async def submit(visit: Visit, _filled: Form) -> Response:
        await visit.api.send(method, subject.at(visit, path), entry.body)
        return visit.to(subject.entry if entry.gone else subject.at(visit, subject.here), entry.done, "info")

    return form(f"{subject.here}/{entry.key}", show, submit, entry.operation)


def acts(here: str, row: Row, *offered: Question, rule: Rule = none) -> list[Offer]:
    """The actions that are offered for a row whose page is given, and why the API would refuse them."""
    return [Offer(entry.label, f"{here}/{entry.key}", entry.danger, rule(row, entry.key)) for entry in offered]
