"""What a portal says of its practice to anybody (F1.M3)."""

import re
from typing import Any
from uuid import UUID

from sqlalchemy import select

from portal_api.core.access import ActorKind
from portal_api.core.db import Binding, Read, Reader
from portal_api.core.errors import NotFound
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.services import features
from portal_api.services.auth import practice_door

_LINK_TEXT = re.compile(r"[a-z0-9-]{1,63}")
PROFILE = Read(
    select(
        Practice.name,
        Practice.address,
        Practice.hide_address,
        Practice.phone,
        Practice.branding,
        Practice.time_zone,
        PortalSettings.slug,
        PortalSettings.allow_client_signup.label("signup_allowed"),
    )
    .join(PortalSettings, PortalSettings.practice_id == Practice.id)
    .where(PortalSettings.enabled)
)


async def get(reader: Reader, link: str) -> dict[str, Any]:
    """The profile behind a link, present or past: its `slug` is the present one.

    Raises NotFound, the same for a link that nobody has and for a portal that is off.
    """
    slug = link.lower()
    row = await reader.row(practice_door.LINK, slug=slug) if _LINK_TEXT.fullmatch(slug) else None
    if row is None:
        raise NotFound
    reader.binding = Binding(UUID(str(row["practice_id"])), ActorKind.ANONYMOUS)
    profile = await reader.row(PROFILE)
    if profile is None:
        raise NotFound
    if profile.pop("hide_address"):
        profile["address"] = None
    switches = (await features.of_practice(reader)).features
    # Nobody can publish a time yet, so there is none that a new client could book.
    return profile | {"features": switches, "booking_for_new_clients": False}
