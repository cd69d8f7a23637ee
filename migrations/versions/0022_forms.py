"""Forms: templates, versions that never change, what clients are given, and rules by which it comes again."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0022_forms"
down_revision = "0021_documents"
branch_labels = None
depends_on = None

KINDS = "'consent', 'intake', 'assessment', 'treatment_plan'"
STATES = "'assigned', 'in_progress', 'submitted', 'locked', 'withdrawn', 'expired', 'declined'"
OPEN = "state IN ('assigned', 'in_progress')"


def upgrade() -> None:
    _templates()
    _versions()
    _recurrences()
    _assignments()


def downgrade() -> None:
    for table in ("form_assignment", "form_recurrence", "form_version", "form_template"):
        op.drop_table(table)


def _templates() -> None:
    create_practice_table(
        "form_template",
        *_ids(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("system", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("published_number", sa.Integer(), nullable=True),
        sa.Column("draft", postgresql.JSONB(), nullable=True),
        sa.Column("copied_from", sa.Uuid(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        *_mutable(),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="ck_form_template_kind"),
        sa.CheckConstraint("state IN ('draft', 'published', 'archived')", name="ck_form_template_state"),
        sa.CheckConstraint("system = (key IS NOT NULL)", name="ck_form_template_key"),
        sa.CheckConstraint("state <> 'published' OR published_number IS NOT NULL", name="ck_form_template_published"),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_form_template_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_form_template"),
        sa.UniqueConstraint("practice_id", "key", name="uq_form_template_key"),
    )
    op.create_index("ix_form_template_title", "form_template", ["practice_id", "title", "id"], unique=False)


def _versions() -> None:
    create_practice_table(
        "form_version",
        *_ids(),
        sa.Column("form_template_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("definition", postgresql.JSONB(), nullable=False),
        sa.Column("scoring", postgresql.JSONB(), nullable=True),
        sa.Column("signers", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("about", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        _within("form_version", "form_template", "form_template_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_form_version"),
        sa.UniqueConstraint("practice_id", "form_template_id", "number", name="uq_form_version_number"),
        append_only=True,
    )


def _recurrences() -> None:
    create_practice_table(
        "form_recurrence",
        *_ids(),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("form_template_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("settings", postgresql.JSONB(), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        *_mutable(),
        sa.CheckConstraint("rule IN ('every_days', 'before_appointment')", name="ck_form_recurrence_rule"),
        sa.CheckConstraint("(rule = 'every_days') = (next_on IS NOT NULL)", name="ck_form_recurrence_next_on"),
        sa.CheckConstraint("days > 0", name="ck_form_recurrence_days"),
        _within("form_recurrence", "client", "client_id"),
        _within("form_recurrence", "form_template", "form_template_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_form_recurrence"),
        client_owned=True,
    )
    op.create_index(
        "ix_form_recurrence_live",
        "form_recurrence",
        ["practice_id", "rule", "next_on", "id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("ix_form_recurrence_client", "form_recurrence", ["practice_id", "client_id"], unique=False)


def _assignments() -> None:
    empty = sa.text("'{}'::jsonb")
    create_practice_table(
        "form_assignment",
        *_ids(),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("form_template_id", sa.Uuid(), nullable=False),
        sa.Column("form_version_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("state", sa.Text(), server_default=sa.text("'assigned'"), nullable=False),
        sa.Column("state_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_changed_by", sa.Uuid(), nullable=True),
        sa.Column("state_reason", sa.Text(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("signers", postgresql.JSONB(), server_default=sa.text("'[]'::jsonb"), nullable=False),
        sa.Column("values", postgresql.JSONB(), server_default=empty, nullable=False),
        sa.Column("answers", postgresql.JSONB(), server_default=empty, nullable=False),
        sa.Column("score", postgresql.JSONB(), nullable=True),
        sa.Column("recurrence_id", sa.Uuid(), nullable=True),
        sa.Column("occurrence", sa.Text(), nullable=True),
        sa.Column("assigned_by", sa.Uuid(), nullable=True),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_by", sa.Uuid(), nullable=True),
        sa.Column("submitted_by_kind", sa.Text(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        *_mutable(),
        sa.CheckConstraint(f"state IN ({STATES})", name="ck_form_assignment_state"),
        sa.CheckConstraint("submitted_by_kind IN ('client', 'staff')", name="ck_form_assignment_submitted_by_kind"),
        sa.CheckConstraint("(recurrence_id IS NULL) = (occurrence IS NULL)", name="ck_form_assignment_occurrence"),
        *(_within("form_assignment", *to) for to in REFERENCES),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_form_assignment"),
        sa.UniqueConstraint("practice_id", "recurrence_id", "occurrence", name="uq_form_assignment_occurrence"),
        client_owned=True,
        confidential=True,
    )
    op.create_index("ix_form_assignment_client", "form_assignment", ["practice_id", "client_id", "id"], unique=False)
    op.create_index(
        "ix_form_assignment_template",
        "form_assignment",
        ["practice_id", "form_template_id", "client_id", "id"],
        unique=False,
    )
    op.create_index(
        "ix_form_assignment_expiry",
        "form_assignment",
        ["practice_id", "expires_at"],
        unique=False,
        postgresql_where=sa.text(OPEN),
    )


REFERENCES = (
    ("client", "client_id"),
    ("form_template", "form_template_id"),
    ("form_version", "form_version_id"),
    ("account", "account_id"),
    ("form_recurrence", "recurrence_id"),
)


def _ids() -> tuple[Any, ...]:
    return (
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
    )


def _mutable() -> tuple[Any, ...]:
    now = sa.text("now()")
    return (
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=now, nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
    )


def _within(child: str, table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["practice_id", column],
        [f"{table}.practice_id", f"{table}.id"],
        name=f"fk_{child}_practice_id_{column}",
    )
