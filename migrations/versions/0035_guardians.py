"""The court's order that a custody record names stays; of what is ahead for a guardian staff are told once."""

import sqlalchemy as sa
from alembic import op

revision = "0035_guardians"
down_revision = "0034_unattended_threads"
branch_labels = None
depends_on = None

TABLES = ("custody_record", "document")
NAME = "fk_custody_record_practice_id_order_document_id"


def upgrade() -> None:
    op.add_column("guardian", sa.Column("foretold_at", sa.DateTime(timezone=True), nullable=True))
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        UPDATE custody_record SET order_document_id = NULL, updated_at = now(), version = version + 1
        WHERE order_document_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM document
            WHERE document.practice_id = custody_record.practice_id AND document.id = custody_record.order_document_id)
    """)
    op.execute(f"""
        ALTER TABLE custody_record ADD CONSTRAINT {NAME}
        FOREIGN KEY (practice_id, order_document_id) REFERENCES document (practice_id, id) NOT VALID
    """)
    op.execute(f"ALTER TABLE custody_record VALIDATE CONSTRAINT {NAME}")
    for table in TABLES:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def downgrade() -> None:
    op.drop_constraint(NAME, "custody_record")
    op.drop_column("guardian", "foretold_at")
