"""What a message said after its author wrote it anew."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table

revision = "0036_message_edits"
down_revision = "0035_guardians"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "message_edit",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "message_id"],
            ["thread_message.practice_id", "thread_message.id"],
            name="fk_message_edit_practice_id_message_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "message_id", "number", name="pk_message_edit"),
        client_owned=True,
        confidential=True,
        append_only=True,
    )


def downgrade() -> None:
    op.drop_table("message_edit")
