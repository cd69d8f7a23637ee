"""What to offer instead of a time that is taken."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from portal_api.core.db import Source
from portal_api.services.scheduling import slots
from portal_api.services.scheduling.claims import SlotTaken
from portal_api.services.scheduling.slots import Asker, Slot, Wish


async def near(
    source: Source,
    asker: Asker,
    practitioner_id: UUID,
    service_id: UUID,
    starts_at: datetime,
    *,
    mode: str | None = None,
    location_id: UUID | None = None,
) -> list[Slot]:
    """The free times that are nearest to this instant, at most five of the two weeks around it, in order."""
    day = starts_at.astimezone(UTC).date()
    wish = Wish(service_id, [practitioner_id], day, day, mode, location_id)
    return await slots.alternatives(source, asker, wish, starts_at)


@asynccontextmanager
async def offered(
    source: Source,
    asker: Asker,
    practitioner_id: UUID,
    service_id: UUID,
    starts_at: datetime,
    *,
    mode: str | None = None,
    location_id: UUID | None = None,
) -> AsyncIterator[None]:
    """Whatever finds the time taken within is raised with `alternatives`."""
    try:
        yield
    except SlotTaken as error:
        error.extras["alternatives"] = await near(
            source, asker, practitioner_id, service_id, starts_at, mode=mode, location_id=location_id
        )
        raise
