"""Staff members and supervision."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0007_staff"
down_revision = "0006_auth"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "staff_member",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("credentials", sa.Text(), nullable=True),
        sa.Column("roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'invited'"), nullable=False),
        sa.Column("state_changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "roles <@ ARRAY['owner', 'admin', 'practitioner', 'supervisor', 'intern', 'biller', 'scheduler', 'forms_admin']::text[] AND cardinality(roles) > 0",
            name="ck_staff_member_roles",
        ),
        sa.CheckConstraint("state IN ('invited', 'active', 'suspended', 'removed')", name="ck_staff_member_state"),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_staff_member_practice_id_account_id",
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_staff_member_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_staff_member"),
        sa.UniqueConstraint("practice_id", "account_id", name="uq_staff_member_account"),
    )
    create_practice_table(
        "supervision",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("supervisor_id", sa.Uuid(), nullable=False),
        sa.Column("supervised_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "supervised_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_supervision_practice_id_supervised_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "supervisor_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_supervision_practice_id_supervisor_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "supervisor_id", "supervised_id", name="pk_supervision"),
    )


def downgrade() -> None:
    op.drop_table("supervision")
    op.drop_table("staff_member")
