"""Guardians: what is confidential from them."""

import sqlalchemy as sa
from alembic import op
from practice_tables import CLIENTS, MINE, MINE_ALONE, OWN_CLIENTS, restrict_clients

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


def downgrade() -> None:
    for table, condition in {"appointment_request": MINE, "appointment": _OURS}.items():
        op.execute(f"DROP POLICY client ON {table}")
        restrict_clients(table, condition)
        op.drop_column(table, "confidential")
