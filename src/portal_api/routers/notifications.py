"""Notifications: the inbox, how somebody wants to be told, devices to wake, and the log of what was sent."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    Anyone,
    CanReadClients,
    CanReadNotificationLog,
    CanWriteClients,
    IfMatch,
    ReaderDep,
    SessionDep,
    SignedIn,
)
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.notifications import (
    ContactConsents,
    ContactConsentsUpdate,
    DigestPreview,
    Inbox,
    InboxQuery,
    LogEntry,
    LogQuery,
    Notification,
    NotificationPreferences,
    NotificationPreferencesUpdate,
    PushSubscription,
    PushSubscriptionCreate,
    PushSubscriptions,
    ReadAll,
    Unread,
)
from portal_api.services.notifications import (
    consents,
    devices,
    digests,
    inbox,
    log,
    preferences,
    unsubscribing,
)
from portal_api.web.replies import Reply
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="notifications")
HTML = "text/html; charset=utf-8"
PAGE: Any = {200: {"description": "A page.", "content": {"text/html": {"schema": {"type": "string"}}}}}
ASK = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Unsubscribe</title></head><body><main>
<h1>Unsubscribe</h1>
<p>Do you want no more mails of this kind?</p>
<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click"><button>Unsubscribe</button></form>
</main></body></html>
"""
DONE = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Unsubscribed</title></head><body><main>
<h1>Unsubscribed</h1>
<p>You get no more mails of this kind. You can change this in the portal.</p>
</main></body></html>
"""


@router.get("/me/notifications", response_model=Inbox)
async def list_notifications(query: Annotated[InboxQuery, Query()], reader: ReaderDep, principal: SignedIn) -> Any:
    """The caller's inbox, newest first, and how much of it is unread."""
    return await inbox.page(reader, principal, query)


@router.post("/me/notifications/read-all", response_model=Unread)
async def read_all_notifications(session: SessionDep, principal: SignedIn, data: ReadAll | None = None) -> Any:
    """Mark everything as read, up to the newest that was seen."""
    return await inbox.mark_all_read(session, principal, data.up_to if data else None)


@router.post("/me/notifications/{notification_id}/read", response_model=Notification)
async def read_notification(notification_id: UUID, session: SessionDep, principal: SignedIn) -> Any:
    """Mark one as read."""
    return await inbox.mark_read(session, principal, notification_id)


@router.get("/me/notification-preferences", response_model=NotificationPreferences)
async def get_notification_preferences(reader: ReaderDep, principal: SignedIn) -> Any:
    """How the caller is told of what, and when."""
    return Reply(await preferences.get(reader, principal), tagged=True)


@router.patch("/me/notification-preferences", response_model=NotificationPreferences)
async def update_notification_preferences(
    data: NotificationPreferencesUpdate, session: SessionDep, principal: SignedIn, if_match: IfMatch
) -> Any:
    """Choose how to be told: by kind and channel, outside quiet hours, at an hour for the digest."""
    return Reply(await preferences.update(session, principal, data, if_match), tagged=True)


@router.get("/me/digest/preview", response_model=DigestPreview)
async def preview_digest(reader: ReaderDep, principal: SignedIn) -> Any:
    """What the caller's next daily digest would say, and when it comes."""
    return await digests.preview(reader, principal)


@router.get("/me/push-subscriptions", response_model=PushSubscriptions)
async def list_push_subscriptions(query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: SignedIn) -> Any:
    """The caller's devices that are woken, and the key that a browser subscribes with."""
    return await devices.page(reader, principal, query)


@router.post("/me/push-subscriptions", status_code=201, response_model=PushSubscription)
async def create_push_subscription(data: PushSubscriptionCreate, session: SessionDep, principal: SignedIn) -> Any:
    """Wake the device that asks when there is something new. A second time replaces its address and keys."""
    return await devices.register(session, principal, data)


@router.delete("/me/push-subscriptions/{subscription_id}", status_code=204, response_model=None)
async def delete_push_subscription(subscription_id: UUID, session: SessionDep, principal: SignedIn) -> Any:
    """Wake the device no more."""
    await devices.remove(session, principal, subscription_id)


@router.get("/clients/{client_id}/contact-consents", response_model=ContactConsents)
async def get_contact_consents(client_id: UUID, reader: ReaderDep, principal: CanReadClients) -> Any:
    """By which channels the client told staff that they agree to be contacted."""
    return await consents.of_client(reader, principal, client_id)


@router.patch("/clients/{client_id}/contact-consents", response_model=ContactConsents)
async def update_contact_consents(
    client_id: UUID, data: ContactConsentsUpdate, session: SessionDep, principal: CanWriteClients
) -> Any:
    """Write down by which channels the client agrees to be contacted."""
    return await consents.update_of_client(session, principal, client_id, data)


@router.get("/practice/notification-log", response_model=Page[LogEntry])
async def list_notification_log(
    query: Annotated[LogQuery, Query()], reader: ReaderDep, principal: CanReadNotificationLog
) -> Any:
    """The mails of the practice and how they fared, newest first; never what they said."""
    return await log.page(reader, principal, query)


@router.get("/unsubscribe/{secret}", response_model=None, responses=PAGE)
async def show_unsubscribe(secret: str, visitor: Anyone) -> Any:
    """A page that asks; the same for every link, and nothing changes by looking at it."""
    return Reply(ASK, media_type=HTML)


@router.post("/unsubscribe/{secret}", response_model=None, responses=PAGE)
async def unsubscribe(secret: str, session: SessionDep, visitor: Anyone) -> Any:
    """End the kind of mail that the link came with, in one click (RFC 8058)."""
    await unsubscribing.end(session, visitor, secret)
    return Reply(DONE, media_type=HTML)
