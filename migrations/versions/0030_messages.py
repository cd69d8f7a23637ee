"""Secure messages: threads, who is in them, what is written, and what a practice says about it."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0030_messages"
down_revision = "0029_previews"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "thread",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("guardian_account_id", sa.Uuid(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("last_seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_message_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("confidential = (guardian_account_id IS NULL)", name="ck_thread_confidential"),
        sa.CheckConstraint("audience IN ('clinical', 'administrative', 'billing')", name="ck_thread_audience"),
        sa.ForeignKeyConstraint(
            ["practice_id", "guardian_account_id"],
            ["account.practice_id", "account.id"],
            name="fk_thread_practice_id_guardian_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"], ["client.practice_id", "client.id"], name="fk_thread_practice_id_client_id"
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_thread"),
        client_owned=True,
        confidential=True,
    )
    op.create_index("ix_thread_client", "thread", ["practice_id", "client_id", "last_message_at", "id"], unique=False)
    op.create_index("ix_thread_latest", "thread", ["practice_id", "last_message_at", "id"], unique=False)
    create_practice_table(
        "thread_participant",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("read_seq", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("joined_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_thread_participant_practice_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "thread_id"],
            ["thread.practice_id", "thread.id"],
            name="fk_thread_participant_practice_id_thread_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "staff_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_thread_participant_practice_id_staff_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "thread_id", "account_id", name="pk_thread_participant"),
        client_owned=True,
        confidential=True,
    )
    op.create_index(
        "ix_thread_participant_account", "thread_participant", ["practice_id", "account_id", "thread_id"], unique=False
    )
    create_practice_table(
        "thread_message",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("author_kind", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.CheckConstraint("author_kind IN ('staff', 'client', 'automatic')", name="ck_thread_message_author_kind"),
        sa.ForeignKeyConstraint(
            ["practice_id", "staff_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_thread_message_practice_id_staff_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "author_id"],
            ["account.practice_id", "account.id"],
            name="fk_thread_message_practice_id_author_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "thread_id"],
            ["thread.practice_id", "thread.id"],
            name="fk_thread_message_practice_id_thread_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_thread_message"),
        client_owned=True,
        confidential=True,
        append_only=True,
    )
    op.create_index("uq_thread_message_seq", "thread_message", ["practice_id", "thread_id", "seq"], unique=True)
    create_practice_table(
        "message_attachment",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "thread_id"],
            ["thread.practice_id", "thread.id"],
            name="fk_message_attachment_practice_id_thread_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "message_id"],
            ["thread_message.practice_id", "thread_message.id"],
            name="fk_message_attachment_practice_id_message_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "document_id"],
            ["document.practice_id", "document.id"],
            name="fk_message_attachment_practice_id_document_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "message_id", "document_id", name="pk_message_attachment"),
        client_owned=True,
        confidential=True,
        append_only=True,
    )
    op.create_index(
        "ix_message_attachment_thread", "message_attachment", ["practice_id", "thread_id", "document_id"], unique=False
    )
    create_practice_table(
        "message_retraction",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("retracted_by", sa.Uuid(), nullable=False),
        sa.Column("retracted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "retracted_by"],
            ["account.practice_id", "account.id"],
            name="fk_message_retraction_practice_id_retracted_by",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "message_id"],
            ["thread_message.practice_id", "thread_message.id"],
            name="fk_message_retraction_practice_id_message_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "message_id", name="pk_message_retraction"),
        client_owned=True,
        confidential=True,
        append_only=True,
    )
    create_practice_table(
        "out_of_office",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name="ck_out_of_office_range"),
        sa.ForeignKeyConstraint(
            ["practice_id", "staff_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_out_of_office_practice_id_staff_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "staff_id", name="pk_out_of_office"),
    )
    create_practice_table(
        "out_of_office_reply",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "thread_id"],
            ["thread.practice_id", "thread.id"],
            name="fk_out_of_office_reply_practice_id_thread_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "staff_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_out_of_office_reply_practice_id_staff_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "thread_id", "staff_id", "starts_at", name="pk_out_of_office_reply"),
        append_only=True,
    )
    create_practice_table(
        "messaging_policy",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("clients_may", sa.Text(), server_default=sa.text("'start'"), nullable=False),
        sa.Column("office_hours", postgresql.JSONB(), nullable=True),
        sa.Column("expected_response_hours", sa.Integer(), nullable=True),
        sa.Column("emergency_notice", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "expected_response_hours BETWEEN 1 AND 720", name="ck_messaging_policy_expected_response_hours"
        ),
        sa.CheckConstraint("clients_may IN ('start', 'reply')", name="ck_messaging_policy_clients_may"),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_messaging_policy_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", name="pk_messaging_policy"),
    )


def downgrade() -> None:
    op.drop_table("messaging_policy")
    op.drop_table("out_of_office_reply")
    op.drop_table("out_of_office")
    op.drop_table("message_retraction")
    op.drop_table("message_attachment")
    op.drop_table("thread_message")
    op.drop_table("thread_participant")
    op.drop_table("thread")
