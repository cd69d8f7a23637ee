"""Appointment requests: a time is asked for and held, and somebody answers (F10.M3)."""

from portal_api.services.scheduling.requests.asking import accept_counter_offer, create, decline_counter_offer, withdraw
from portal_api.services.scheduling.requests.deciding import accept, counter_offer, decline
from portal_api.services.scheduling.requests.expiry import expire
from portal_api.services.scheduling.requests.placing import EXPIRY
from portal_api.services.scheduling.requests.reading import get, get_mine, page, page_mine

__all__ = [
    "EXPIRY",
    "accept",
    "accept_counter_offer",
    "counter_offer",
    "create",
    "decline",
    "decline_counter_offer",
    "expire",
    "get",
    "get_mine",
    "page",
    "page_mine",
    "withdraw",
]
