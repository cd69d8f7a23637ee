"""The role that the application works under: it owns nothing and bypasses nothing."""

from alembic import op

revision = "0001_roles"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        DO $$
        BEGIN
            CREATE ROLE portal_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
        EXCEPTION WHEN duplicate_object THEN NULL;  -- roles belong to the cluster: another database made it
        END $$
        """
    )
    op.execute("GRANT portal_app TO CURRENT_USER")
    op.execute("GRANT USAGE ON SCHEMA public TO portal_app")
    op.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


def downgrade() -> None:
    op.execute("REVOKE USAGE ON SCHEMA public FROM portal_app")
