"""Tables, relationships and state changes. No I/O."""

from portal_api.models import (
    audit,
    auth,
    client_information,
    clients,
    features,
    insurance,
    invitations,
    notifications,
    onboarding,
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
    "client_information",
    "clients",
    "features",
    "insurance",
    "invitations",
    "notifications",
    "onboarding",
    "portal",
    "practices",
    "prospects",
    "retries",
    "scheduling",
    "staff",
    "video",
]
