"""Accounts, sessions, refresh tokens and one-time secrets."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0006_auth"
down_revision = "0005_retries"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "account",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_norm", sa.Text(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("password_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("email_verified_by", sa.Uuid(), nullable=True),
        sa.Column("must_change_password", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("starter_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("suspended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("second_factor_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("kind IN ('staff', 'client')", name="ck_account_kind"),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_account_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_account"),
        sa.UniqueConstraint("practice_id", "email_norm", name="uq_account_email"),
    )
    create_practice_table(
        "totp_credential",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_step", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_totp_credential_practice_id_account_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "account_id", name="pk_totp_credential"),
    )
    create_practice_table(
        "recovery_code",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_recovery_code_practice_id_account_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "account_id", "code_hash", name="pk_recovery_code"),
    )
    create_practice_table(
        "auth_session",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("delivery", sa.Text(), nullable=False),
        sa.Column("device_label", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("ip", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("methods", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("idle_expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("delivery IN ('body', 'cookie')", name="ck_auth_session_delivery"),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_auth_session_practice_id_account_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_auth_session"),
    )
    op.create_index(
        "ix_auth_session_account",
        "auth_session",
        ["practice_id", "account_id", "id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    create_practice_table(
        "refresh_token",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("successor_hash", sa.LargeBinary(), nullable=True),
        sa.Column("sealed_successor", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["practice_id", "session_id"],
            ["auth_session.practice_id", "auth_session.id"],
            name="fk_refresh_token_practice_id_session_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "token_hash", name="pk_refresh_token"),
    )
    op.create_index("ix_refresh_token_session", "refresh_token", ["practice_id", "session_id"], unique=False)
    create_practice_table(
        "known_device",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("ip", sa.Text(), nullable=False),
        sa.Column("agent_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_known_device_practice_id_account_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_known_device"),
        sa.UniqueConstraint("practice_id", "token_hash", name="uq_known_device_token_hash"),
    )
    op.create_index("ix_known_device_account", "known_device", ["practice_id", "account_id", "id"], unique=False)
    create_practice_table(
        "one_time_secret",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("code_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "purpose IN ('email_verification', 'password_reset', 'email_change', 'email_revert')",
            name="ck_one_time_secret_purpose",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_one_time_secret_practice_id_account_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_one_time_secret"),
        sa.UniqueConstraint("practice_id", "secret_hash", name="uq_one_time_secret_hash"),
    )
    op.create_index(
        "ix_one_time_secret_account",
        "one_time_secret",
        ["practice_id", "account_id", "purpose"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("one_time_secret")
    op.drop_table("known_device")
    op.drop_table("refresh_token")
    op.drop_table("auth_session")
    op.drop_table("recovery_code")
    op.drop_table("totp_credential")
    op.drop_table("account")
