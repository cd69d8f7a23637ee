"""Scheduling, a module a resource."""

from portal_api.routers.scheduling import (
    appointments,
    availability,
    calendars,
    locations,
    mine,
    reminders,
    requests,
    services,
    slots,
)

ROUTERS = (
    locations.router,
    services.router,
    availability.router,
    slots.router,
    appointments.router,
    mine.router,
    requests.router,
    calendars.router,
    reminders.router,
)
