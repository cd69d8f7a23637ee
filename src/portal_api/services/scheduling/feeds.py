"""Calendar feeds behind secret links (F10.M9): made, changed and ended by their holder, read by who has the link."""

import asyncio
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, select

from portal_api.core import clock
from portal_api.core.access import ActorKind, GrantPermission, Principal
from portal_api.core.db import Binding, Read, Reader, Session, Source
from portal_api.core.errors import NotFound, PreconditionFailed, invalid
from portal_api.core.ids import new_id
from portal_api.core.limits import Limit
from portal_api.core.sealing import Secret, SecretError
from portal_api.integrations.calendars import Entry, calendar
from portal_api.models.auth import Account
from portal_api.models.portal import PortalSettings
from portal_api.models.scheduling import Appointment, AppointmentAttendee, CalendarFeed, Privacy
from portal_api.models.staff import StaffMember
from portal_api.schemas.scheduling.calendars import CalendarFeedCreate, CalendarFeedUpdate
from portal_api.services import audit
from portal_api.services.auth import accounts, authority
from portal_api.services.scheduling import calendar_changes, entries

PER_FEED = Limit("calendar-feed", 120, timedelta(hours=1))
PER_NETWORK = Limit("calendar-feeds", 1200, timedelta(hours=1))
MOST = 5_000
"""Rows of one feed. What is farthest ahead is left out first."""
ONE = Read(
    select(
        CalendarFeed.linked_at.is_not(None).label("active"),
        CalendarFeed.privacy,
        CalendarFeed.linked_at.label("created_at"),
        CalendarFeed.updated_at,
        CalendarFeed.version,
    ).where(CalendarFeed.account_id == bindparam("account_id"))
)
HOLDER = Read(
    select(
        CalendarFeed.id,
        CalendarFeed.account_id,
        CalendarFeed.privacy,
        CalendarFeed.version,
        func.greatest(CalendarFeed.updated_at, func.date_trunc("day", func.now())).label("changed_at"),
        Account.kind,
        StaffMember.id.label("staff_id"),
        PortalSettings.enabled.label("portal_enabled"),
        authority.live_grants(CalendarFeed.account_id).label("grants"),
    )
    .select_from(CalendarFeed)
    .join(Account, Account.id == CalendarFeed.account_id)
    .join(PortalSettings, PortalSettings.practice_id == CalendarFeed.practice_id)
    .outerjoin(StaffMember, and_(StaffMember.account_id == Account.id, StaffMember.state == "active"))
    .where(CalendarFeed.secret_hash == bindparam("secret_hash"), Account.suspended_at.is_(None))
)
_OF_STAFF = (
    Appointment.practitioner_id == bindparam("staff_id"),
    Appointment.starts_at > func.now() - entries.PAST,
    Appointment.starts_at < func.now() + entries.AHEAD,
)
_OF_CLIENTS = (
    AppointmentAttendee.starts_at > func.now() - entries.PAST,
    AppointmentAttendee.starts_at < func.now() + entries.AHEAD,
)
OF_STAFF = Read(entries.of_staff().where(*_OF_STAFF).limit(MOST))
OF_CLIENTS = Read(entries.of_clients().where(*_OF_CLIENTS).limit(MOST))
STAFF_CHANGES = Read(calendar_changes.of_staff(*_OF_STAFF, most=MOST))
CLIENT_CHANGES = Read(calendar_changes.of_clients(*_OF_CLIENTS, most=MOST))


@dataclass(frozen=True, slots=True)
class Seen:
    """What the caller has from before: the ETags and the moment of its copy (RFC 9110 section 13.1)."""

    etags: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """`content` is None where the caller's copy is still right."""

    etag: str
    changed_at: datetime
    content: bytes | None


async def get(source: Source, principal: Principal) -> dict[str, Any]:
    """The caller's feed, without its link; for who never had one, an inactive one of version 0."""
    row = await source.row(ONE, account_id=principal.account_id)
    return row or {"active": False, "privacy": Privacy.INITIALS, "created_at": None, "updated_at": None, "version": 0}


async def create(session: Session, principal: Principal, data: CalendarFeedCreate) -> dict[str, Any]:
    """A new link, which is in this answer only. An older one ends at once."""
    feed, secret = await _locked(session, principal), Secret.random(principal.practice_id)
    rotated = feed.secret_hash is not None
    feed.secret_hash, feed.linked_at = secret.hash, await clock.now(session)
    feed.privacy = data.privacy or feed.privacy
    await _record(session, principal, "calendar_feed.rotated" if rotated else "calendar_feed.created", feed)
    url = f"{session.tools.settings.public_url.rstrip('/')}/v1/calendar-feeds/{secret.text}.ics"
    return await get(session, principal) | {"url": url}


async def update(
    session: Session, principal: Principal, data: CalendarFeedUpdate, if_match: int | None
) -> dict[str, Any]:
    """Change what it says of names; the link stays. Raises PreconditionFailed, Invalid for a null."""
    feed = await _locked(session, principal)
    current = await get(session, principal)
    if if_match is not None and current["version"] != if_match:
        raise PreconditionFailed(current=current)
    for name, value in data.given().items():
        if value is None:
            raise invalid(f"/{name}", "null_not_allowed", "This cannot be cleared.")
        setattr(feed, name, value)
    await _record(session, principal, "calendar_feed.updated", feed)
    return await get(session, principal)


