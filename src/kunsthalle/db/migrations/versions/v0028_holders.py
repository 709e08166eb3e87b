"""Images are found by who holds them, and routes by their VPC, without a look at everybody's."""

from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_index("ix_images_hold_crn", "images", ["hold_crn"])
    op.create_index("ix_routes_vpc_id", "routes", ["vpc_id"])
