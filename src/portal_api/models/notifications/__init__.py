"""Who is told of what, by which way, and what was sent."""

from portal_api.models.notifications.deliveries import (
    OPEN_DELIVERIES,
    MailDelivery,
    SuppressedAddress,
    UnsubscribeLink,
)
from portal_api.models.notifications.inbox import Notification
from portal_api.models.notifications.push import PushSubscription
from portal_api.models.notifications.wishes import (
    ContactConsent,
    DigestCursor,
    NotificationPreference,
    NotificationSettings,
)

__all__ = [
    "OPEN_DELIVERIES",
    "ContactConsent",
    "DigestCursor",
    "MailDelivery",
    "Notification",
    "NotificationPreference",
    "NotificationSettings",
    "PushSubscription",
    "SuppressedAddress",
    "UnsubscribeLink",
]
