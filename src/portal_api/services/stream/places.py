"""Where a reader stands in a practice's log, as an opaque word that cannot be forged."""

from typing import NamedTuple
from uuid import UUID

from portal_api.core.db import Snapshot
from portal_api.core.paging import BadCursor, decode_cursor, encode_cursor
from portal_api.core.sealing import Vault


class Place(NamedTuple):
    """seen: what was told of, as far as it may be seen. scope: the mark of how far that was."""

    seen: Snapshot
    scope: str


def write_place(vault: Vault, practice_id: UUID, place: Place) -> str:
    """For Last-Event-ID. It is good for a day, in this practice."""
    return encode_cursor(vault, _scope(practice_id), [place.scope, place.seen.xmax, *place.seen.running])


def read_place(vault: Vault, practice_id: UUID, text: str) -> Place | None:
    """None for one that is too old, or that was never handed out."""
    try:
        scope, xmax, *running = decode_cursor(vault, _scope(practice_id), text)
    except BadCursor:
        return None
    return Place(Snapshot(xmax, tuple(running)), scope)


def _scope(practice_id: UUID) -> tuple[str, str]:
    return str(practice_id), "stream"
