"""Jobs and the audit know on whose behalf; tags know their resource by kind and id."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_OTHER_NAMES = {"vpc-routing-table": "routing-table", "": "catalog"}


def upgrade() -> None:
    op.add_column("jobs", sa.Column("initiator", sa.String(length=128), nullable=True))
    op.add_column("jobs", sa.Column("trace", sa.String(length=64), nullable=True))
    op.add_column("audit", sa.Column("initiator", sa.String(length=128), nullable=True))
    op.add_column("tag_links", sa.Column("thing_kind", sa.String(length=32), nullable=True))
    op.add_column("tag_links", sa.Column("thing_id", sa.String(length=64), nullable=True))
    op.create_index("ix_tag_links_thing", "tag_links", ["thing_id", "type"], unique=False)
    _name_things()


def _name_things() -> None:
    """What a tag's CRN says of its resource: its kind, and its id, which is the last part of it."""
    links = sa.table("tag_links", *(sa.column(name) for name in ("crn", "thing_kind", "thing_id")))
    connection = op.get_bind()
    for (crn,) in connection.execute(sa.select(links.c.crn).distinct()).all():
        parts = crn.split(":", 9)
        if len(parts) != 10:
            continue
        kind, resource = parts[8], parts[9] or parts[7]
        named = {"thing_kind": _OTHER_NAMES.get(kind, kind)[:32], "thing_id": resource.rsplit("/", 1)[-1][:64]}
        connection.execute(links.update().where(links.c.crn == crn).values(named))
