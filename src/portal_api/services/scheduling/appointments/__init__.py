"""Appointments: opened, found, moved, ended."""

from portal_api.services.scheduling.appointments.booking import Booking, book
from portal_api.services.scheduling.appointments.mine import next_of
from portal_api.services.scheduling.appointments.reading import get as answer_for

__all__ = ["Booking", "answer_for", "book", "next_of"]
