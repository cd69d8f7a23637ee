"""Onboarding: the practice's flow, each client's copy of it, what clients say of themselves, their insurance."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0025_onboarding"
down_revision = "0024_assessments"
branch_labels = None
depends_on = None


def _client_columns() -> tuple[sa.Column, ...]:
    return (
        sa.Column("middle_name", sa.Text(), nullable=True),
        sa.Column("sex", sa.Text(), nullable=True),
        sa.Column("gender_identity", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("other_phones", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("address", postgresql.JSONB(), nullable=True),
        sa.Column("emergency_contact", postgresql.JSONB(), nullable=True),
        sa.Column("contact_preferences", postgresql.JSONB(), nullable=True),
        sa.Column("self_pay", sa.Boolean(), nullable=True),
    )


def _id(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str, *, nullable: bool = False, default: str | None = None) -> sa.Column:
    server_default = None if default is None else sa.text(f"'{default}'")
    return sa.Column(name, sa.Text(), server_default=server_default, nullable=nullable)


def _moment(name: str) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=True)


def _mutable() -> tuple[sa.Column, ...]:
    moments = (
        sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
        for name in ("created_at", "updated_at")
    )
    return (*moments, sa.Column("version", sa.Integer(), server_default="1", nullable=False))


def _refers_to(table: str, parent: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id", column],
        [f"{parent}.practice_id", f"{parent}.id"],
        name=f"fk_{table}_practice_id_{column}",
    )


def upgrade() -> None:
    for column in _client_columns():
        op.add_column("client", column)
    # The column is new and empty: there is nothing to scan for long.
    op.create_check_constraint(op.f("ck_client_sex"), "client", "sex IN ('female', 'male', 'other', 'unknown')")
    _client_change()
    _insurance_policy()
    _onboarding()
    _video_consent()


def _client_change() -> None:
    create_practice_table(
        "client_change",
        _id("practice_id"),
        _id("id"),
        _id("client_id"),
        _id("account_id"),
        _text("relationship"),
        _text("state", default="pending"),
        sa.Column("fields", postgresql.JSONB(), nullable=False),
        _moment("closed_at"),
        *_mutable(),
        sa.CheckConstraint(
            "state IN ('pending', 'accepted', 'rejected', 'partly_accepted')", name="ck_client_change_state"
        ),
        _refers_to("client_change", "client", "client_id"),
        _refers_to("client_change", "account", "account_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_client_change"),
        client_owned=True,
    )
    op.create_index(
        "uq_client_change_open",
        "client_change",
        ["practice_id", "client_id", "account_id"],
        unique=True,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.create_index(
        "ix_client_change_queue", "client_change", ["practice_id", "id"], postgresql_where=sa.text("state = 'pending'")
    )
    op.create_index("ix_client_change_client", "client_change", ["practice_id", "client_id", "id"])


def _insurance_policy() -> None:
    create_practice_table(
        "insurance_policy",
        _id("practice_id"),
        _id("id"),
        _id("client_id"),
        _text("type", default="primary"),
        _text("relationship", default="self"),
        _text("insurance_type", default="commercial"),
        _text("payer"),
        _text("payer_id", nullable=True),
        _text("plan_name", nullable=True),
        _text("member_id"),
        _text("group_number", nullable=True),
        sa.Column("subscriber", postgresql.JSONB(), nullable=True),
        sa.Column("effective_date", sa.Date(), nullable=True),
        sa.Column("end_date", sa.Date(), nullable=True),
        _id("front_document_id", nullable=True),
        _id("back_document_id", nullable=True),
        _text("state", default="unreviewed"),
        _id("added_by", nullable=True),
        _text("added_by_kind"),
        _moment("reviewed_at"),
        _id("reviewed_by", nullable=True),
        _text("rejection_reason", nullable=True),
        *_mutable(),
        sa.CheckConstraint("type IN ('primary', 'secondary', 'tertiary')", name="ck_insurance_policy_type"),
        sa.CheckConstraint(
            "relationship IN ('self', 'spouse', 'child', 'parent', 'other')", name="ck_insurance_policy_relationship"
        ),
        sa.CheckConstraint(
            "insurance_type IN ('commercial', 'medicare', 'medicaid', 'military', 'workers_compensation',"
            " 'employee_assistance', 'other')",
            name="ck_insurance_policy_insurance_type",
        ),
        sa.CheckConstraint(
            "state IN ('unreviewed', 'accepted', 'rejected', 'withdrawn')", name="ck_insurance_policy_state"
        ),
        sa.CheckConstraint("end_date >= effective_date", name="ck_insurance_policy_dates"),
        _refers_to("insurance_policy", "client", "client_id"),
        _refers_to("insurance_policy", "document", "front_document_id"),
        _refers_to("insurance_policy", "document", "back_document_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_insurance_policy"),
        client_owned=True,
    )
    op.create_index("ix_insurance_policy_client", "insurance_policy", ["practice_id", "client_id", "id"])


def _onboarding() -> None:
    create_practice_table(
        "onboarding_flow",
        _id("practice_id"),
        sa.Column("steps", postgresql.JSONB(), nullable=False),
        sa.Column("client_information", postgresql.JSONB(), nullable=False),
        sa.Column("adult_age", sa.Integer(), server_default=sa.text("18"), nullable=False),
        *_mutable(),
        sa.CheckConstraint("adult_age BETWEEN 12 AND 30", name="ck_onboarding_flow_adult_age"),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_onboarding_flow_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", name="pk_onboarding_flow"),
    )
    create_practice_table(
        "client_onboarding",
        _id("practice_id"),
        _id("client_id"),
        _text("state", default="pending"),
        _text("source"),
        sa.Column("audience", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("flow_version", sa.Integer(), nullable=False),
        _moment("started_at"),
        _moment("completed_at"),
        _id("completed_by", nullable=True),
        *_mutable(),
        sa.CheckConstraint("state IN ('pending', 'in_progress', 'completed')", name="ck_client_onboarding_state"),
        sa.CheckConstraint(
            "source IN ('invitation', 'credentials', 'association', 'guardian', 'staff')",
            name="ck_client_onboarding_source",
        ),
        _refers_to("client_onboarding", "client", "client_id"),
        sa.PrimaryKeyConstraint("practice_id", "client_id", name="pk_client_onboarding"),
        client_owned=True,
    )
    op.create_index(
        "ix_client_onboarding_open",
        "client_onboarding",
        ["practice_id", "client_id"],
        postgresql_where=sa.text("completed_at IS NULL"),
    )
    create_practice_table(
        "onboarding_step",
        _id("practice_id"),
        _id("client_id"),
        _text("key"),
        sa.Column("position", sa.Integer(), nullable=False),
        _text("kind"),
        _text("title"),
        _text("text", nullable=True),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("skippable", sa.Boolean(), nullable=False),
        _text("filled_in_by", nullable=True),
        sa.Column("fields", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        _id("form_assignment_id", nullable=True),
        _id("practice_document_id", nullable=True),
        _id("document_id", nullable=True),
        _moment("saved_at"),
        _id("saved_by", nullable=True),
        _moment("acknowledged_at"),
        _moment("skipped_at"),
        _id("skipped_by", nullable=True),
        sa.Column("skipped_by_staff", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        *_mutable(),
        sa.CheckConstraint(
            "kind IN ('profile', 'demographics', 'contact', 'preferences', 'insurance', 'consent', 'intake',"
            " 'assessment', 'document', 'upload', 'statement')",
            name="ck_onboarding_step_kind",
        ),
        _refers_to("onboarding_step", "form_assignment", "form_assignment_id"),
        sa.ForeignKeyConstraint(
            ["practice_id", "practice_document_id"],
            ["practice_document.practice_id", "practice_document.id"],
            name="fk_onboarding_step_practice_document",
        ),
        _refers_to("onboarding_step", "document", "document_id"),
        sa.CheckConstraint("filled_in_by IN ('self', 'guardian')", name="ck_onboarding_step_filled_in_by"),
        _refers_to("onboarding_step", "client", "client_id"),
        sa.PrimaryKeyConstraint("practice_id", "client_id", "key", name="pk_onboarding_step"),
        client_owned=True,
    )
    op.create_index("ix_onboarding_step_assignment", "onboarding_step", ["practice_id", "form_assignment_id"])


def _video_consent() -> None:
    table = "portal_settings"
    op.add_column(table, _text("video_consent_gate", default="off"))
    op.add_column(table, _id("video_consent_form_template_id", nullable=True))
    # The columns are new and full of their defaults: there is nothing to scan for long.
    op.create_check_constraint(
        op.f("ck_portal_settings_video_consent_gate"), table, "video_consent_gate IN ('off', 'warn', 'block')"
    )
    op.create_foreign_key(
        op.f("fk_portal_settings_video_consent"),
        table,
        "form_template",
        ["practice_id", "video_consent_form_template_id"],
        ["practice_id", "id"],
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_portal_settings_video_consent"), "portal_settings")
    op.drop_constraint(op.f("ck_portal_settings_video_consent_gate"), "portal_settings")
    op.drop_column("portal_settings", "video_consent_form_template_id")
    op.drop_column("portal_settings", "video_consent_gate")
    for table in ("onboarding_step", "client_onboarding", "onboarding_flow", "insurance_policy", "client_change"):
        op.drop_table(table)
    op.drop_constraint(op.f("ck_client_sex"), "client")
    for column in reversed(_client_columns()):
        op.drop_column("client", column.name)
