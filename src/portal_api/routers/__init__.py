"""HTTP only: path, permission, status, one service call."""

from portal_api.routers import auth, clients, practices

ROUTERS = (practices.router, auth.router, clients.router)
"""Every router of the application, in the order of the document."""
