"""Tables, relationships and state changes. No I/O."""

from portal_api.models import (
    assessments,
    audit,
    auth,
    clients,
    documents,
    features,
    forms,
    invitations,
    notifications,
    portal,
    practices,
    prospects,
    retries,
    scheduling,
    staff,
    video,
)

__all__ = [
    "assessments",
    "audit",
    "auth",
    "clients",
    "documents",
    "features",
    "forms",
    "invitations",
    "notifications",
    "portal",
    "practices",
    "prospects",
    "retries",
    "scheduling",
    "staff",
    "video",
]
