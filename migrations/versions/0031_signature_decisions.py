"""Who is asked to sign again, after a refusal, may refuse again: each refusal is on file."""

from alembic import op

revision = "0031_signature_decisions"
down_revision = "0030_messages"
branch_labels = None
depends_on = None

SUBJECT = ["practice_id", "subject_kind", "subject_id"]


def upgrade() -> None:
    op.drop_index("uq_signature_decision_subject", "signature_decision")
    op.create_index("ix_signature_decision_subject", "signature_decision", [*SUBJECT, "id"])


def downgrade() -> None:
    """Fails where somebody has refused twice: nothing of that is thrown away."""
    op.drop_index("ix_signature_decision_subject", "signature_decision")
    op.create_index(
        "uq_signature_decision_subject", "signature_decision", [*SUBJECT, "kind", "account_id"], unique=True
    )
