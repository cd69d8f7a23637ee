"""What the bench stands on: one PostgreSQL with fsync on, its databases, and the servers before them."""

import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

from bench.people import Population, numbered, plant
from bench.processes import Server, children, cpu_seconds
from bench.rivals import usual
from portal_api.core.postgres import EmbeddedPostgres
from portal_api.core.signing import Claims, Keyring

ROOT = Path(__file__).parents[1]
OWNER = "portal_owner"
FREE = "bench_free"
ISSUER = "http://bench.test"
TOKEN_SECONDS = 15 * 60


class Ground:
    """Databases by name, and servers that use them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._postgres = EmbeddedPostgres(home / "database")
        self._superuser = self._postgres.start()
        self._secret = secrets.token_urlsafe(48)
        self._keyring = Keyring.load_or_create(home / "data" / "keys")
        self._servers: list[Server] = []
        self._roles()

    def _roles(self) -> None:
        with psycopg.connect(self._superuser, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD 'bench'")
            connection.execute(
                f"CREATE ROLE {FREE} LOGIN BYPASSRLS IN ROLE pg_read_all_data, pg_write_all_data PASSWORD 'bench'"
            )

    def url(self, database: str, role: str | None = None) -> str:
        url = make_url(self._superuser).set(database=database)
        if role:
            url = url.set(username=role, password="bench")
        return url.render_as_string(hide_password=False)

    def database(self, name: str, population: Population) -> None:
        """A migrated database with this population."""
        self.execute("postgres", f"CREATE DATABASE {name} OWNER {OWNER}")
        migrate(self.url(name, OWNER))
        plant(self.url(name), population)

    def copy_without_rls(self, name: str, source: str) -> None:
        self.execute("postgres", f"CREATE DATABASE {name} TEMPLATE {source}")
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            protected = "SELECT relname FROM pg_class WHERE relrowsecurity"
            for (table,) in connection.execute(protected).fetchall():
                connection.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
            connection.execute("VACUUM ANALYZE")

    def execute(self, database: str, statement: str) -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    def serve(self, name: str, database: str, *, workers: int = 1) -> Server:
        server = Server(name, self.environment(database), self.home / f"{name}.log", workers=workers)
        self._servers.append(server)
        return server

    def environment(self, database: str) -> Mapping[str, str]:
        return {
            "PORTAL_ENVIRONMENT": "production",
            "PORTAL_SECRET_KEY": self._secret,
            "PORTAL_DATA_DIR": str(self.home / "data"),
            "PORTAL_DATABASE_URL": self.url(database, OWNER),
            "PORTAL_PUBLIC_URL": ISSUER,
            "PORTAL_RATE_LIMIT_FACTOR": "1000000",
            "BENCH_FREE_URL": self.url(database, FREE),
        }

    def token(self, practice: int) -> str:
        """An access token of the practice's owner. Signed when asked for: it lives for minutes."""
        now = int(time.time())
        claims = Claims(
            sub=numbered("account", practice),
            sid=numbered("session", practice),
            practice_id=numbered("practice", practice),
            kind="staff",
            audience="portal-api",
            scope="portal",
            issued_at=now,
            expires_at=now + TOKEN_SECONDS,
            jti=f"bench-{practice}",
        )
        return self._keyring.sign(claims, issuer=ISSUER)

    @staticmethod
    def usual_token(practice: int) -> str:
        return usual.jwt.encode({"sub": str(numbered("account", practice))}, usual.SECRET, algorithm=usual.ALGORITHM)

    def postgres_cpu(self) -> float:
        """CPU seconds of the processes of PostgreSQL that live now."""
        postmaster = int((self.home / "database/postgres/cluster/postmaster.pid").read_text().split()[0])
        return sum(cpu_seconds(pid) for pid in [postmaster, *children(postmaster)])

    def statements(self) -> list[str]:
        """Everything that PostgreSQL has logged of statements so far."""
        return (self.home / "database/postgres/server.log").read_text(errors="replace").splitlines()

    def close(self) -> None:
        for server in self._servers:
            server.stop()
        self._postgres.stop()


def migrate(url: str) -> None:
    config = Config(ROOT / "alembic.ini")
    config.attributes["url"] = url
    command.upgrade(config, "head")


@contextmanager
def ground() -> Iterator[Ground]:
    """In a temporary directory on a disk: what is in memory only commits too fast."""
    with tempfile.TemporaryDirectory(prefix="portal-bench-", dir="/var/tmp") as home:
        Path(home).chmod(0o711)
        made = Ground(Path(home))
        try:
            yield made
        finally:
            made.close()
