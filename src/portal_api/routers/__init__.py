"""HTTP only: path, permission, status, one service call."""

from portal_api.routers import (
    assessments,
    audit,
    auth,
    clients,
    features,
    forms,
    invitations,
    me,
    portal,
    practices,
    prospects,
    questionnaires,
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
    staff.router,
    clients.router,
    invitations.router,
    signup.router,
    prospects.router,
    *forms.ROUTERS,
    questionnaires.router,
    assessments.router,
    *scheduling.ROUTERS,
    video.router,
    audit.router,
)
"""Every router of the application, in the order of the document."""
