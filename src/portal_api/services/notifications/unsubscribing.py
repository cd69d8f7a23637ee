"""Ending a kind of mail by the link in its header, in one click and without signing in (RFC 8058, F14.B3)."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Binding, Session
from portal_api.core.errors import NotFound
from portal_api.core.limits import Limit
from portal_api.core.sealing import Secret, SecretError
from portal_api.models.auth import Account
from portal_api.models.notifications import NotificationPreference, NotificationSettings, UnsubscribeLink
from portal_api.models.scheduling import ReminderPreference
from portal_api.services import audit
from portal_api.services.notifications import kinds, wishes
from portal_api.services.notifications.kinds import BY_KEY, DIGEST, REMINDERS

PER_NETWORK = Limit("unsubscribe", 300, timedelta(hours=1))
EMAIL = "email"
_PURPOSE = "unsubscribe"


async def headers(session: Session, recipient_id: UUID, kind: str) -> dict[str, str]:
    """What a mail of this kind carries; nothing where it cannot be ended."""
    if kind in BY_KEY and "off" not in _modes(kind):
        return {}
    secret = session.tools.vault.secret(_PURPOSE, session.binding.practice_id, str(recipient_id), kind)
    row = insert(UnsubscribeLink).values(
        practice_id=session.binding.practice_id, secret_hash=secret.hash, recipient_id=recipient_id, kind=kind
    )
    await session.execute(row.on_conflict_do_nothing())
    url = f"{session.tools.settings.public_url.rstrip('/')}/v1/unsubscribe/{secret.text}"
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


async def end(session: Session, visitor: Principal, text: str) -> None:
    """End what the link is for; a second use changes nothing. Raises NotFound, TooMany."""
    await session.tools.limiter.hit({PER_NETWORK: visitor.origin.network})
    try:
        secret = Secret.parse(text)
    except SecretError:
        raise NotFound from None
    await session.rebind(Binding(secret.practice_id, ActorKind.ANONYMOUS))
    link = await session.scalar(select(UnsubscribeLink).where(UnsubscribeLink.secret_hash == secret.hash))
    if link is None:
        raise NotFound
    if link.kind == REMINDERS:
        await _no_reminders(session, link.recipient_id)
    else:
        await _count(session, link.recipient_id)
        for kind in await _ended(session, link):
            await set_mode(session, link.recipient_id, kind, EMAIL, "off")
    details = {"kind": link.kind, "channel": EMAIL, "mode": "off"}
    await audit.record(
        session,
        visitor,
        "notification_preferences.updated",
        resource=("recipient", link.recipient_id),
        reason="unsubscribe_link",
        details=details,
    )


async def set_mode(session: Session, recipient_id: UUID, kind: str, channel: str, mode: str) -> None:
    """Write down what somebody wants."""
    row = insert(NotificationPreference).values(
        practice_id=session.binding.practice_id, recipient_id=recipient_id, kind=kind, channel=channel, mode=mode
    )
    key = ["practice_id", "recipient_id", "kind", "channel"]
    await session.execute(row.on_conflict_do_update(index_elements=key, set_={"mode": mode, "updated_at": func.now()}))


async def _count(session: Session, recipient_id: UUID) -> None:
    """What an account's holder chose is another version now; whoever else changes it waits."""
    held = select(Account.id).where(Account.id == recipient_id).with_for_update(key_share=True)
    if await session.scalar(held) is None:
        return
    row = insert(NotificationSettings).values(practice_id=session.binding.practice_id, account_id=recipient_id)
    again = {"version": NotificationSettings.version + 1, "updated_at": func.now()}
    await session.execute(row.on_conflict_do_update(index_elements=["practice_id", "account_id"], set_=again))


def _modes(kind: str) -> tuple[str, ...]:
    offer = BY_KEY[kind].channels.get(EMAIL)
    return offer.modes if offer else ()


async def _ended(session: Session, link: UnsubscribeLink) -> list[str]:
    """Of a digest, every kind that comes in it."""
    if link.kind != DIGEST:
        return [link.kind]
    account = await session.scalar(select(Account.kind).where(Account.id == link.recipient_id))
    audience = kinds.of_audience(ActorKind(account or ActorKind.CLIENT))
    return [
        kind.key
        for kind in audience
        if (await wishes.modes_of(session, kind, [link.recipient_id]))[link.recipient_id].email == "digest"
    ]


async def _no_reminders(session: Session, recipient_id: UUID) -> None:
    """By mail, the one way that there is."""
    row = insert(ReminderPreference).values(
        practice_id=session.binding.practice_id, recipient_id=recipient_id, channels=[]
    )
    without = func.array_remove(ReminderPreference.channels, EMAIL)
    await session.execute(
        row.on_conflict_do_update(
            index_elements=["practice_id", "recipient_id"], set_={"channels": without, "updated_at": func.now()}
        )
    )
