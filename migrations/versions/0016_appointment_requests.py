"""Requests that the practice has not been told of yet, and lists of a calendar's and an account's requests."""

import sqlalchemy as sa
from alembic import op

revision = "0016_appointment_requests"
down_revision = "0015_appointment_notes"
branch_labels = None
depends_on = None

ASKER = "ck_appointment_request_asker"
OFFER = "ck_appointment_request_offer"


def upgrade() -> None:
    op.add_column("appointment_request", sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True))
    _replace_check(ASKER, "num_nonnulls(client_id, prospect_id, account_id) > 0")
    op.create_check_constraint(
        op.f(OFFER), "appointment_request", "(offered_starts_at IS NULL) = (offered_ends_at IS NULL)"
    )
    op.create_index(
        "ix_appointment_request_calendar", "appointment_request", ["practice_id", "practitioner_id", "id"], unique=False
    )
    op.create_index(
        "ix_appointment_request_account",
        "appointment_request",
        ["practice_id", "account_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('held', 'requested')"),
    )


def downgrade() -> None:
    op.drop_index("ix_appointment_request_account", "appointment_request")
    op.drop_index("ix_appointment_request_calendar", "appointment_request")
    op.drop_constraint(op.f(OFFER), "appointment_request")
    _replace_check(ASKER, "num_nonnulls(client_id, prospect_id) > 0")
    op.drop_column("appointment_request", "requested_at")


def _replace_check(name: str, condition: str) -> None:
    op.drop_constraint(op.f(name), "appointment_request")
    op.create_check_constraint(op.f(name), "appointment_request", condition)
