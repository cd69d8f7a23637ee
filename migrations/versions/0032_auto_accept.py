"""Which requests for a service are accepted at once: none, unless the practice says so."""

import sqlalchemy as sa
from alembic import op

revision = "0032_auto_accept"
down_revision = "0031_signature_decisions"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("service", sa.Column("auto_accept", sa.Text(), server_default=sa.text("'none'"), nullable=False))
    # The column is new and full of its default: there is nothing to scan for long.
    op.create_check_constraint(
        op.f("ck_service_auto_accept"), "service", "auto_accept IN ('none', 'usual_time', 'existing')"
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_service_auto_accept"), "service")
    op.drop_column("service", "auto_accept")
