"""What was made of images: the questions that `catalogs.explain` counts, for the tables of instances and disks.

Rows are counted by the references that each keeps, in the database: no row of another account is loaded, and no id,
name or secret of one leaves it.
"""

from __future__ import annotations

from collections.abc import Iterator

from kunsthalle.block_storage.tables import snapshots, volumes
from kunsthalle.catalogs.explain import RUNNING, Marks, Question
from kunsthalle.db.scope_conditions import exists
from kunsthalle.instances.bare_metal.tables import servers as bare_metal
from kunsthalle.instances.groups.tables import groups as instance_groups
from kunsthalle.instances.tables import instances, templates


def questions(marks: Marks) -> Iterator[Question]:
    """One for each kind of resource that can be made of an image."""
    made = Marks(marks.image_ids)
    yield "servers", instances, made.named(instances.c.image)
    yield RUNNING, instances, made.named(instances.c.image) & (instances.c.status == "running")
    yield "bare_metal_servers", bare_metal, made.named(bare_metal.c.image)
    yield "templates", templates, marks.named(templates.c.prototype)
    of_them = exists(templates, templates.c.id == instance_groups.c.template_id, marks.named(templates.c.prototype))
    yield "instance_groups", instance_groups, of_them
    yield "volumes", volumes, made.named(volumes.c.source_image)
    yield "snapshots", snapshots, snapshots.c.source_image_id.in_(marks.image_ids)
