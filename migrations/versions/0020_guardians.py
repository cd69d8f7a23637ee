"""Guardians, custody, ages at which access changes, and what is confidential from guardians."""

import sqlalchemy as sa
from alembic import op
from practice_tables import CLIENTS, MINE, MINE_ALONE, OWN_CLIENTS, create_practice_table, restrict_clients
from sqlalchemy.dialects import postgresql

revision = "0020_guardians"
down_revision = "0019_video"
branch_labels = None
depends_on = None

_OURS = f"client_ids && {CLIENTS}::uuid[]"
_OURS_ALONE = f"(NOT confidential OR client_ids && {OWN_CLIENTS}::uuid[])"


def upgrade() -> None:
    for table, conditions in {"appointment": (_OURS, _OURS_ALONE), "appointment_request": (MINE, MINE_ALONE)}.items():
        column = sa.Column("confidential", sa.Boolean(), server_default=sa.text("false"), nullable=False)
        op.add_column(table, column)
        op.execute(f"DROP POLICY client ON {table}")
        restrict_clients(table, *conditions)
    op.add_column("client_grant", sa.Column("narrows_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("client_grant", sa.Column("narrowed_permissions", postgresql.ARRAY(sa.Text()), nullable=True))
    op.add_column("portal_settings", _list("age_transitions"))
    _create_guardian()
    _create_custody_record()
    op.add_column("invitation", sa.Column("guardian_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_invitation_practice_id_guardian_id"),
        "invitation",
        "guardian",
        ["practice_id", "guardian_id"],
        ["practice_id", "id"],
    )
    op.create_check_constraint(
        op.f("ck_invitation_guardian"), "invitation", "guardian_id IS NULL OR client_id IS NOT NULL"
    )
    op.create_index("ix_invitation_guardian", "invitation", ["practice_id", "guardian_id", "id"], unique=False)


def _list(name: str) -> sa.Column[object]:
    kind = postgresql.JSONB(astext_type=sa.Text())
    return sa.Column(name, kind, server_default=sa.text("'[]'::jsonb"), nullable=False)


def _create_guardian() -> None:
    create_practice_table(
        "guardian",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_norm", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("relationship", sa.Text(), nullable=False),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("valid_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("grant_id", sa.Uuid(), nullable=True),
        sa.Column("narrows_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("narrowed_permissions", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("transition_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_until", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("extended_to", sa.DateTime(timezone=True), nullable=True),
        sa.Column("extension_reason", sa.Text(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.Column("revocation_reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["practice_id", "account_id"],
            ["account.practice_id", "account.id"],
            name="fk_guardian_practice_id_account_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_guardian_practice_id_client_id",
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "grant_id"],
            ["client_grant.practice_id", "client_grant.id"],
            name="fk_guardian_practice_id_grant_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "id", name="pk_guardian"),
        staff_only=True,
    )
    op.create_index("ix_guardian_client", "guardian", ["practice_id", "client_id", "id"], unique=False)
    op.create_index(
        "ix_guardian_transition",
        "guardian",
        ["practice_id", "transition_at"],
        unique=False,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )
    op.create_index(
        "uq_guardian_email",
        "guardian",
        ["practice_id", "client_id", "email_norm"],
        unique=True,
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def _create_custody_record() -> None:
    create_practice_table(
        "custody_record",
        sa.Column("practice_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("arrangement", sa.Text(), nullable=True),
        sa.Column("signature_policy", sa.Text(), server_default=sa.text("'any_one'"), nullable=False),
        sa.Column("order_document_id", sa.Uuid(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        _list("no_contact"),
        _list("payment_shares"),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("arrangement IN ('sole', 'joint')", name="ck_custody_record_arrangement"),
        sa.CheckConstraint(
            "signature_policy IN ('any_one', 'all_guardians')", name="ck_custody_record_signature_policy"
        ),
        sa.ForeignKeyConstraint(
            ["practice_id", "client_id"],
            ["client.practice_id", "client.id"],
            name="fk_custody_record_practice_id_client_id",
        ),
        sa.PrimaryKeyConstraint("practice_id", "client_id", name="pk_custody_record"),
        staff_only=True,
    )


def downgrade() -> None:
    op.drop_constraint("ck_invitation_guardian", "invitation")
    op.drop_column("invitation", "guardian_id")
    op.drop_table("custody_record")
    op.drop_table("guardian")
    op.drop_column("portal_settings", "age_transitions")
    op.drop_column("client_grant", "narrowed_permissions")
    op.drop_column("client_grant", "narrows_at")
    for table, condition in {"appointment_request": MINE, "appointment": _OURS}.items():
        op.execute(f"DROP POLICY client ON {table}")
        restrict_clients(table, condition)
        op.drop_column(table, "confidential")
