"""Answers kept for retries, and rate limits."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_global_table, create_practice_table

revision = "0005_retries"
down_revision = "0004_portal"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "idempotency_record",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("scope_hash", sa.LargeBinary(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("sealed_answer", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("practice_id", "scope_hash", name="pk_idempotency_record"),
    )
    op.create_index(
        "ix_idempotency_record_expires_at", "idempotency_record", ["practice_id", "expires_at"], unique=False
    )
    create_global_table(
        "rate_limit",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("arrival_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_rate_limit"),
        prefixes=["UNLOGGED"],
        grant="SELECT, INSERT, UPDATE, DELETE",
    )


def downgrade() -> None:
    op.drop_table("rate_limit")
    op.drop_table("idempotency_record")
