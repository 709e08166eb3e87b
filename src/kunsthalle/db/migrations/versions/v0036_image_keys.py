"""Images say with which root key their files are encrypted; those from before are with none."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    op.add_column("images", sa.Column("encryption_key", sa.String(512)))
    op.add_column("images", sa.Column("encrypted_data_key", sa.Text()))
    op.add_column("image_exports", sa.Column("encrypted_data_key", sa.Text()))
    op.create_index("ix_images_encryption_key", "images", ["encryption_key"])
