"""Reminders of appointments."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query

from portal_api.routers.deps import (
    CanReadAppointments,
    CanReadClients,
    CanReadPortal,
    CanWriteClients,
    CanWritePortal,
    HasAppointments,
    IfMatch,
    ReaderDep,
    SessionDep,
)
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.scheduling.reminders import (
    Reminder,
    ReminderPreference,
    ReminderPreferencePut,
    ReminderSettings,
    ReminderSettingsUpdate,
)
from portal_api.services.scheduling import reminders
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="scheduling")


@router.get("/practice/reminders", response_model=ReminderSettings)
async def get_reminder_settings(reader: ReaderDep, principal: CanReadPortal) -> Any:
    """When the practice reminds clients of appointments."""
    return await reminders.get(reader)


@router.patch("/practice/reminders", response_model=ReminderSettings)
async def update_reminder_settings(
    data: ReminderSettingsUpdate, session: SessionDep, principal: CanWritePortal, if_match: IfMatch
) -> Any:
    """Change when the practice reminds. What would have been due before stays unsent."""
    return await reminders.update(session, principal, data, if_match)


@router.get("/me/reminders", response_model=ReminderPreference)
async def get_my_reminders(reader: ReaderDep, principal: HasAppointments) -> Any:
    """How the caller is reminded of appointments."""
    return await reminders.own_preference(reader, principal)


@router.put("/me/reminders", response_model=ReminderPreference)
async def put_my_reminders(data: ReminderPreferencePut, session: SessionDep, principal: HasAppointments) -> Any:
    """Choose how to be reminded, of the own appointments and of those one may view for others."""
    return await reminders.put_own_preference(session, principal, data)


@router.get("/clients/{client_id}/reminders", response_model=ReminderPreference)
async def get_client_reminders(client_id: UUID, reader: ReaderDep, principal: CanReadClients) -> Any:
    """How the client told staff to be reminded."""
    return await reminders.preference_of(reader, principal, client_id)


@router.put("/clients/{client_id}/reminders", response_model=ReminderPreference)
async def put_client_reminders(
    client_id: UUID, data: ReminderPreferencePut, session: SessionDep, principal: CanWriteClients
) -> Any:
    """Write down how the client wants to be reminded."""
    return await reminders.put_preference_of(session, principal, client_id, data)


@router.get("/appointments/{appointment_id}/reminders", response_model=Page[Reminder])
async def list_reminders(
    appointment_id: UUID, query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: CanReadAppointments
) -> Any:
    """What was sent of an appointment, to whom and how it went; what is to come appears two hours before."""
    return await reminders.page_of(reader, principal, appointment_id, query)
