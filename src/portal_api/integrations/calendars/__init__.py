"""iCalendar (RFC 5545), out and in."""

from portal_api.integrations.calendars.reading import Unreadable, busy_times
from portal_api.integrations.calendars.writing import Entry, Method, calendar

__all__ = ["Entry", "Method", "Unreadable", "busy_times", "calendar"]
