"""HTTP only: path, permission, status, one service call."""

from portal_api.routers import (
    audit,
    auth,
    clients,
    documents,
    features,
    forms,
    guardians,
    invitations,
    me,
    portal,
    practices,
    prospects,
    scheduling,
    signatures,
    signup,
    staff,
    treatment_plans,
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
    *documents.ROUTERS,
    guardians.router,
    invitations.router,
    signup.router,
    prospects.router,
    *forms.ROUTERS,
    signatures.router,
    *treatment_plans.ROUTERS,
    *scheduling.ROUTERS,
    video.router,
    audit.router,
)
"""Every router of the application, in the order of the document."""
