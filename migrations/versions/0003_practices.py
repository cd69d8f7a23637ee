"""Practices and the links under which they are known."""

import sqlalchemy as sa
from alembic import op
from practice_tables import KIND, create_global_table, create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0003_practices"
down_revision = "0002_jobs"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "practice",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("hide_address", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "branding",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_practice"),
        key="id",
    )
    # The program itself lists practices to work through them one by one; it reads nothing else unbound.
    op.execute(f"CREATE POLICY directory ON practice FOR SELECT USING ({KIND} = 'system')")
    create_global_table(
        "practice_link",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("is_current", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_practice_link_practice_id"),
        sa.PrimaryKeyConstraint("slug", name="pk_practice_link"),
        grant="SELECT, INSERT, UPDATE",
    )
    op.create_index(
        "uq_practice_link_current",
        "practice_link",
        ["practice_id"],
        unique=True,
        postgresql_where=sa.text("is_current"),
    )


def downgrade() -> None:
    op.drop_table("practice_link")
    op.drop_table("practice")
