"""Locations, rooms, services, and when practitioners can be booked."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0013_scheduling"
down_revision = "0012_notifications"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "location",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("hide_address", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("directions", sa.Text(), nullable=True),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_location_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_location"),
    )
    op.create_index(
        "uq_location_name",
        "location",
        ["practice_id", "name"],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    create_practice_table(
        "room",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "location_id"],
            ["location.practice_id", "location.id"],
            name="fk_room_practice_id_location_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_room"),
    )
    op.create_index(
        "uq_room_name",
        "room",
        ["practice_id", "location_id", "name"],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    create_practice_table(
        "service",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("duration_minutes", sa.Integer(), nullable=False),
        sa.Column("buffer_before_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("buffer_after_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("modes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("min_notice_minutes", sa.Integer(), server_default=sa.text("1440"), nullable=False),
        sa.Column("horizon_days", sa.Integer(), server_default=sa.text("60"), nullable=False),
        sa.Column("slot_interval_minutes", sa.Integer(), nullable=True),
        sa.Column("fixed_start_minute", sa.Integer(), nullable=True),
        sa.Column("max_per_day", sa.Integer(), nullable=True),
        sa.Column("max_open_per_client", sa.Integer(), nullable=True),
        sa.Column("price_amount", sa.Integer(), nullable=True),
        sa.Column("price_currency", sa.Text(), nullable=True),
        sa.Column("late_cancellation_fee_amount", sa.Integer(), nullable=True),
        sa.Column("late_cancellation_fee_currency", sa.Text(), nullable=True),
        sa.Column("audience", sa.Text(), server_default=sa.text("'all'"), nullable=False),
        sa.Column("client_bookable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("audience IN ('all', 'existing', 'new')", name="ck_service_audience"),
        sa.CheckConstraint(
            "modes <@ ARRAY['in_person', 'video']::text[] AND cardinality(modes) > 0", name="ck_service_modes"
        ),
        sa.CheckConstraint(
            "(late_cancellation_fee_amount IS NULL) = (late_cancellation_fee_currency IS NULL)",
            name="ck_service_late_cancellation_fee",
        ),
        sa.CheckConstraint("(price_amount IS NULL) = (price_currency IS NULL)", name="ck_service_price"),
        sa.CheckConstraint(
            "buffer_before_minutes BETWEEN 0 AND 720 AND buffer_after_minutes BETWEEN 0 AND 720",
            name="ck_service_buffers",
        ),
        sa.CheckConstraint("duration_minutes BETWEEN 1 AND 1440", name="ck_service_duration"),
        sa.CheckConstraint("fixed_start_minute BETWEEN 0 AND 59", name="ck_service_fixed_start"),
        sa.CheckConstraint("max_per_day > 0 AND max_open_per_client > 0", name="ck_service_caps"),
        sa.CheckConstraint("min_notice_minutes >= 0 AND horizon_days BETWEEN 0 AND 730", name="ck_service_notice"),
        sa.CheckConstraint("slot_interval_minutes BETWEEN 1 AND 1440", name="ck_service_slot_interval"),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_service_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_service"),
    )
    op.create_index(
        "uq_service_name",
        "service",
        ["practice_id", "name"],
        unique=True,
        postgresql_where=sa.text("archived_at IS NULL"),
    )
    create_practice_table(
        "service_offer",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "practitioner_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_service_offer_practice_id_practitioner_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "service_id"],
            ["service.practice_id", "service.id"],
            name="fk_service_offer_practice_id_service_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "service_id", "practitioner_id", name="pk_service_offer"),
    )
    create_practice_table(
        "schedule",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column(
            "windows", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'::jsonb"), nullable=False
        ),
        sa.Column(
            "overrides", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("max_per_day", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("max_per_day > 0", name="ck_schedule_max_per_day"),
        sa.ForeignKeyConstraint(
            ["practice_id", "practitioner_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_schedule_practice_id_practitioner_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "practitioner_id", name="pk_schedule"),
    )
    create_practice_table(
        "time_off",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name="ck_time_off_range"),
        sa.ForeignKeyConstraint(
            ["practice_id", "practitioner_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_time_off_practice_id_practitioner_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_time_off"),
    )
    op.create_index(
        "ix_time_off_practitioner",
        "time_off",
        ["practice_id", "practitioner_id", "ends_at"],
        unique=False,
        postgresql_include=["starts_at"],
    )
    create_practice_table(
        "busy_time",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name="ck_busy_time_range"),
        sa.ForeignKeyConstraint(
            ["practice_id", "practitioner_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_busy_time_practice_id_practitioner_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_busy_time"),
    )
    op.create_index(
        "ix_busy_time_practitioner",
        "busy_time",
        ["practice_id", "practitioner_id", "ends_at"],
        unique=False,
        postgresql_include=["starts_at"],
    )
    op.create_index("ix_busy_time_source", "busy_time", ["practice_id", "source_id"], unique=False)
    op.add_column(
        "portal_settings",
        sa.Column("allow_new_client_requests", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.add_column(
        "portal_settings", sa.Column("request_ttl_hours", sa.Integer(), server_default=sa.text("72"), nullable=False)
    )
    # The column is new and full of its default: there is nothing to scan for long.
    op.create_check_constraint(
        op.f("ck_portal_settings_request_ttl_hours"), "portal_settings", "request_ttl_hours BETWEEN 1 AND 720"
    )


def downgrade() -> None:
    op.drop_table("busy_time")
    op.drop_table("time_off")
    op.drop_table("schedule")
    op.drop_table("service_offer")
    op.drop_table("service")
    op.drop_table("room")
    op.drop_table("location")
    op.drop_constraint(op.f("ck_portal_settings_request_ttl_hours"), "portal_settings")
    op.drop_column("portal_settings", "request_ttl_hours")
    op.drop_column("portal_settings", "allow_new_client_requests")
