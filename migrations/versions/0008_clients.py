"""Clients, assignments, grants and the history of portal access."""

import sqlalchemy as sa
from alembic import op
from practice_tables import CLIENTS, KIND, create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0008_clients"
down_revision = "0007_staff"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "client",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("preferred_name", sa.Text(), nullable=True),
        sa.Column("pronouns", sa.Text(), nullable=True),
        sa.Column("date_of_birth", sa.Date(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("email_norm", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.Text(), nullable=True),
        sa.Column(
            "external_ids",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("is_test", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("portal_state", sa.Text(), server_default=sa.text("'none'"), nullable=False),
        sa.Column("search_text", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("date_of_birth > DATE '1850-01-01'", name="ck_client_date_of_birth"),
        sa.CheckConstraint(
            "portal_state IN ('none', 'invited', 'active', 'suspended', 'revoked')",
            name="ck_client_portal_state",
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_client_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_client"),
    )
    op.execute(
        f"CREATE POLICY client ON client AS RESTRICTIVE USING ({KIND} <> 'client' OR id = ANY ({CLIENTS}::uuid[]))"
    )
    op.create_index("ix_client_birth", "client", ["practice_id", "date_of_birth"], unique=False)
    op.create_index("ix_client_email", "client", ["practice_id", "email_norm"], unique=False)
    op.create_index("ix_client_phone", "client", ["practice_id", "phone"], unique=False)
    op.create_index("ix_client_updated", "client", ["practice_id", "updated_at", "id"], unique=False)
    create_practice_table(
        "client_identifier",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_client_identifier_practice_id_client_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "system", "value", name="pk_client_identifier"),
        client_owned=True,
    )
    op.create_index("ix_client_identifier_client", "client_identifier", ["practice_id", "client_id"], unique=False)
    create_practice_table(
        "client_assignment",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_client_assignment_practice_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "practitioner_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_client_assignment_practice_id_practitioner_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "client_id", "practitioner_id", name="pk_client_assignment"),
        client_owned=True,
    )
    op.create_index(
        "ix_client_assignment_practitioner",
        "client_assignment",
        ["practice_id", "practitioner_id", "client_id"],
        unique=False,
    )
    create_practice_table(
        "client_grant",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("relationship", sa.Text(), server_default=sa.text("'self'"), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("granted_by", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "source IN ('invitation', 'credentials', 'association', 'guardian')",
            name="ck_client_grant_source",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_client_grant_practice_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_client_grant_practice_id_client_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_client_grant"),
        client_owned=True,
    )
    op.create_index(
        "uq_client_grant_active",
        "client_grant",
        ["practice_id", "account_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index(
        "uq_client_grant_self",
        "client_grant",
        ["practice_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL AND relationship = 'self'"),
    )
    create_practice_table(
        "portal_access_change",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state IN ('none', 'invited', 'active', 'suspended', 'revoked')",
            name="ck_portal_access_change_state",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_portal_access_change_practice_id_client_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_portal_access_change"),
        client_owned=True,
        append_only=True,
    )
    op.create_index(
        "ix_portal_access_change_client",
        "portal_access_change",
        ["practice_id", "client_id", "id"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("portal_access_change")
    op.drop_table("client_grant")
    op.drop_table("client_assignment")
    op.drop_table("client_identifier")
    op.drop_table("client")
