"""The mail to somebody unknown who asks for an appointment: when it would be, never why, and nobody's name."""

from datetime import timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal_api.core.db import Session
from portal_api.models.audit import Event
from portal_api.models.practices import Practice
from portal_api.models.scheduling import AppointmentRequest
from portal_api.services.auth import secrets
from portal_api.services.notifications.composing import when
from portal_api.services.notifications.letters import Letter, app_link, letter, open_secret


@letter("appointment_request.held")
async def confirm_request(session: Session, event: Event) -> Letter | None:
    secret = await open_secret(session, event)
    asked = select(AppointmentRequest).where(AppointmentRequest.id == UUID(event.details["request_id"]))
    request = await session.scalar(asked)
    if secret is None or request is None:
        return None
    here = select(Practice.time_zone).where(Practice.id == session.binding.practice_id)
    zone = ZoneInfo(str(await session.scalar(here)))
    token = secrets.text_of(session.tools, secret).text
    values: dict[str, str | timedelta] = {
        "link": await app_link(session, f"/verify-email#token={token}"),
        "code": secrets.code_of(session.tools, secret),
        "valid_for": secrets.LIFETIMES["email_verification"],
        "when": when(request.starts_at, zone),
    }
    return Letter("request_confirmation", secret.email, request.id, secret.account_id, values)
