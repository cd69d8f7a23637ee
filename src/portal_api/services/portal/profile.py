"""What a portal says of its practice to anybody (F1.M3)."""

from typing import Any

from sqlalchemy import bindparam, select

from portal_api.core.db import Read, Reader
from portal_api.core.errors import NotFound
from portal_api.models.portal import PortalSettings
from portal_api.models.practices import Practice
from portal_api.services import features
from portal_api.services.auth import practice_door
from portal_api.services.scheduling import newcomers

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
    .where(PortalSettings.enabled, Practice.id == bindparam("practice_id"))
)


async def get(reader: Reader, link: str) -> dict[str, Any]:
    """The profile behind a link, present or past: its `slug` is the present one.

    Raises NotFound, the same for a link that nobody has and for a portal that is off.
    """
    await practice_door.enter(reader, link)
    profile = await reader.row(PROFILE)
    if profile is None:
        raise NotFound
    if profile.pop("hide_address"):
        profile["address"] = None
    switches = (await features.of_practice(reader)).features
    return profile | {
        "features": switches,
        "booking_for_new_clients": await newcomers.can_book(reader),
        "bot_check": reader.tools.settings.bot_check,
    }
