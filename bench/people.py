"""The practices, people and clients of the bench: ids that can be told from a number, rows made by the database."""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import psycopg

from portal_api.core.passwords import PasswordHasher

PASSWORD = "a quiet boat on lake 7"
_KINDS = {
    "practice": "1",
    "account": "2",
    "staff": "3",
    "session": "4",
    "client": "7",
    "practitioner": "8",
    "service": "9",
    "appointment": "a",
    "claim": "b",
}


def numbered(kind: str, number: int) -> UUID:
    """The id of the nth practice, account, staff member, session or client. Ordered, like the real ones."""
    return UUID(f"019a000{_KINDS[kind]}-0000-7000-8000-{number:012x}")


def sql_id(kind: str, number: str) -> str:
    return f"('019a000{_KINDS[kind]}-0000-7000-8000-' || lpad(to_hex({number}), 12, '0'))::uuid"


@dataclass(frozen=True, slots=True)
class Population:
    """`clients` are dealt out evenly to the practices; `crowd` more belong to practice 0."""

    practices: int
    clients: int
    crowd: int = 0

    def client_of(self, practice: int, nth: int) -> UUID:
        return numbered("client", nth * self.practices + practice)


def plant(superuser_url: str, population: Population) -> None:
    """Fill a migrated database. Foreign keys are not checked on the way: the rows are made to fit."""
    password_hash = asyncio.run(_hash())
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        for statement in _statements(population):
            connection.execute(statement.replace(":hash", f"'{password_hash}'"))
        connection.execute("VACUUM ANALYZE")


async def _hash() -> str:
    hasher = PasswordHasher()
    try:
        return await hasher.hash(PASSWORD)
    finally:
        hasher.close()


def _statements(population: Population) -> list[str]:
    practices = f"generate_series(0, {population.practices - 1}) AS n"
    practice, account, staff = (sql_id(kind, "n") for kind in ("practice", "account", "staff"))
    owner = "'owner-' || n || '@harbor.example'"
    return [
        f"INSERT INTO practice (id, name, time_zone, country, phone, address)"
        f" SELECT {practice}, 'Harbor Therapy ' || n, 'America/New_York', 'US', '+14155550100',"
        f" jsonb_build_object('line1', n || ' Pier Street', 'line2', null, 'city', 'Salem', 'region', 'MA',"
        f" 'postal_code', '01970', 'country', 'US') FROM {practices}",
        f"INSERT INTO portal_settings (practice_id, enabled) SELECT {practice}, false FROM {practices}",
        f"INSERT INTO account (practice_id, id, kind, email, email_norm, given_name, family_name, password_hash)"
        f" SELECT {practice}, {account}, 'staff', {owner}, {owner}, 'Ada', 'Harbor', :hash FROM {practices}",
        f"INSERT INTO staff_member (practice_id, id, account_id, email, given_name, family_name, roles, state)"
        f" SELECT {practice}, {staff}, {account}, {owner}, 'Ada', 'Harbor', '{{owner,practitioner}}', 'active'"
        f" FROM {practices}",
        f"INSERT INTO auth_session (practice_id, id, account_id, delivery, methods, authenticated_at,"
        f" idle_expires_at, expires_at) SELECT {practice}, {sql_id('session', 'n')}, {account}, 'body', '{{pwd}}',"
        f" now(), now() + interval '1 day', now() + interval '1 day' FROM {practices}",
        *_clients("n % " + str(population.practices), 0, population.clients),
        *_clients("0", population.clients, population.clients + population.crowd),
    ]


def _clients(owner: str, start: int, stop: int) -> list[str]:
    if stop <= start:
        return []
    practice, client, staff = sql_id("practice", owner), sql_id("client", "n"), sql_id("staff", owner)
    numbers = f"generate_series({start}, {stop - 1}) AS n"
    return [
        f"INSERT INTO client (practice_id, id, given_name, family_name, date_of_birth, email, email_norm, phone,"
        f" time_zone, external_ids, search_text) SELECT {practice}, {client}, 'Grace', 'Client ' || n,"
        f" DATE '1960-01-01' + (n % 15000), e, e, '+1415555' || lpad((n % 10000)::text, 4, '0'), 'America/New_York',"
        f" jsonb_build_object('ehr', 'E-' || n), 'grace client ' || n || ' ' || e"
        f" FROM {numbers}, LATERAL (SELECT 'client-' || n || '@harbor.example' AS e) mail",
        f"INSERT INTO client_assignment (practice_id, client_id, practitioner_id)"
        f" SELECT {practice}, {client}, {staff} FROM {numbers}",
    ]
