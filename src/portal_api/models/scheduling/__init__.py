"""Scheduling: what can be booked, when, where and with whom; who asked for it, and who has it."""

from portal_api.models.scheduling.appointments import (
    ACTIVE_STATES,
    APPOINTMENT_STATES,
    TO_COME,
    Appointment,
    AppointmentAttendee,
    AppointmentSeries,
)
from portal_api.models.scheduling.calendars import BusyCalendar, BusyState, CalendarFeed, Privacy
from portal_api.models.scheduling.claims import Claim
from portal_api.models.scheduling.places import Location, Room
from portal_api.models.scheduling.reminders import OPEN_REMINDERS, Reminder, ReminderPreference, ReminderSettings
from portal_api.models.scheduling.requests import HOLDING_STATES, REQUEST_STATES, AppointmentRequest
from portal_api.models.scheduling.schedules import BusyTime, Schedule, TimeOff
from portal_api.models.scheduling.services import Audience, AutoAccept, Mode, Service, ServiceOffer

__all__ = [
    "ACTIVE_STATES",
    "APPOINTMENT_STATES",
    "HOLDING_STATES",
    "OPEN_REMINDERS",
    "REQUEST_STATES",
    "TO_COME",
    "Appointment",
    "AppointmentAttendee",
    "AppointmentRequest",
    "AppointmentSeries",
    "Audience",
    "AutoAccept",
    "BusyCalendar",
    "BusyState",
    "BusyTime",
    "CalendarFeed",
    "Claim",
    "Location",
    "Mode",
    "Privacy",
    "Reminder",
    "ReminderPreference",
    "ReminderSettings",
    "Room",
    "Schedule",
    "Service",
    "ServiceOffer",
    "TimeOff",
]
