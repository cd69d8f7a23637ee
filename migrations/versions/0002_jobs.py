"""The tables and functions of the job queue, and the reason why a job last failed.

Revision ID: 0002_jobs
Revises: 0001_roles
"""

import re
from pathlib import Path

from alembic import op

revision = "0002_jobs"
down_revision = "0001_roles"
branch_labels = None
depends_on = None

SCHEMA = (Path(__file__).parents[1] / "sql" / "procrastinate_3_10_0.sql").read_text()
TABLES = re.findall(r"^CREATE TABLE (\w+)", SCHEMA, re.MULTILINE)
FUNCTIONS = re.findall(r"^CREATE FUNCTION (\w+)", SCHEMA, re.MULTILINE)
TYPES = re.findall(r"^CREATE TYPE (\w+)", SCHEMA, re.MULTILINE)
SERIALS = ("procrastinate_jobs_id_seq", "procrastinate_periodic_defers_id_seq", "procrastinate_events_id_seq")


def statements(script: str) -> list[str]:
    """The script's statements, one a message: neither a prepared statement nor Citus takes several at once."""
    pieces = re.split(r"(\$\$.*?\$\$)|(--[^\n]*)|(;)", script, flags=re.DOTALL)
    found, current = [], ""
    for piece in pieces:
        if piece == ";":
            found.append(current.strip())
            current = ""
        elif piece and not piece.startswith("--"):
            current += piece
    return found


def upgrade() -> None:
    for statement in statements(SCHEMA):
        op.execute(statement)
    # Serves the rank of a new job among its practice's waiting ones (portal_api.core.jobs.queue).
    op.execute(
        "CREATE INDEX ix_procrastinate_jobs_practice_rank ON procrastinate_jobs"
        " ((args ->> 'practice_id'), priority) WHERE status = 'todo'"
    )
    op.execute("CREATE INDEX ix_procrastinate_jobs_dead ON procrastinate_jobs (id) WHERE status = 'failed'")
    op.execute(
        "CREATE TABLE job_failure ("
        " job_id bigint NOT NULL,"
        " reason text NOT NULL,"
        " failed_at timestamptz NOT NULL DEFAULT now(),"
        " CONSTRAINT pk_job_failure PRIMARY KEY (job_id),"
        " CONSTRAINT fk_job_failure_job FOREIGN KEY (job_id)"
        " REFERENCES procrastinate_jobs (id) ON DELETE CASCADE,"
        " CONSTRAINT ck_job_failure_reason CHECK (char_length(reason) <= 300))"
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(TABLES)}, job_failure TO portal_app")
    op.execute(f"GRANT USAGE ON SEQUENCE {', '.join(SERIALS)} TO portal_app")
    op.execute(f"GRANT EXECUTE ON FUNCTION {', '.join(FUNCTIONS)} TO portal_app")


def downgrade() -> None:
    op.execute("DROP TABLE job_failure")
    # Cascades to the triggers, and to the function that returns a row of a table.
    op.execute(f"DROP TABLE {', '.join(TABLES)} CASCADE")
    op.execute(f"DROP FUNCTION IF EXISTS {', '.join(FUNCTIONS)}")
    op.execute(f"DROP TYPE {', '.join(TYPES)}")
