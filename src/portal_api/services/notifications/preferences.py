"""How an account's holder wants to be told: kinds by channel, quiet hours, the digest's hour, consents (F14.M1)."""

from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Session, Source
from portal_api.core.errors import Fault, Invalid, PreconditionFailed, invalid
from portal_api.models.auth import Account
from portal_api.models.notifications import ContactConsent, NotificationPreference, NotificationSettings
from portal_api.schemas.notifications import Mode, NotificationPreferencesUpdate, QuietHours
from portal_api.services import audit
from portal_api.services.notifications import consents, kinds, wishes
from portal_api.services.notifications.kinds import Kind
from portal_api.services.notifications.unsubscribing import set_mode
from portal_api.services.notifications.wishes import RECIPIENT, RECIPIENTS

_chosen = (
    select(
        func.jsonb_object_agg(
            NotificationPreference.kind + "/" + NotificationPreference.channel, NotificationPreference.mode
        )
    )
    .where(NotificationPreference.recipient_id == RECIPIENT)
    .correlate(RECIPIENTS)
    .scalar_subquery()
)
OWN = Read(
    wishes.HOURS_OF.add_columns(
        NotificationSettings.time_zone.label("own_time_zone"),
        NotificationSettings.digest_at.label("own_digest_at"),
        NotificationSettings.updated_at,
        func.coalesce(NotificationSettings.version, 0).label("version"),
        consents.OF_ACCOUNT["email"].label("email_allowed"),
        consents.OF_ACCOUNT["sms"].label("sms_allowed"),
        _chosen.label("chosen"),
    ).outerjoin(ContactConsent, ContactConsent.recipient_id == RECIPIENT)
)


class Mandatory(Invalid):
    code, title = "notification_mandatory", "This notification cannot be changed in this way"


async def get(source: Source, principal: Principal) -> dict[str, Any]:
    """Everything that the caller may choose, and what holds."""
    row = await source.row(OWN, recipient_ids=[principal.account_id], own=list(principal.own_client_ids))
    assert row is not None  # noqa: S101 - one for each id
    chosen = row["chosen"] or {}
    quiet = {"start": row["quiet_from"], "end": row["quiet_until"]} if row["quiet_from"] else None
    return {
        "kinds": [_shown(kind, chosen) for kind in kinds.of_audience(principal.kind)],
        "quiet_hours": quiet,
        "time_zone": row["own_time_zone"],
        "effective_time_zone": row["time_zone"],
        "digest_at": row["own_digest_at"],
        "effective_digest_at": row["digest_at"],
        "consents": {"email": row["email_allowed"], "sms": row["sms_allowed"]} if principal.is_client else None,
        "updated_at": row["updated_at"],
        "version": row["version"],
    }


async def update(
    session: Session, principal: Principal, data: NotificationPreferencesUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what is given, for what is told from now on and what still waits.

    Raises PreconditionFailed with the current copy, Mandatory, Invalid.
    """
    account_id = principal.account_id
    assert account_id is not None  # noqa: S101 - the route is for accounts
    # The account's lock lets one of many make the row of its settings.
    await session.execute(select(Account.id).where(Account.id == account_id).with_for_update(key_share=True))
    current = await get(session, principal)
    if if_match is not None and current["version"] != if_match:
        raise PreconditionFailed(current=current)
    changes = data.given()
    settings = await _settings(session, account_id)
    _apply(settings, changes)
    if "kinds" in changes:
        await _choose(session, principal, account_id, data.kinds)
    if data.consents is not None:
        if not principal.is_client:
            raise invalid("/consents", "not_for_staff", "Consents to be contacted are the clients'.")
        await consents.update_of_account(session, principal, account_id, data.consents)
    settings.updated_at = await clock.now(session)
    await session.flush()
    after = await get(session, principal)
    details = {"kinds": sorted(data.kinds or {})} if "kinds" in changes else {}
    resource = ("account", account_id)
    await audit.record(
        session,
        principal,
        "notification_preferences.updated",
        resource=resource,
        changed=changes,
        details=details,
    )
    return after


async def _settings(session: Session, account_id: UUID) -> NotificationSettings:
    found = select(NotificationSettings).where(NotificationSettings.account_id == account_id)
    settings = await session.scalar(found)
    if settings is None:
        settings = NotificationSettings(account_id=account_id)
        session.add(settings)
    return settings


def _apply(settings: NotificationSettings, changes: dict[str, Any]) -> None:
    for name in ("time_zone", "digest_at"):
        if name in changes:
            setattr(settings, name, changes[name])
    if "quiet_hours" in changes:
        quiet: QuietHours | None = changes["quiet_hours"]
        settings.quiet_from, settings.quiet_until = (quiet.start, quiet.end) if quiet else (None, None)


async def _choose(
    session: Session, principal: Principal, account_id: UUID, wanted: dict[str, dict[Any, Mode | None] | None] | None
) -> None:
    known = {kind.key: kind for kind in kinds.of_audience(principal.kind)}
    for key, channels in (dict.fromkeys(known) if wanted is None else wanted).items():
        if key not in known:
            raise invalid(f"/kinds/{key}", "unknown_kind", f"There are: {', '.join(known)}.")
        if channels is None:
            channels = dict.fromkeys(known[key].channels)
        for channel, mode in channels.items():
            _must_be_offered(known[key], str(channel), mode)
            await _set(session, account_id, key, str(channel), mode)


def _must_be_offered(kind: Kind, channel: str, mode: str | None) -> None:
    offer, pointer = kind.channels.get(channel), f"/kinds/{kind.key}/{channel}"
    if offer is None:
        raise invalid(pointer, "unknown_channel", "This kind is not told by this channel.")
    if mode is None or mode in offer.modes:
        return
    detail = "This is always told at once." if offer.is_fixed else f"It can be: {', '.join(offer.modes)}."
    raise Mandatory(detail, faults=(Fault(pointer, "notification_mandatory", detail),))


async def _set(session: Session, account_id: UUID, key: str, channel: str, mode: str | None) -> None:
    if mode is not None:
        await set_mode(session, account_id, key, channel, mode)
        return
    back = delete(NotificationPreference).where(
        NotificationPreference.recipient_id == account_id,
        NotificationPreference.kind == key,
        NotificationPreference.channel == channel,
    )
    await session.execute(back.execution_options(synchronize_session=False))


def _shown(kind: Kind, chosen: dict[str, str]) -> dict[str, Any]:
    channels = {}
    for channel, offer in kind.channels.items():
        mode = chosen.get(f"{kind.key}/{channel}", offer.default)
        channels[channel] = {
            "mode": mode if mode in offer.modes else offer.default,
            "default": offer.default,
            "allowed": list(offer.modes),
        }
    return {"kind": kind.key, "title": kind.title, "importance": kind.importance, "channels": channels}
