"""HTTP only: path, permission, status, one service call."""

from portal_api.routers import (
    audit,
    auth,
    client_information,
    clients,
    features,
    forms,
    insurance,
    invitations,
    me,
    onboarding,
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
    staff.router,
    clients.router,
    client_information.router,
    insurance.router,
    onboarding.router,
    invitations.router,
    signup.router,
    prospects.router,
    *forms.ROUTERS,
    *scheduling.ROUTERS,
    video.router,
    audit.router,
)
"""Every router of the application, in the order of the document."""
