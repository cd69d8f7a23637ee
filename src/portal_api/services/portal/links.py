"""The portal's link: which names may be taken, and who has taken them (F1.M1, F1.B1, A51)."""

import re
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Read, Reader, Session
from portal_api.core.errors import Conflict, invalid
from portal_api.core.limits import Limit
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import PracticeLink
from portal_api.schemas.portal import LinkQuery, PortalEnable
from portal_api.services import audit
from portal_api.services.portal import settings as portal_settings
from portal_api.services.previews import test_client

LOOKUPS = Limit("link-availability", 30, timedelta(minutes=1))
_WORDS = """
about abuse access account accounts admin administrator api apis app apps assets auth autoconfig autodiscover
billing blog cdn client clients contact dashboard dev developer developers dns docs documentation download
email embed example fhir files ftp graphql guest health healthz help host hostmaster https imap images info
internal invite invitations legal localhost login logout mail mailer media metrics mobile news noreply
no-reply null oauth official openapi operator owner pay payment payments pop3 portal portals postmaster
practice practices preview privacy prod production public readyz register root secure security server service
services settings setup sftp sign-in sign-up signin signup smtp ssl sso staff staging static status support
system sysadmin team terms test tls undefined update uploads verify video webhook webhooks webmail webmaster
website well-known wpad www www1 www2
"""
RESERVED = frozenset(_WORDS.split())
_SLUG = re.compile(r"(?=.{3,63}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")
_UUID_LIKE = re.compile(r"[0-9a-f]{32}")
TAKEN = Read(select(PracticeLink.slug).where(PracticeLink.slug == bindparam("slug")))
Reason = Literal["invalid", "reserved", "taken"]


class SlugTaken(Conflict):
    code, title = "slug_taken", "This link is taken"


def fault(slug: str) -> Literal["invalid", "reserved"] | None:
    """Why nobody may have this (case-folded) link. What reads as an id would be taken for a practice's id."""
    if not _SLUG.fullmatch(slug) or _UUID_LIKE.fullmatch(slug.replace("-", "")):
        return "invalid"
    return "reserved" if slug in RESERVED else None


async def availability(reader: Reader, principal: Principal, query: LinkQuery) -> dict[str, Any]:
    """Whether the link could be claimed now, and if not, why. Raises TooMany."""
    await reader.tools.limiter.hit({LOOKUPS: str(principal.account_id)})
    reason: Reason | None = fault(query.slug)
    if reason is None and await reader.row(TAKEN, slug=query.slug):
        reason = "taken"
    return {"slug": query.slug, "available": reason is None, "reason": reason}


async def enable(session: Session, principal: Principal, data: PortalEnable) -> dict[str, Any]:
    """Turn the portal on; the first time claims its link. With it comes a client to try it with (F16.M1).

    Raises Invalid, SlugTaken, SlugLocked.
    """
    row = await portal_settings.locked(session)
    if row.slug is None:
        if data.slug is None:
            raise invalid("/slug", "missing", "The first time, choose the portal's link.")
        await _claim(session, row, data.slug)
    elif data.slug not in (None, row.slug):
        raise portal_settings.SlugLocked
    if not row.enabled:
        row.enable(row.slug, await clock.now(session))
        await session.flush()
        await audit.record(
            session,
            principal,
            "portal.enabled",
            resource=("portal", row.practice_id),
            changed=["enabled"],
            details={"enabled": {"from": False, "to": True}, "slug": row.slug},
        )
        await test_client.make(session, principal)
    return await portal_settings.get(session)


async def change_link(session: Session, principal: Principal, slug: str) -> dict[str, Any]:
    """Give the practice another link, for the operator. The old one redirects and stays the practice's own.

    `session` is bound to the practice. Raises Invalid, SlugTaken.
    """
    row = await portal_settings.locked(session)
    old, new = row.slug, slug.strip().lower()
    if new == old:
        return await portal_settings.get(session)
    present = PracticeLink.practice_id == row.practice_id, PracticeLink.is_current
    await session.execute(update(PracticeLink).where(*present).values(is_current=False))
    await _claim(session, row, new)
    await session.flush()
    await audit.record(
        session,
        principal,
        "portal.link_changed",
        resource=("portal", row.practice_id),
        changed=["slug"],
        details={"slug": {"from": old, "to": new}},
    )
    return await portal_settings.get(session)


async def _claim(session: Session, row: PortalSettings, slug: str) -> None:
    """Make the link the practice's present one. The primary key of all links decides who is first."""
    match fault(slug):
        case "invalid":
            raise invalid("/slug", "slug_invalid", "Use 3 to 63 of a-z and 0-9, with single hyphens between them.")
        case "reserved":
            raise invalid("/slug", "slug_reserved", "This link is reserved. Choose another.")
        case None:
            pass
    new = insert(PracticeLink).values(slug=slug, practice_id=row.practice_id)
    own = new.excluded.practice_id == PracticeLink.practice_id
    claim = new.on_conflict_do_update(index_elements=["slug"], set_={"is_current": True}, where=own)
    if (await session.execute(claim.returning(PracticeLink.slug))).scalar_one_or_none() is None:
        raise SlugTaken
    row.slug = slug
