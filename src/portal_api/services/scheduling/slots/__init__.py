"""Free times: what can be booked when, and why something cannot."""

from portal_api.services.scheduling.slots.explaining import explain
from portal_api.services.scheduling.slots.finding import for_newcomers, for_portal, for_staff
from portal_api.services.scheduling.slots.search import (
    NEWCOMER,
    STAFF,
    Asker,
    Slot,
    Wish,
    alternatives,
    offered,
    search,
)

__all__ = [
    "NEWCOMER",
    "STAFF",
    "Asker",
    "Slot",
    "Wish",
    "alternatives",
    "explain",
    "for_newcomers",
    "for_portal",
    "for_staff",
    "offered",
    "search",
]
