"""Who has made what of an image: numbers by account, and nothing else.

The rooms of servers and disks stand to the right. Their rows are counted by the references that each keeps, in the
database: no row of another account is loaded, and no id, name or secret of one leaves it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Column, ColumnElement, Table, Text, or_, type_coerce

from kunsthalle.accounts.queries import account
from kunsthalle.store.schema.groups import groups as instance_groups
from kunsthalle.store.schema.instances import instances, templates
from kunsthalle.store.schema.metal import servers as bare_metal
from kunsthalle.store.schema.storage import snapshots, volumes
from kunsthalle.store.scope import exists
from kunsthalle.store.tables import numbers_by
from kunsthalle.store.unit import Unit

RUNNING = "running_servers"
KINDS = ("servers", RUNNING, "bare_metal_servers", "templates", "instance_groups", "volumes", "snapshots")
Uses = dict[str, dict[str, int]]
"""By account, how many things of each of `KINDS` it has made of what was asked about."""


@dataclass(frozen=True, slots=True)
class Marks:
    """By what the things of other rooms mean an image: its id, and the CRNs through which templates mean it."""

    image_ids: Collection[str]
    crns: Collection[str] = field(default=())

    def named(self, column: Column[object]) -> ColumnElement[bool]:
        """Documents of a column with one of the marks in them; a text that somebody chose is never taken for one."""
        document = type_coerce(column, Text)
        pairs = [f'"id":"{one}"' for one in self.image_ids] + [f'"crn":"{one}"' for one in self.crns]
        return or_(*(document.contains(pair, autoescape=True) for pair in pairs))


def _questions(marks: Marks) -> Iterator[tuple[str, Table, ColumnElement[bool]]]:
    made = Marks(marks.image_ids)
    yield "servers", instances, made.named(instances.c.image)
    yield RUNNING, instances, made.named(instances.c.image) & (instances.c.status == "running")
    yield "bare_metal_servers", bare_metal, made.named(bare_metal.c.image)
    yield "templates", templates, marks.named(templates.c.prototype)
    of_them = exists(templates, templates.c.id == instance_groups.c.template_id, marks.named(templates.c.prototype))
    yield "instance_groups", instance_groups, of_them
    yield "volumes", volumes, made.named(volumes.c.source_image)
    yield "snapshots", snapshots, snapshots.c.source_image_id.in_(marks.image_ids)


def uses(unit: Unit, marks: Marks) -> Uses:
    """What every account has made of images; accounts without anything are left out."""
    found: Uses = defaultdict(lambda: dict.fromkeys(KINDS, 0))
    if marks.image_ids:
        for kind, table, where in _questions(marks):
            for account_id, number in numbers_by(unit, table.c.account_id, where):
                found[account_id][kind] = number
    return dict(found)


def servers(unit: Unit, image_ids: Collection[str]) -> list[tuple[str, int]]:
    """How many servers were made from images, by account: the most first."""
    if not image_ids:
        return []
    found = numbers_by(unit, instances.c.account_id, Marks(image_ids).named(instances.c.image))
    return sorted(found, key=lambda one: (-one[1], one[0]))


def name_of(unit: Unit, account_id: str) -> str:
    """The name of an account that has made something, cancelled or not."""
    known = account(unit, account_id)
    return known.name if known else "(unknown)"
