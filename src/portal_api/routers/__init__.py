"""HTTP only: path, permission, status, one service call."""

from portal_api.routers import auth, clients, practices, prospects, signup

ROUTERS = (
    practices.router,
    auth.router,
    clients.router,
    signup.router,
    prospects.router,
)
"""Every router of the application, in the order of the document."""
