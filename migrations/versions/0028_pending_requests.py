"""How many requests may wait for one practitioner and one day."""

import sqlalchemy as sa
from alembic import op

revision = "0028_pending_requests"
down_revision = "0027_stream"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "portal_settings",
        sa.Column("pending_requests_per_day", sa.Integer(), server_default=sa.text("20"), nullable=False),
    )
    # The column is new and full of its default: there is nothing to scan for long.
    op.create_check_constraint(
        op.f("ck_portal_settings_pending_requests_per_day"),
        "portal_settings",
        "pending_requests_per_day BETWEEN 1 AND 200",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_portal_settings_pending_requests_per_day"), "portal_settings")
    op.drop_column("portal_settings", "pending_requests_per_day")
