"""Appointments, requests, and the one table that holds time: no double booking by any path."""

import sqlalchemy as sa
from alembic import op
from practice_tables import CLIENTS, KIND, create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0014_appointments"
down_revision = "0013_scheduling"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    create_practice_table(
        "appointment_request",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("prospect_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'requested'"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("displaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("offered_by", sa.Uuid(), nullable=True),
        sa.Column("offer_message", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decision_message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("mode IN ('in_person', 'video')", name="ck_appointment_request_mode"),
        sa.CheckConstraint(
            "state IN ('held', 'requested', 'accepted', 'declined', 'withdrawn', 'expired')",
            name="ck_appointment_request_state",
        ),
        sa.CheckConstraint("num_nonnulls(client_id, prospect_id) > 0", name="ck_appointment_request_asker"),
        sa.CheckConstraint("starts_at < ends_at", name="ck_appointment_request_range"),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_appointment_request_practice_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "location_id"],
            ["location.practice_id", "location.id"],
            name="fk_appointment_request_practice_id_location_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "practitioner_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_appointment_request_practice_id_practitioner_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "prospect_id"],
            ["prospect.practice_id", "prospect.id"],
            name="fk_appointment_request_practice_id_prospect_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "service_id"],
            ["service.practice_id", "service.id"],
            name="fk_appointment_request_practice_id_service_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_appointment_request"),
        client_owned=True,
    )
    op.create_index(
        "ix_appointment_request_client", "appointment_request", ["practice_id", "client_id", "id"], unique=False
    )
    op.create_index(
        "ix_appointment_request_expiry",
        "appointment_request",
        ["practice_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('held', 'requested')"),
    )
    op.create_index(
        "ix_appointment_request_practitioner",
        "appointment_request",
        ["practice_id", "practitioner_id", "state", "id"],
        unique=False,
    )
    op.create_index(
        "ix_appointment_request_prospect", "appointment_request", ["practice_id", "prospect_id"], unique=False
    )
    op.create_index("ix_appointment_request_state", "appointment_request", ["practice_id", "state", "id"], unique=False)
    create_practice_table(
        "appointment_series",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("first_date", sa.Date(), nullable=False),
        sa.Column("start_minute", sa.Integer(), nullable=False),
        sa.Column("rrule", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "practitioner_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_appointment_series_practice_id_practitioner_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "service_id"],
            ["service.practice_id", "service.id"],
            name="fk_appointment_series_practice_id_service_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_appointment_series"),
    )
    create_practice_table(
        "appointment",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=True),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("client_ids", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'booked'"), nullable=False),
        sa.Column("state_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("allow_overlap", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("price_amount", sa.Integer(), nullable=True),
        sa.Column("price_currency", sa.Text(), nullable=True),
        sa.Column("late_within_minutes", sa.Integer(), nullable=False),
        sa.Column("closed_within_minutes", sa.Integer(), nullable=False),
        sa.Column("late_fee_amount", sa.Integer(), nullable=True),
        sa.Column("late_fee_currency", sa.Text(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_by", sa.Uuid(), nullable=True),
        sa.Column("cancelled_by_kind", sa.Text(), nullable=True),
        sa.Column("cancellation_reason", sa.Text(), nullable=True),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("sequence", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(cancelled_at IS NOT NULL) = (state IN ('cancelled', 'late_cancelled'))",
            name="ck_appointment_cancelled_at",
        ),
        sa.CheckConstraint(
            "cancelled_by_kind IN ('client', 'staff', 'system')", name="ck_appointment_cancelled_by_kind"
        ),
        sa.CheckConstraint("mode IN ('in_person', 'video')", name="ck_appointment_mode"),
        sa.CheckConstraint(
            "state IN ('booked', 'checked_in', 'attended', 'no_show', 'cancelled', 'late_cancelled')",
            name="ck_appointment_state",
        ),
        sa.CheckConstraint("(late_fee_amount IS NULL) = (late_fee_currency IS NULL)", name="ck_appointment_late_fee"),
        sa.CheckConstraint("(price_amount IS NULL) = (price_currency IS NULL)", name="ck_appointment_price"),
        sa.CheckConstraint("cardinality(client_ids) > 0", name="ck_appointment_clients"),
        sa.CheckConstraint(
            "late_within_minutes >= 0 AND closed_within_minutes >= 0", name="ck_appointment_cancellation"
        ),
        sa.CheckConstraint("starts_at < ends_at", name="ck_appointment_range"),
        sa.ForeignKeyConstraint(
            ["practice_id", "location_id"],
            ["location.practice_id", "location.id"],
            name="fk_appointment_practice_id_location_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "practitioner_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_appointment_practice_id_practitioner_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "request_id"],
            ["appointment_request.practice_id", "appointment_request.id"],
            name="fk_appointment_practice_id_request_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "room_id"], ["room.practice_id", "room.id"], name="fk_appointment_practice_id_room_id"
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "series_id"],
            ["appointment_series.practice_id", "appointment_series.id"],
            name="fk_appointment_practice_id_series_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "service_id"],
            ["service.practice_id", "service.id"],
            name="fk_appointment_practice_id_service_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_appointment"),
        sa.UniqueConstraint("practice_id", "id", "starts_at", name="uq_appointment_start"),
    )
    op.create_index(
        "ix_appointment_practitioner",
        "appointment",
        ["practice_id", "practitioner_id", "starts_at", "id"],
        unique=False,
    )
    op.create_index("ix_appointment_request", "appointment", ["practice_id", "request_id"], unique=False)
    op.create_index("ix_appointment_series", "appointment", ["practice_id", "series_id", "starts_at"], unique=False)
    op.create_index("ix_appointment_start", "appointment", ["practice_id", "starts_at", "id"], unique=False)
    op.create_index("ix_appointment_updated", "appointment", ["practice_id", "updated_at", "id"], unique=False)
    create_practice_table(
        "appointment_attendee",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("is_primary", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_appointment_attendee_practice_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "appointment_id", "starts_at"],
            ["appointment.practice_id", "appointment.id", "appointment.starts_at"],
            name="fk_appointment_attendee_appointment",
            onupdate="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_appointment_attendee_practice_id_client_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_appointment_attendee"),
        client_owned=True,
    )
    op.create_index(
        "ix_appointment_attendee_client",
        "appointment_attendee",
        ["practice_id", "client_id", "starts_at", "appointment_id"],
        unique=False,
    )
    op.create_index(
        "uq_appointment_attendee_client",
        "appointment_attendee",
        ["practice_id", "appointment_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("account_id IS NULL"),
    )
    op.create_index(
        "uq_appointment_attendee_guardian",
        "appointment_attendee",
        ["practice_id", "appointment_id", "client_id", "account_id"],
        unique=True,
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    create_practice_table(
        "calendar_claim",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Uuid(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("allow_overlap", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("practice_id"), "="),
            (sa.column("practitioner_id"), "="),
            (sa.text("tstzrange(blocked_from, blocked_until)"), "&&"),
            where=sa.text("NOT allow_overlap"),
            using="gist",
            name="ex_calendar_claim_practitioner",
        ),
        postgresql.ExcludeConstraint(
            (sa.column("practice_id"), "="),
            (sa.column("room_id"), "="),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text("NOT allow_overlap AND room_id IS NOT NULL"),
            using="gist",
            name="ex_calendar_claim_room",
        ),
        sa.CheckConstraint("blocked_until - blocked_from <= interval '48 hours'", name="ck_calendar_claim_length"),
        sa.CheckConstraint(
            "blocked_from <= starts_at AND starts_at < ends_at AND ends_at <= blocked_until",
            name="ck_calendar_claim_range",
        ),
        sa.CheckConstraint("num_nonnulls(appointment_id, request_id) = 1", name="ck_calendar_claim_holder"),
        sa.ForeignKeyConstraint(
            ["practice_id", "appointment_id"],
            ["appointment.practice_id", "appointment.id"],
            name="fk_calendar_claim_practice_id_appointment_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "practitioner_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_calendar_claim_practice_id_practitioner_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "request_id"],
            ["appointment_request.practice_id", "appointment_request.id"],
            name="fk_calendar_claim_practice_id_request_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "room_id"], ["room.practice_id", "room.id"], name="fk_calendar_claim_practice_id_room_id"
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "service_id"],
            ["service.practice_id", "service.id"],
            name="fk_calendar_claim_practice_id_service_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_calendar_claim"),
    )
    op.create_index(
        "ix_calendar_claim_practitioner",
        "calendar_claim",
        ["practice_id", "practitioner_id", "blocked_from"],
        unique=False,
        postgresql_include=["blocked_until", "expires_at"],
    )
    op.create_index("ix_calendar_claim_room", "calendar_claim", ["practice_id", "room_id", "starts_at"], unique=False)
    op.create_index("uq_calendar_claim_appointment", "calendar_claim", ["practice_id", "appointment_id"], unique=True)
    op.create_index("uq_calendar_claim_request", "calendar_claim", ["practice_id", "request_id"], unique=True)
    op.execute(
        "CREATE POLICY client ON appointment AS RESTRICTIVE"
        f" USING ({KIND} <> 'client' OR client_ids && {CLIENTS}::uuid[])"
    )


def downgrade() -> None:
    op.drop_table("calendar_claim")
    op.drop_table("appointment_attendee")
    op.drop_table("appointment")
    op.drop_table("appointment_series")
    op.drop_table("appointment_request")
