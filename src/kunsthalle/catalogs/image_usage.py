"""Who has made what of an image: numbers by account, and nothing else.

Instances and disks are in higher layers, which hand in what is to be counted. Their rows are counted by the references
that each keeps, in the database: no row of another account is loaded, and no id, name or secret of one leaves it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from sqlalchemy import Column, ColumnElement, Table, Text, or_, type_coerce

from kunsthalle.accounts.queries import account
from kunsthalle.db.session import Session
from kunsthalle.db.unscoped import numbers_by

RUNNING = "running_servers"
KINDS = ("servers", RUNNING, "bare_metal_servers", "templates", "instance_groups", "volumes", "snapshots")
Uses = dict[str, dict[str, int]]
"""By account, how many resources of each of `KINDS` it has made of what was asked about."""


@dataclass(frozen=True, slots=True)
class Marks:
    """By what the resources of other packages mean an image: its id, and the CRNs through which templates mean it."""

    image_ids: Collection[str]
    crns: Collection[str] = field(default=())

    def named(self, column: Column[object]) -> ColumnElement[bool]:
        """Documents of a column with one of the marks in them; a text that somebody chose is never taken for one."""
        document = type_coerce(column, Text)
        pairs = [f'"id":"{one}"' for one in self.image_ids] + [f'"crn":"{one}"' for one in self.crns]
        return or_(*(document.contains(pair, autoescape=True) for pair in pairs))


Question = tuple[str, Table, ColumnElement[bool]]
"""One of `KINDS`, the table that has such resources, and which rows were made of what is asked about."""


@dataclass(frozen=True, slots=True)
class ImageUsage:
    """Counts what was made of images. `questions` comes from the packages whose tables hold it."""

    questions: Callable[[Marks], Iterable[Question]]

    def by_account(self, session: Session, marks: Marks) -> Uses:
        """What every account has made of images; accounts without anything are left out."""
        found: Uses = defaultdict(lambda: dict.fromkeys(KINDS, 0))
        if marks.image_ids:
            for kind, table, where in self.questions(marks):
                for account_id, number in numbers_by(session, table.c.account_id, where):
                    found[account_id][kind] = number
        return dict(found)

    def instances_by_account(self, session: Session, image_ids: Collection[str]) -> list[tuple[str, int]]:
        """How many instances were made from images, by account: the most first."""
        if not image_ids:
            return []
        asked = (one for one in self.questions(Marks(image_ids)) if one[0] == "servers")
        found = [row for _, table, where in asked for row in numbers_by(session, table.c.account_id, where)]
        return sorted(found, key=lambda one: (-one[1], one[0]))


def name_of(session: Session, account_id: str) -> str:
    """The name of an account that has made something, cancelled or not."""
    known = account(session, account_id)
    return known.name if known else "(unknown)"
