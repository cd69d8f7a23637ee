"""HTTP only: path, permission, status, one service call."""

from portal_api.routers import auth, clients, invitations, practices

ROUTERS = (practices.router, auth.router, clients.router, invitations.router)
"""Every router of the application, in the order of the document."""
