"""Scheduling, a module a resource."""

from portal_api.routers.scheduling import availability, calendars, locations, services, slots

ROUTERS = (locations.router, services.router, availability.router, slots.router, calendars.router)
