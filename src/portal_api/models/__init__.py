"""Tables, relationships and state changes. No I/O."""

from portal_api.models import (
    audit,
    auth,
    clients,
    documents,
    features,
    guardians,
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
    "audit",
    "auth",
    "clients",
    "documents",
    "features",
    "guardians",
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
