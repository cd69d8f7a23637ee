"""The PostgreSQL that the program brings when no other is configured."""

from portal_api.core.postgres.errors import EmbeddedPostgresError
from portal_api.core.postgres.server import EmbeddedPostgres
from portal_api.core.postgres.throwaway import throwaway_cluster

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "throwaway_cluster"]
