"""Scheduling, a module a resource."""

from portal_api.routers.scheduling import appointments, availability, locations, requests, services, slots

ROUTERS = (locations.router, services.router, availability.router, slots.router, appointments.router, requests.router)
