"""Safety alerts, and what a practice says about assessments."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table

revision = "0024_assessments"
down_revision = "0023_signatures"
branch_labels = None
depends_on = None

OPEN = "acknowledged_at IS NULL"


def upgrade() -> None:
    create_practice_table(
        "safety_alert",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("form_assignment_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("item_key", sa.Text(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "(acknowledged_at IS NULL) = (acknowledged_by IS NULL)", name="ck_safety_alert_acknowledged"
        ),
        sa.CheckConstraint("note IS NULL OR acknowledged_at IS NOT NULL", name="ck_safety_alert_note"),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_safety_alert_practice_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "form_assignment_id"],
            ["form_assignment.practice_id", "form_assignment.id"],
            name="fk_safety_alert_practice_id_form_assignment_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_safety_alert"),
        client_owned=True,
    )
    op.create_index(
        "uq_safety_alert_open",
        "safety_alert",
        ["practice_id", "form_assignment_id", "rule"],
        unique=True,
        postgresql_where=sa.text(OPEN),
    )
    op.create_index("ix_safety_alert_assignment", "safety_alert", ["practice_id", "form_assignment_id"])
    op.create_index("ix_safety_alert_client", "safety_alert", ["practice_id", "client_id", "id"])
    op.create_index("ix_safety_alert_open", "safety_alert", ["practice_id", "id"], postgresql_where=sa.text(OPEN))
    op.add_column(
        "portal_settings",
        sa.Column("assessment_scores_visible", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.add_column(
        "portal_settings",
        sa.Column("assessment_escalation_hours", sa.Integer(), server_default=sa.text("4"), nullable=False),
    )
    # The column is new and full of its default: there is nothing to scan for long.
    op.create_check_constraint(
        op.f("ck_portal_settings_assessment_escalation_hours"),
        "portal_settings",
        "assessment_escalation_hours BETWEEN 1 AND 72",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_portal_settings_assessment_escalation_hours"), "portal_settings")
    op.drop_column("portal_settings", "assessment_escalation_hours")
    op.drop_column("portal_settings", "assessment_scores_visible")
    op.drop_table("safety_alert")
