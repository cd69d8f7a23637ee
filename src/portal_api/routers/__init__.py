"""HTTP only: path, permission, status, one service call."""

from portal_api.routers import audit, auth, clients, practices, staff

ROUTERS = (practices.router, auth.router, clients.router, audit.router, staff.router)
"""Every router of the application, in the order of the document."""