async def remove(session: Session, principal: Principal) -> None:
    """The link ends, if there is one, and nothing takes its place."""
    feed = await _locked(session, principal)
    if feed.secret_hash is not None:
        feed.secret_hash, feed.linked_at = None, None
        await _record(session, principal, "calendar_feed.removed", feed)


async def read(reader: Reader, visitor: Principal, text: str, seen: Seen) -> Document:
    """The calendar behind a link.

    Raises TooMany, and NotFound, the same for a link that never was, one that ended, and one whose holder's access is
    suspended, over or without anybody to act for.
    """
    await reader.tools.limiter.hit({PER_NETWORK: visitor.origin.network, PER_FEED: text})
    try:
        secret = Secret.parse(text)
    except SecretError:
        raise NotFound from None
    reader.binding = Binding.system(secret.practice_id)
    holder = await reader.row(HOLDER, secret_hash=secret.hash)
    if holder is None:
        raise NotFound
    scope = _scope(reader, holder)
    changes = await reader.row(CLIENT_CHANGES if "viewing" in scope else STAFF_CHANGES, **scope)
    assert changes is not None  # noqa: S101 - aggregates are one row
    version = [holder["id"], holder["version"], scope, changes]
    etag = f'"{hashlib.sha256(repr(version).encode()).hexdigest()[:32]}"'
    changed_at = max(holder["changed_at"], changes["last"] or holder["changed_at"])
    if _is_current(seen, etag, changed_at):
        return Document(etag, changed_at, None)
    found = await _entries(reader, holder, scope)
    _note_reading(reader, visitor, holder, len(found))
    # The first time takes a while; the process has other requests to answer meanwhile.
    content = await asyncio.to_thread(calendar, found, name="Appointments")
    return Document(etag, changed_at, content)


def _scope(reader: Reader, holder: dict[str, Any]) -> dict[str, Any]:
    """Whose appointments the holder sees: a practitioner's, or those of clients. Raises NotFound for nobody's."""
    if holder["kind"] == ActorKind.STAFF:
        if holder["staff_id"] is None:
            raise NotFound
        return {"staff_id": holder["staff_id"]}
    held = (authority.profile_of(grant) for grant in holder["grants"] or ())
    profiles = [profile for profile in held if profile.may(GrantPermission.APPOINTMENTS_VIEW)]
    viewing = sorted(profile.client_id for profile in profiles)
    if not viewing or not holder["portal_enabled"]:
        raise NotFound
    # From here on it is the client who reads: row-level security shows nobody else's.
    own = tuple(profile.client_id for profile in profiles if profile.is_own)
    reader.binding = Binding(reader.binding.practice_id, ActorKind.CLIENT, tuple(viewing), own)
    return {"viewing": viewing}


async def _entries(reader: Reader, holder: dict[str, Any], scope: dict[str, Any]) -> list[Entry]:
    privacy, settings = holder["privacy"], reader.tools.settings
    if "viewing" not in scope:
        return await entries.for_staff(reader, await reader.rows(OF_STAFF, **scope), privacy, settings)
    rows = await reader.rows(OF_CLIENTS, **scope)
    return list(entries.client_entries(rows, privacy, settings, several=len(scope["viewing"]) > 1))


def _is_current(seen: Seen, etag: str, changed_at: datetime) -> bool:
    """If-None-Match goes before If-Modified-Since, which knows no fractions of seconds.

    Of what leaves the feed only the ETag knows; so that nobody keeps an old copy for long, the moment is never before
    this day's start.
    """
    if seen.etags is not None:
        return seen.etags.strip() == "*" or etag in (each.strip().removeprefix("W/") for each in seen.etags.split(","))
    return seen.since is not None and changed_at.replace(microsecond=0) <= seen.since


def _note_reading(reader: Reader, visitor: Principal, holder: dict[str, Any], count: int) -> None:
    kind = ActorKind(holder["kind"])
    principal = Principal(reader.binding.practice_id, kind, visitor.origin, account_id=holder["account_id"])
    audit.viewed(reader, principal, "calendar_feed.read", (), details={"entries": count})


async def _record(session: Session, principal: Principal, type: str, feed: CalendarFeed) -> None:
    await session.flush()
    resource = ("calendar_feed", feed.id)
    await audit.record(session, principal, type, resource=resource, details={"privacy": feed.privacy})


async def _locked(session: Session, principal: Principal) -> CalendarFeed:
    """The caller's feed, held for a change; made where there is none. The account's lock lets one of many make it."""
    account = await accounts.locked(session, principal.account_id)
    feed = await session.scalar(select(CalendarFeed).where(CalendarFeed.account_id == account.id))
    if feed is None:
        feed = CalendarFeed(id=new_id(), account_id=account.id, privacy=Privacy.INITIALS)
        session.add(feed)
    return feed
