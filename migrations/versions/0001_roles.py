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
            -- Roles belong to the cluster: another database, or an administrator, may have made it.
            IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'portal_app') THEN
                CREATE ROLE portal_app NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- at this very moment
        END $$
        """
    )
    op.execute(
        """
        DO $$
        BEGIN
            GRANT portal_app TO CURRENT_USER;
        EXCEPTION WHEN insufficient_privilege THEN NULL;  -- an administrator made the role, and grants it
        END $$
        """
    )
    op.execute("GRANT USAGE ON SCHEMA public TO portal_app")
    op.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")


def downgrade() -> None:
    op.execute("REVOKE USAGE ON SCHEMA public FROM portal_app")
