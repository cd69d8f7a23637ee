"""Staff who look at the portal through a client's eyes."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table

revision = "0029_previews"
down_revision = "0028_pending_requests"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "preview",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("relationship", sa.Text(), nullable=False),
        sa.Column("permissions", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "actor_id"],
            ["account.practice_id", "account.id"],
            name="fk_preview_practice_id_actor_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "session_id"],
            ["auth_session.practice_id", "auth_session.id"],
            name="fk_preview_practice_id_session_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_preview_practice_id_client_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_preview"),
        staff_only=True,
    )


def downgrade() -> None:
    op.drop_table("preview")
