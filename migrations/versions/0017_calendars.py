"""Calendar feeds, and the calendars that busy times come from."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table

revision = "0017_calendars"
down_revision = "0016_appointment_requests"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "calendar_feed",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("privacy", sa.Text(), server_default=sa.text("'initials'"), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "privacy IN ('none', 'initials', 'first_name', 'full_name')", name="ck_calendar_feed_privacy"
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_calendar_feed_practice_id_account_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_calendar_feed"),
        sa.UniqueConstraint("practice_id", "account_id", name="uq_calendar_feed_account"),
        sa.UniqueConstraint("practice_id", "secret_hash", name="uq_calendar_feed_secret"),
    )
    create_practice_table(
        "busy_calendar",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("sealed_address", sa.LargeBinary(), nullable=False),
        sa.Column("address_mac", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'pending'"), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("polled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expanded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("etag", sa.Text(), nullable=True),
        sa.Column("last_modified", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("state IN ('pending', 'ok', 'failing')", name="ck_busy_calendar_state"),
        sa.ForeignKeyConstraint(
            ["practice_id", "practitioner_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_busy_calendar_practice_id_practitioner_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_busy_calendar"),
        sa.UniqueConstraint("practice_id", "practitioner_id", "address_mac", name="uq_busy_calendar_address"),
    )
    op.create_index("ix_busy_calendar_due", "busy_calendar", ["practice_id", "next_poll_at"], unique=False)
    # The table came with the last release and nothing has written to it: there is nothing to scan.
    op.create_foreign_key(
        op.f("fk_busy_time_practice_id_source_id"),
        "busy_time",
        "busy_calendar",
        ["practice_id", "source_id"],
        ["practice_id", "id"],
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_busy_time_practice_id_source_id"), "busy_time", type_="foreignkey")
    op.drop_table("busy_calendar")
    op.drop_table("calendar_feed")
