"""Reminders of appointments."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0018_reminders"
down_revision = "0017_calendars"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "reminder_settings",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("offsets", postgresql.ARRAY(sa.Integer()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=True),
        sa.Column("quiet_until", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(quiet_from IS NULL) = (quiet_until IS NULL) AND quiet_from <> quiet_until",
            name="ck_reminder_settings_quiet",
        ),
        sa.CheckConstraint(
            "quiet_from BETWEEN 0 AND 1439 AND quiet_until BETWEEN 0 AND 1439",
            name="ck_reminder_settings_quiet_minutes",
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_reminder_settings_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", name="pk_reminder_settings"),
    )
    create_practice_table(
        "reminder_preference",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("channels", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_reminder_preference_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "recipient_id", name="pk_reminder_preference"),
    )
    create_practice_table(
        "reminder",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offset_minutes", sa.Integer(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'planned'"), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("channel IN ('email')", name="ck_reminder_channel"),
        sa.CheckConstraint("state IN ('planned', 'sending', 'sent', 'bounced', 'dropped')", name="ck_reminder_state"),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_reminder_practice_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "appointment_id"],
            ["appointment.practice_id", "appointment.id"],
            name="fk_reminder_practice_id_appointment_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_reminder_practice_id_client_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_reminder"),
        sa.UniqueConstraint(
            "practice_id",
            "appointment_id",
            "starts_at",
            "offset_minutes",
            "recipient_id",
            "channel",
            name="uq_reminder_once",
        ),
        client_owned=True,
    )
    op.create_index(
        "ix_reminder_open",
        "reminder",
        ["practice_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('planned', 'sending')"),
    )
    op.create_index("ix_reminder_client", "reminder", ["practice_id", "client_id"], unique=False)
    op.add_column("service", sa.Column("reminder_offsets_minutes", postgresql.ARRAY(sa.Integer()), nullable=True))


def downgrade() -> None:
    op.drop_column("service", "reminder_offsets_minutes")
    op.drop_table("reminder")
    op.drop_table("reminder_preference")
    op.drop_table("reminder_settings")
