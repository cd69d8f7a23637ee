"""Events and their hash chain."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0011_audit"
down_revision = "0010_prospects"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "event",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), server_default=sa.text("'success'"), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("on_behalf_of", sa.Uuid(), nullable=True),
        sa.Column("resource_type", sa.Text(), nullable=True),
        sa.Column("resource_id", sa.Uuid(), nullable=True),
        sa.Column("client_ids", postgresql.ARRAY(sa.UUID()), server_default=sa.text("'{}'::uuid[]"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("ip", sa.Text(), nullable=True),
        sa.Column("user_agent_hash", sa.LargeBinary(), nullable=True),
        sa.Column("changed", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'::text[]"), nullable=False),
        sa.Column(
            "details",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.CheckConstraint("outcome IN ('success', 'failure', 'denied')", name="ck_event_outcome"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_event"),
        append_only=True,
    )
    op.create_index("ix_event_time", "event", ["practice_id", "occurred_at", "id"], unique=False)
    op.create_index("ix_event_actor", "event", ["practice_id", "actor_id", "occurred_at", "id"], unique=False)
    op.create_index("ix_event_type", "event", ["practice_id", "type", "occurred_at", "id"], unique=False)
    op.create_index(
        "ix_event_refused",
        "event",
        ["practice_id", "outcome", "occurred_at", "id"],
        unique=False,
        postgresql_where=sa.text("outcome <> 'success'"),
    )
    create_practice_table(
        "event_seal",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "event_id"],
            ["event.practice_id", "event.id"],
            name="fk_event_seal_practice_id_event_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "seq", name="pk_event_seal"),
        append_only=True,
    )
    op.create_index("uq_event_seal_event", "event_seal", ["practice_id", "event_id"], unique=True)
    create_practice_table(
        "event_subject",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_event_subject_practice_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "event_id"],
            ["event.practice_id", "event.id"],
            name="fk_event_subject_practice_id_event_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "client_id", "occurred_at", "event_id", name="pk_event_subject"),
        client_owned=True,
        append_only=True,
    )


def downgrade() -> None:
    op.drop_table("event_subject")
    op.drop_table("event_seal")
    op.drop_table("event")
