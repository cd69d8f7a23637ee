"""Signatures with their evidence, and treatment plans."""

import sqlalchemy as sa
from alembic import op
from practice_tables import create_global_table, create_practice_table
from sqlalchemy.dialects import postgresql

revision = "0023_signatures"
down_revision = "0022_forms"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_global_table(
        "paper_fingerprint",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["practice_id"], ["practice.id"], name="fk_paper_fingerprint_practice_id"),
        sa.PrimaryKeyConstraint("sha256", name="pk_paper_fingerprint"),
        grant="SELECT, INSERT",
    )
    create_practice_table(
        "records_consent",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_records_consent_practice_id_account_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "account_id", "version", name="pk_records_consent"),
        append_only=True,
    )
    create_practice_table(
        "signature_decision",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("capacity", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("ip_network", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind IN ('declined', 'consent_withdrawn')", name="ck_signature_decision_kind"),
        sa.CheckConstraint(
            "subject_kind IN ('form_assignment', 'treatment_plan', 'document')",
            name="ck_signature_decision_subject_kind",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_signature_decision_practice_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_signature_decision_practice_id_client_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_signature_decision"),
        client_owned=True,
        append_only=True,
    )
    op.create_index(
        "ix_signature_decision_client", "signature_decision", ["practice_id", "client_id", "id"], unique=False
    )
    op.create_index(
        "uq_signature_decision_subject",
        "signature_decision",
        ["practice_id", "subject_kind", "subject_id", "kind", "account_id"],
        unique=True,
    )
    create_practice_table(
        "signed_paper",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("paper", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("length(sha256) = 64", name="ck_signed_paper_sha256"),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_signed_paper_practice_id_client_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_signed_paper"),
        client_owned=True,
        append_only=True,
    )
    op.create_index("ix_signed_paper_client", "signed_paper", ["practice_id", "client_id", "id"], unique=False)
    op.create_index("ix_signed_paper_sha", "signed_paper", ["practice_id", "sha256"], unique=False)
    create_practice_table(
        "signature_request",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column("signers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("in_order", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'open'"), nullable=False),
        sa.Column("requested_by", sa.Uuid(), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "state IN ('open', 'complete', 'declined', 'cancelled', 'expired', 'superseded')",
            name="ck_signature_request_state",
        ),
        sa.CheckConstraint(
            "subject_kind IN ('form_assignment', 'treatment_plan', 'document')",
            name="ck_signature_request_subject_kind",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_signature_request_practice_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "paper_id"],
            ["signed_paper.practice_id", "signed_paper.id"],
            name="fk_signature_request_practice_id_paper_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_signature_request"),
        client_owned=True,
    )
    op.create_index(
        "ix_signature_request_client", "signature_request", ["practice_id", "client_id", "id"], unique=False
    )
    op.create_index(
        "ix_signature_request_subject",
        "signature_request",
        ["practice_id", "subject_kind", "subject_id", "id"],
        unique=False,
    )
    op.create_index(
        "uq_signature_request_subject",
        "signature_request",
        ["practice_id", "subject_kind", "subject_id"],
        unique=True,
        postgresql_where=sa.text("state <> 'superseded' AND state <> 'cancelled' AND state <> 'expired'"),
    )
    create_practice_table(
        "treatment_plan",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("discontinued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("discontinued_by", sa.Uuid(), nullable=True),
        sa.Column("discontinued_reason", sa.Text(), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "author_id"],
            ["staff_member.practice_id", "staff_member.id"],
            name="fk_treatment_plan_practice_id_author_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_treatment_plan_practice_id_client_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_treatment_plan"),
        client_owned=True,
        confidential=True,
    )
    op.create_index("ix_treatment_plan_client", "treatment_plan", ["practice_id", "client_id", "id"], unique=False)
    create_practice_table(
        "signature",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column("document_sha256", sa.Text(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("party", sa.Text(), nullable=False),
        sa.Column("capacity", sa.Text(), nullable=False),
        sa.Column("acts_as", sa.Text(), nullable=False),
        sa.Column("printed_name", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("records_statement", sa.Text(), nullable=False),
        sa.Column("records_version", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("drawn", sa.LargeBinary(), nullable=True),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("authentication_methods", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("authenticated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ip_network", sa.Text(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("btrim(printed_name) <> ''", name="ck_signature_printed_name"),
        sa.CheckConstraint("method IN ('typed', 'typed_and_drawn')", name="ck_signature_method"),
        sa.CheckConstraint("party IN ('client', 'guardian', 'practitioner', 'supervisor')", name="ck_signature_party"),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_signature_practice_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"], ["client.practice_id", "client.id"], name="fk_signature_practice_id_client_id"
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "paper_id"],
            ["signed_paper.practice_id", "signed_paper.id"],
            name="fk_signature_practice_id_paper_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "request_id"],
            ["signature_request.practice_id", "signature_request.id"],
            name="fk_signature_practice_id_request_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_signature"),
        client_owned=True,
        append_only=True,
    )
    op.create_index("ix_signature_client", "signature", ["practice_id", "client_id", "id"], unique=False)
    op.create_index(
        "uq_signature_request_account", "signature", ["practice_id", "request_id", "account_id"], unique=True
    )
    create_practice_table(
        "signed_copy",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("document_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", sa.LargeBinary(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(audience = 'signer') = (account_id IS NOT NULL)", name="ck_signed_copy_signer"),
        sa.CheckConstraint("audience IN ('practice', 'signer', 'everyone')", name="ck_signed_copy_audience"),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_signed_copy_practice_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "request_id"],
            ["signature_request.practice_id", "signature_request.id"],
            name="fk_signed_copy_practice_id_request_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_signed_copy"),
        client_owned=True,
        append_only=True,
    )
    op.create_index("ix_signed_copy_client", "signed_copy", ["practice_id", "client_id", "id"], unique=False)
    op.create_index("ix_signed_copy_sha", "signed_copy", ["practice_id", "sha256"], unique=False)
    op.create_index(
        "uq_signed_copy_audience",
        "signed_copy",
        ["practice_id", "request_id", "audience", "account_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    create_practice_table(
        "treatment_plan_revision",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'draft'"), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("signers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("shared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint(
            "state IN ('draft', 'in_review', 'shared', 'active', 'superseded', 'declined', 'discontinued')",
            name="ck_treatment_plan_revision_state",
        ),
        sa.CheckConstraint("number > 0", name="ck_treatment_plan_revision_number"),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_treatment_plan_revision_practice_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "plan_id"],
            ["treatment_plan.practice_id", "treatment_plan.id"],
            name="fk_treatment_plan_revision_practice_id_plan_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_treatment_plan_revision"),
        client_owned=True,
    )
    op.create_index(
        "ix_treatment_plan_revision_client", "treatment_plan_revision", ["practice_id", "client_id", "id"], unique=False
    )
    op.create_index(
        "uq_treatment_plan_revision_active",
        "treatment_plan_revision",
        ["practice_id", "plan_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_index(
        "uq_treatment_plan_revision_number",
        "treatment_plan_revision",
        ["practice_id", "plan_id", "number"],
        unique=True,
    )
    op.create_index(
        "uq_treatment_plan_revision_open",
        "treatment_plan_revision",
        ["practice_id", "plan_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('draft', 'in_review', 'shared')"),
    )


def downgrade() -> None:
    op.drop_table("treatment_plan_revision")
    op.drop_table("signed_copy")
    op.drop_table("signature")
    op.drop_table("treatment_plan")
    op.drop_table("signature_request")
    op.drop_table("signed_paper")
    op.drop_table("signature_decision")
    op.drop_table("records_consent")
    op.drop_table("paper_fingerprint")
