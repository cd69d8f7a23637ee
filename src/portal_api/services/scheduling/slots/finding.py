"""The searches that the API offers."""

from datetime import timedelta
from typing import Any

from portal_api.core.access import Principal
from portal_api.core.db import Reader
from portal_api.core.limits import Limit
from portal_api.models.scheduling import Audience
from portal_api.schemas.scheduling.slots import MySlotQuery, SlotQuery
from portal_api.services.scheduling import newcomers
from portal_api.services.scheduling.slots.search import NEWCOMER, STAFF, Asker, Wish, search

VISITORS = Limit("public-slots", 120, timedelta(minutes=1))


async def for_staff(reader: Reader, query: SlotQuery) -> dict[str, Any]:
    """What is free in the practitioners' hours, at any notice. Raises NotFound."""
    return await _found(reader, STAFF, query)


async def for_portal(reader: Reader, principal: Principal, query: MySlotQuery) -> dict[str, Any]:
    """What a client may ask for. Raises NotFound, FeatureDisabled, Invalid where the client must be named."""
    profile = principal.profile(query.client_id)
    return await _found(reader, Asker(Audience.EXISTING, profile.client_id), query)


async def for_newcomers(reader: Reader, visitor: Principal, link: str, query: SlotQuery) -> dict[str, Any]:
    """What people without a chart may ask for. Raises NotFound where the practice takes no such requests, TooMany."""
    await reader.tools.limiter.hit({VISITORS: visitor.origin.network})
    await newcomers.enter(reader, link)
    return await _found(reader, NEWCOMER, query)


async def _found(reader: Reader, asker: Asker, query: SlotQuery) -> dict[str, Any]:
    ids = list(dict.fromkeys(query.practitioner_id)) or None
    wish = Wish(query.service_id, ids, query.from_, query.to, query.mode, query.location_id)
    slots = await search(reader, asker, wish, query.limit + 1)
    return {"data": slots[: query.limit], "more": len(slots) > query.limit}
