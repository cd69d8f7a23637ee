"""How a practice's portal is set, and its feature switches."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table

revision = "0004_portal"
down_revision = "0003_practices"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "portal_settings",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("enabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("slug", sa.Text(), nullable=True),
        sa.Column("allow_client_signup", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("allow_staff_set_credentials", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("invitation_ttl_days", sa.Integer(), server_default=sa.text("7"), nullable=False),
        sa.Column("late_within_minutes", sa.Integer(), server_default=sa.text("1440"), nullable=False),
        sa.Column("closed_within_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unverified_request_limit", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("second_factor", sa.Text(), server_default=sa.text("'optional'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "second_factor IN ('optional', 'staff', 'everyone')", name="ck_portal_settings_second_factor"
        ),
        sa.CheckConstraint("invitation_ttl_days BETWEEN 1 AND 30", name="ck_portal_settings_invitation_ttl_days"),
        sa.CheckConstraint(
            "late_within_minutes >= 0 AND closed_within_minutes >= 0", name="ck_portal_settings_cancellation"
        ),
        sa.CheckConstraint(
            "unverified_request_limit BETWEEN 0 AND 1", name="ck_portal_settings_unverified_request_limit"
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_portal_settings_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", name="pk_portal_settings"),
    )
    create_practice_table(
        "feature_setting",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=True),
        sa.Column("set_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "feature IN ('appointment_requests', 'appointment_cancellation', 'secure_messaging', 'client_uploads', 'online_payments', 'video')",
            name="ck_feature_setting_feature",
        ),
        sa.CheckConstraint("scope IN ('practice', 'practitioner', 'client')", name="ck_feature_setting_scope"),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_feature_setting_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "scope", "subject_id", "feature", name="pk_feature_setting"),
    )


def downgrade() -> None:
    op.drop_table("feature_setting")
    op.drop_table("portal_settings")
