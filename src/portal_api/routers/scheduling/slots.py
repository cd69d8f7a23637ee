"""Free times."""

from typing import Annotated, Any

from fastapi import Query

from portal_api.routers.deps import Anyone, CanReadSlots, CanRequestAppointments, ReaderDep
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.scheduling.slots import (
    ExplainQuery,
    MySlotQuery,
    PortalService,
    SlotExplanation,
    SlotQuery,
    Slots,
)
from portal_api.services.scheduling import newcomers, slots
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="scheduling")


@router.get("/slots", response_model=Slots)
async def list_slots(query: Annotated[SlotQuery, Query()], reader: ReaderDep, principal: CanReadSlots) -> Any:
    """What is free in the practitioners' hours. Staff may book outside of these as well."""
    return await slots.for_staff(reader, query)


@router.get("/slots/explain", response_model=SlotExplanation)
async def explain_slot(query: Annotated[ExplainQuery, Query()], reader: ReaderDep, principal: CanReadSlots) -> Any:
    """Why a client is, or is not, offered a time: every rule, and which of them hides it."""
    return await slots.explain(reader, principal, query)


@router.get("/me/slots", response_model=Slots)
async def list_my_slots(
    query: Annotated[MySlotQuery, Query()], reader: ReaderDep, principal: CanRequestAppointments
) -> Any:
    """What a client may ask for."""
    return await slots.for_portal(reader, principal, query)


@router.get("/portals/{slug}/slots", response_model=Slots)
async def list_portal_slots(slug: str, query: Annotated[SlotQuery, Query()], reader: ReaderDep, visitor: Anyone) -> Any:
    """What somebody without a chart may ask for, where the practice takes such requests."""
    return await slots.for_newcomers(reader, visitor, slug, query)


@router.get("/portals/{slug}/services", response_model=Page[PortalService])
async def list_portal_services(
    slug: str, query: Annotated[PageQuery, Query()], reader: ReaderDep, visitor: Anyone
) -> Any:
    """What somebody without a chart can ask for, and with whom."""
    return await newcomers.page_services(reader, visitor, slug, query)
