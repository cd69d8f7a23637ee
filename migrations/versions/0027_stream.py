"""Where an event stands in the order of commits."""

import sqlalchemy as sa
from alembic import op

revision = "0027_stream"
down_revision = "0026_notifications"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Without a default at first: a volatile one would write the whole table anew.
    op.add_column("event", sa.Column("xact", sa.BigInteger(), nullable=True))
    op.alter_column("event", "xact", server_default=sa.text("pg_current_xact_id()::text::bigint"))
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_event_xact",
            "event",
            ["practice_id", "xact", "id"],
            unique=False,
            postgresql_where=sa.text("xact IS NOT NULL"),
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    op.drop_index("ix_event_xact", "event")
    op.drop_column("event", "xact")
