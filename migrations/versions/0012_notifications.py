"""The mail delivery log."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table

revision = "0012_notifications"
down_revision = "0011_audit"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "mail_delivery",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("smtp_code", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('queued', 'sent', 'bounced', 'failed')", name="ck_mail_delivery_state"),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_mail_delivery_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_mail_delivery"),
    )
    op.create_index("ix_mail_delivery_subject", "mail_delivery", ["practice_id", "subject_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("mail_delivery")
