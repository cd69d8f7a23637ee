"""HTTP only: path, permission, status, one service call."""

from portal_api.routers import auth, clients, me, practices

ROUTERS = (practices.router, auth.router, clients.router, me.router)
"""Every router of the application, in the order of the document."""
