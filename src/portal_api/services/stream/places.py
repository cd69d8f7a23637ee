"""Where a reader stands in a practice's log, as an opaque word that cannot be forged."""

from uuid import UUID

from portal_api.core.db import Snapshot
from portal_api.core.paging import BadCursor, decode_cursor, encode_cursor
from portal_api.core.sealing import Vault


def write_place(vault: Vault, practice_id: UUID, seen: Snapshot) -> str:
    """For Last-Event-ID. It is good for a day, in this practice; what it tells nobody may read."""
    return encode_cursor(vault, _scope(practice_id), [seen.xmax, *seen.running])


def read_place(vault: Vault, practice_id: UUID, place: str) -> Snapshot | None:
    """None for one that is too old, or that was never handed out."""
    try:
        xmax, *running = decode_cursor(vault, _scope(practice_id), place)
    except BadCursor:
        return None
    return Snapshot(xmax, tuple(running))


def _scope(practice_id: UUID) -> tuple[str, str]:
    return str(practice_id), "stream"
