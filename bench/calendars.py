"""Practitioners' calendars for the bench: weekly hours, and appointments that overlap nowhere."""

from dataclasses import dataclass
from uuid import UUID

import psycopg

from bench.people import numbered, sql_id

PRACTITIONERS = 50
A_MONTH = 200
"""Appointments of each practitioner of practice 0 in the 31 days that are searched."""
SERVICE = numbered("service", 0)
DAYS = 31
FIRST = "date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day'"
"""Midnight of tomorrow's date, as a clock in New York will show it."""


@dataclass(frozen=True, slots=True)
class Calendars:
    """50 practitioners of practice 0 with 200 appointments each to come; `more` were long ago, or are elsewhere."""

    more: int = 0

    @staticmethod
    def practitioner(number: int) -> UUID:
        return numbered("practitioner", number)

    @staticmethod
    def appointment(number: int) -> UUID:
        return numbered("appointment", number)


def plant_calendars(superuser_url: str, calendars: Calendars) -> None:
    """Add to a database that bench.people has filled. Constraints are built after the rows, which is faster."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        rules = [
            (name, definition)
            for name, definition in connection.execute(
                "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                " WHERE conrelid = 'calendar_claim'::regclass AND contype = 'x'"
            ).fetchall()
        ]
        for name, _ in rules:
            connection.execute(f"ALTER TABLE calendar_claim DROP CONSTRAINT {name}")
        for statement in _statements(calendars):
            connection.execute(statement)
        for name, definition in rules:
            connection.execute(f"ALTER TABLE calendar_claim ADD CONSTRAINT {name} {definition}")
        connection.execute("VACUUM ANALYZE")


def _statements(calendars: Calendars) -> list[str]:
    practice, practitioner = sql_id("practice", "0"), sql_id("practitioner", "n")
    everybody = f"generate_series(0, {PRACTITIONERS - 1}) AS n"
    day = f"(n / {PRACTITIONERS} * {DAYS} / {A_MONTH})"
    hours = ", ".join(f"[{weekday}, 480, 1200, null]" for weekday in range(7))
    return [
        f"INSERT INTO staff_member (practice_id, id, account_id, email, given_name, family_name, roles, state)"
        f" SELECT {practice}, {practitioner}, {sql_id('account', '1000000 + n')}, 'p-' || n || '@harbor.example',"
        f" 'Noor', 'Lind ' || n, '{{practitioner}}', 'active' FROM {everybody}",
        f"INSERT INTO service (practice_id, id, name, duration_minutes, buffer_before_minutes, buffer_after_minutes,"
        f" modes, slot_interval_minutes, client_bookable, min_notice_minutes) VALUES ({practice}, '{SERVICE}',"
        f" 'Session', 50, 0, 10, '{{video}}', 15, true, 60)",
        f"INSERT INTO schedule (practice_id, practitioner_id, time_zone, windows)"
        f" SELECT {practice}, {practitioner}, 'America/New_York', '[{hours}]' FROM {everybody}",
        # Spread over all the days, six or seven on each.
        *booked(
            f"0, {PRACTITIONERS * A_MONTH - 1}",
            practice=practice,
            practitioner=sql_id("practitioner", f"n % {PRACTITIONERS}"),
            start=_hour(day, f"(n / {PRACTITIONERS} - ({day} * {A_MONTH} + {DAYS - 1}) / {DAYS})"),
        ),
        *_more(calendars.more),
    ]


def _more(count: int) -> list[str]:
    """A tenth in the past of practice 0, the others to come in other practices."""
    if not count:
        return []
    begin, past = PRACTITIONERS * A_MONTH, count // 10
    ours, theirs = f"{begin}, {begin + past - 1}", f"{begin + past}, {begin + count - 1}"
    number = f"(n - {begin})"
    other = f"(n - {begin + past})"
    return [
        *booked(
            ours,
            practice=sql_id("practice", "0"),
            practitioner=sql_id("practitioner", f"n % {PRACTITIONERS}"),
            start=_hour(f"-2 - {number} / {PRACTITIONERS} / 7", f"{number} / {PRACTITIONERS} % 7"),
        ),
        *booked(
            theirs,
            practice=sql_id("practice", f"1 + {other} % 90"),
            practitioner=sql_id("practitioner", f"1000 + {other} % 4500"),
            start=_hour(f"{other} / 4500 / 7", f"{other} / 4500 % 7"),
        ),
    ]


def _hour(day: str, nth: str) -> str:
    """The nth of seven appointments of a day, with free time between some of them."""
    minutes = f"(ARRAY[480, 540, 600, 750, 810, 960, 1080])[1 + {nth}]"
    local = f"{FIRST} + make_interval(days => ({day})::int, mins => {minutes})"
    return f"({local}) AT TIME ZONE 'America/New_York'"


def booked(numbers: str, *, practice: str, practitioner: str, start: str, clients: int = 10_000) -> list[str]:
    """Appointments with their claims, by the numbers from and to; `start` is an instant, in SQL."""
    rows = f"generate_series({numbers}) AS n, LATERAL (SELECT {start} AS at) placed"
    appointment, client = sql_id("appointment", "n"), sql_id("client", f"n % {clients}")
    return [
        f"INSERT INTO appointment (practice_id, id, practitioner_id, service_id, client_ids, mode, starts_at, ends_at,"
        f" time_zone, late_within_minutes, closed_within_minutes, uid) SELECT {practice}, {appointment},"
        f" {practitioner}, '{SERVICE}', ARRAY[{client}], 'video', at, at + interval '50 minutes',"
        f" 'America/New_York', 1440, 0, n::text FROM {rows}",
        f"INSERT INTO calendar_claim (practice_id, id, practitioner_id, service_id, appointment_id, starts_at, ends_at,"
        f" blocked_from, blocked_until) SELECT {practice}, {sql_id('claim', 'n')}, {practitioner}, '{SERVICE}',"
        f" {appointment}, at, at + interval '50 minutes', at, at + interval '60 minutes' FROM {rows}",
    ]
