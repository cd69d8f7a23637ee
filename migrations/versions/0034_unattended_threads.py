"""Threads whose staff are gone, so that a colleague takes them over."""

import sqlalchemy as sa
from alembic import op

revision = "0034_unattended_threads"
down_revision = "0033_consents"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("thread", sa.Column("unattended_since", sa.DateTime(timezone=True), nullable=True))
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_thread_unattended",
            "thread",
            ["practice_id", "last_message_at", "id"],
            unique=False,
            postgresql_where=sa.text("unattended_since IS NOT NULL"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    op.drop_index("ix_thread_unattended", "thread")
    op.drop_column("thread", "unattended_since")
