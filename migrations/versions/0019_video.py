"""Video sessions: when they can be joined, and who came."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table

revision = "0019_video"
down_revision = "0018_reminders"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "video_participant",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("is_host", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("admitted_by", sa.Uuid(), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("connection", sa.Text(), nullable=True),
        sa.CheckConstraint("is_host = (client_id IS NULL)", name="ck_video_participant_host"),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_video_participant_practice_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "appointment_id"],
            ["appointment.practice_id", "appointment.id"],
            name="fk_video_participant_practice_id_appointment_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_video_participant_practice_id_client_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_video_participant"),
        client_owned=True,
    )
    op.create_index(
        "uq_video_participant_person",
        "video_participant",
        ["practice_id", "appointment_id", "starts_at", "account_id", "client_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    for name, default in (("video_opens_minutes_before", "30"), ("video_closes_minutes_after", "30")):
        op.add_column("portal_settings", sa.Column(name, sa.Integer(), server_default=sa.text(default), nullable=False))
    op.add_column(
        "portal_settings",
        sa.Column("video_waiting_room", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    # The columns are new and full of their defaults: there is nothing to scan for long.
    op.create_check_constraint(
        op.f("ck_portal_settings_video_window"),
        "portal_settings",
        "video_opens_minutes_before BETWEEN 0 AND 240 AND video_closes_minutes_after BETWEEN 0 AND 240",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_portal_settings_video_window"), "portal_settings")
    op.drop_column("portal_settings", "video_waiting_room")
    op.drop_column("portal_settings", "video_closes_minutes_after")
    op.drop_column("portal_settings", "video_opens_minutes_before")
    op.drop_table("video_participant")
