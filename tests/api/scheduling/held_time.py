"""What must hold of time, whatever happened before: read past the API."""

from collections.abc import Callable
from typing import Any

Sql = Callable[..., list[Any]]
OVERLAPS = """
SELECT a.id, b.id FROM calendar_claim a JOIN calendar_claim b ON a.practice_id = b.practice_id AND a.id < b.id
  AND a.practitioner_id = b.practitioner_id
  AND tstzrange(a.blocked_from, a.blocked_until) && tstzrange(b.blocked_from, b.blocked_until)
WHERE a.practice_id = %s AND NOT a.allow_overlap AND NOT b.allow_overlap
"""
"""Time of one practitioner that two hold, and nobody said so."""
STRAYS = """
WITH practice AS (SELECT %s::uuid AS id), holders AS (
    SELECT id, practitioner_id, starts_at, ends_at, allow_overlap FROM appointment
    WHERE practice_id = (TABLE practice) AND state IN ('booked', 'checked_in', 'attended', 'no_show')
    UNION ALL
    SELECT id, practitioner_id, coalesce(offered_starts_at, starts_at), coalesce(offered_ends_at, ends_at), false
    FROM appointment_request WHERE practice_id = (TABLE practice)
     AND state = 'requested' AND expires_at > now() AND displaced_at IS NULL
), held AS (
    SELECT coalesce(appointment_id, request_id), practitioner_id, starts_at, ends_at, allow_overlap
    FROM calendar_claim WHERE practice_id = (TABLE practice) AND (expires_at IS NULL OR expires_at > now())
)
(TABLE holders EXCEPT ALL TABLE held) UNION ALL (TABLE held EXCEPT ALL TABLE holders)
"""
"""Who should hold a time and does not, or holds one and should not."""


def must_hold(sql: Sql, practice_id: str) -> None:
    """No overlap without the flag; claims exactly those of active appointments and of requests that wait."""
    for statement in (OVERLAPS, STRAYS):
        assert sql(statement, practice_id) == [], statement
