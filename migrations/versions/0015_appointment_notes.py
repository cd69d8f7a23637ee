"""A note of the staff on an appointment, and whether clients move theirs themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0015_appointment_notes"
down_revision = "0014_appointments"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("appointment", sa.Column("note", sa.Text(), nullable=True))
    op.add_column(
        "portal_settings",
        sa.Column("allow_client_reschedule", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("portal_settings", "allow_client_reschedule")
    op.drop_column("appointment", "note")
