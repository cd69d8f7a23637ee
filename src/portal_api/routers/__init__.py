"""HTTP only: path, permission, status, one service call."""

from portal_api.routers import (
    audit,
    auth,
    clients,
    documents,
    features,
    guardians,
    invitations,
    me,
    portal,
    practices,
    prospects,
    scheduling,
    signup,
    staff,
    stream,
    sync,
    video,
)

ROUTERS = (
    practices.router,
    portal.router,
    features.router,
    auth.router,
    me.router,
    staff.router,
    stream.router,
    sync.router,
    clients.router,
    *documents.ROUTERS,
    guardians.router,
    invitations.router,
    signup.router,
    prospects.router,
    *scheduling.ROUTERS,
    video.router,
    audit.router,
)
"""Every router of the application, in the order of the document."""
