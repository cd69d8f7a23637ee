"""Invitations."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0009_invitations"
down_revision = "0008_clients"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "invitation",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_norm", sa.Text(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("generation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "features",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column(
            "form_template_ids",
            postgresql.ARRAY(sa.UUID()),
            server_default=sa.text("'{}'::uuid[]"),
            nullable=False,
        ),
        sa.Column(
            "document_ids",
            postgresql.ARRAY(sa.UUID()),
            server_default=sa.text("'{}'::uuid[]"),
            nullable=False,
        ),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("delivery", sa.Text(), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("delivered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_by", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("identity_attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("delivery IN ('queued', 'sent', 'bounced', 'failed')", name="ck_invitation_delivery"),
        sa.CheckConstraint("num_nonnulls(client_id, staff_id) = 1", name="ck_invitation_invitee"),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_invitation_practice_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "staff_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_invitation_practice_id_staff_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_invitation"),
        sa.UniqueConstraint("practice_id", "secret_hash", name="uq_invitation_secret_hash"),
        client_owned=True,
    )
    op.create_index("ix_invitation_client", "invitation", ["practice_id", "client_id", "id"], unique=False)
    op.create_index("ix_invitation_staff", "invitation", ["practice_id", "staff_id", "id"], unique=False)
    create_practice_table(
        "retired_secret",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invitation_id", sa.Uuid(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "invitation_id"],
            ["invitation.practice_id", "invitation.id"],
            name="fk_retired_secret_practice_id_invitation_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "secret_hash", name="pk_retired_secret"),
    )


def downgrade() -> None:
    op.drop_table("retired_secret")
    op.drop_table("invitation")
