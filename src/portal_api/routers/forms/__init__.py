"""Forms: templates, what clients are given, and what they fill in."""

from portal_api.routers.forms import assignments, mine, templates

ROUTERS = (templates.router, *assignments.ROUTERS, mine.router)
