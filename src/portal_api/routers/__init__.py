"""HTTP only: path, permission, status, one service call."""

from portal_api.routers import (
    audit,
    auth,
    clients,
    features,
    invitations,
    me,
    notifications,
    portal,
    practices,
    prospects,
    scheduling,
    signup,
    staff,
    video,
)

ROUTERS = (
    practices.router,
    portal.router,
    features.router,
    auth.router,
    me.router,
    notifications.router,
    staff.router,
    clients.router,
    invitations.router,
    signup.router,
    prospects.router,
    *scheduling.ROUTERS,
    video.router,
    audit.router,
)
"""Every router of the application, in the order of the document."""
