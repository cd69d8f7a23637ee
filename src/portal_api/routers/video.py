"""Joining an appointment by video."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from starlette.requests import Request

from portal_api.routers.deps import Anyone, CanHostVideo, CanJoinVideo, ReaderDep, SessionDep
from portal_api.schemas.base import Page, PageQuery
from portal_api.schemas.video import (
    Admission,
    HostJoinCreate,
    Join,
    JoinCreate,
    PresenceReport,
    Removal,
    VideoParticipant,
)
from portal_api.services import video
from portal_api.web.route import PortalRouter

router = PortalRouter(prefix="/v1", tag="video")


@router.post("/me/appointments/{appointment_id}/join", response_model=Join)
async def join_my_appointment(
    appointment_id: UUID, session: SessionDep, principal: CanJoinVideo, data: JoinCreate | None = None
) -> Any:
    """Come to a session, from half an hour before it unless the practice says otherwise. Safe to ask again."""
    return await video.join_as_client(session, principal, appointment_id, data or JoinCreate())


@router.post("/me/appointments/{appointment_id}/presence", status_code=204, response_model=None)
async def report_my_presence(
    appointment_id: UUID, data: PresenceReport, session: SessionDep, principal: CanJoinVideo
) -> Any:
    """Say that the caller's own connection began or ended."""
    await video.report(session, principal, appointment_id, data)


@router.post("/appointments/{appointment_id}/join", response_model=Join)
async def join_appointment(
    appointment_id: UUID, session: SessionDep, principal: CanHostVideo, data: HostJoinCreate | None = None
) -> Any:
    """Come to a session as its practitioner, or as who supervises them."""
    return await video.join_as_host(session, principal, appointment_id, data or HostJoinCreate())


@router.post("/appointments/{appointment_id}/presence", status_code=204, response_model=None)
async def report_presence(
    appointment_id: UUID, data: PresenceReport, session: SessionDep, principal: CanHostVideo
) -> Any:
    """Say that the caller's own connection began or ended."""
    await video.report(session, principal, appointment_id, data)


@router.get("/appointments/{appointment_id}/video-participants", response_model=Page[VideoParticipant])
async def list_video_participants(
    appointment_id: UUID, query: Annotated[PageQuery, Query()], reader: ReaderDep, principal: CanHostVideo
) -> Any:
    """Who waits, and who is there, in the order in which they came."""
    return await video.page(reader, principal, appointment_id, query)


@router.post("/appointments/{appointment_id}/admit", response_model=Page[VideoParticipant])
async def admit_to_appointment(
    appointment_id: UUID, session: SessionDep, principal: CanHostVideo, data: Admission | None = None
) -> Any:
    """Let people in from the waiting room: those who are named, or everybody who waits."""
    return await video.admit(session, principal, appointment_id, data or Admission())


@router.post("/appointments/{appointment_id}/remove", response_model=Page[VideoParticipant])
async def remove_from_appointment(
    appointment_id: UUID, data: Removal, session: SessionDep, principal: CanHostVideo
) -> Any:
    """Put people out of the session: they wait anew, also without a waiting room, until they are let in.

    LiveKit ends the connection; with Jitsi the host's own client does.
    """
    return await video.remove(session, principal, appointment_id, data)


@router.post("/video/livekit-webhook", status_code=204, response_model=None)
async def receive_livekit_webhook(request: Request, session: SessionDep, visitor: Anyone) -> Any:
    """Where a LiveKit server says who came and went; `Authorization` holds its own token, over the body."""
    await video.livekit_reported(session, visitor, await request.body(), request.headers.get("authorization", ""))
