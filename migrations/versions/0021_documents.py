"""Stored files, documents of clients and of the practice, and what a practice says about them."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0021_documents"
down_revision = "0020_guardians"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_practice_table(
        "data_key",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_data_key_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_data_key"),
    )
    create_practice_table(
        "stored_file",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("data_key_id", sa.Uuid(), nullable=False),
        sa.Column("rendition_id", sa.Uuid(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("doomed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('uploading', 'scanning', 'clean', 'quarantined', 'rejected', 'not_scanned')",
            name="ck_stored_file_state",
        ),
        sa.CheckConstraint("size_bytes > 0", name="ck_stored_file_size_bytes"),
        sa.ForeignKeyConstraint(
            ["practice_id", "data_key_id"],
            ["data_key.practice_id", "data_key.id"],
            name="fk_stored_file_practice_id_data_key_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "rendition_id"],
            ["stored_file.practice_id", "stored_file.id"],
            name="fk_stored_file_practice_id_rendition_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_stored_file"),
    )
    op.create_index(
        "ix_stored_file_unscanned",
        "stored_file",
        ["practice_id", "state", "id"],
        postgresql_where=sa.text("state IN ('uploading', 'scanning', 'not_scanned')"),
    )
    op.create_index(
        "ix_stored_file_doomed",
        "stored_file",
        ["practice_id", "id"],
        postgresql_where=sa.text("doomed_at IS NOT NULL"),
    )
    _documents()
    _of_the_practice()


def _documents() -> None:
    create_practice_table(
        "document",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("shared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_by_staff_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("retention_class", sa.Text(), server_default=sa.text("'none'"), nullable=False),
        sa.Column("legal_hold", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "purpose IN ('upload', 'shared', 'insurance_card', 'form_answer', 'message_attachment', 'signed_form',"
            " 'custody_order')",
            name="ck_document_purpose",
        ),
        sa.CheckConstraint("source IN ('client', 'staff', 'system')", name="ck_document_source"),
        sa.CheckConstraint(
            "retention_class IN ('none', 'administrative', 'clinical')", name="ck_document_retention_class"
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_document_practice_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "file_id"],
            ["stored_file.practice_id", "stored_file.id"],
            name="fk_document_practice_id_file_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_document"),
        client_owned=True,
        confidential=True,
    )
    op.create_index("ix_document_client", "document", ["practice_id", "client_id", "id"])
    op.create_index("uq_document_file", "document", ["practice_id", "file_id"], unique=True)
    op.create_index(
        "ix_document_retention",
        "document",
        ["practice_id", "retention_class", "created_at"],
        postgresql_where=sa.text("retention_class <> 'none'"),
    )
    create_practice_table(
        "document_view",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("first_viewed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_viewed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("views", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_document_view_practice_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "document_id"],
            ["document.practice_id", "document.id"],
            name="fk_document_view_practice_id_document_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "document_id", "account_id", name="pk_document_view"),
        client_owned=True,
    )


def _of_the_practice() -> None:
    create_practice_table(
        "practice_document",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("shared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("uploaded_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_practice_document_practice_id"),
        sa.ForeignKeyConstraint(
            ["practice_id", "file_id"],
            ["stored_file.practice_id", "stored_file.id"],
            name="fk_practice_document_practice_id_file_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_practice_document"),
    )
    op.create_index("uq_practice_document_file", "practice_document", ["practice_id", "file_id"], unique=True)
    create_practice_table(
        "document_settings",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("max_upload_bytes", sa.Integer(), nullable=True),
        sa.Column("client_quota_bytes", sa.BigInteger(), nullable=True),
        sa.Column("allowed_types", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("administrative_years", sa.Integer(), server_default=sa.text("7"), nullable=False),
        sa.Column("clinical_years", sa.Integer(), server_default=sa.text("10"), nullable=False),
        sa.Column("dispose_when_over", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("max_upload_bytes >= 1000", name="ck_document_settings_max_upload_bytes"),
        sa.CheckConstraint("client_quota_bytes > 0", name="ck_document_settings_client_quota_bytes"),
        sa.CheckConstraint(
            "administrative_years BETWEEN 0 AND 100 AND clinical_years BETWEEN 0 AND 100",
            name="ck_document_settings_years",
        ),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_document_settings_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", name="pk_document_settings"),
    )
    create_practice_table(
        "storage_usage",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("used_bytes", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used_bytes >= 0", name="ck_storage_usage_used_bytes"),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_storage_usage_practice_id"),
        sa.PrimaryKeyConstraint("practice_id", "subject_id", name="pk_storage_usage"),
    )


def downgrade() -> None:
    op.drop_table("storage_usage")
    op.drop_table("document_settings")
    op.drop_table("practice_document")
    op.drop_table("document_view")
    op.drop_table("document")
    op.drop_table("stored_file")
    op.drop_table("data_key")
