"""The mails of appointment requests: that there is one, or when; never why, and nobody's name."""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, select, true

from portal_api.core.db import Session
from portal_api.integrations.mail_templates import Template
from portal_api.models.audit import Event
from portal_api.models.auth import Account
from portal_api.models.clients import SELF, Client, ClientGrant
from portal_api.models.practices import Practice
from portal_api.models.scheduling import AppointmentRequest
from portal_api.models.staff import StaffMember
from portal_api.services.auth import secrets
from portal_api.services.notifications.letters import Letter, app_link, letter, open_secret

FOR_PRACTITIONERS: dict[str, Template] = {
    "appointment_request.created": "request_received",
    "appointment_request.withdrawn": "request_changed",
    "appointment_request.counter_offer_accepted": "request_changed",
    "appointment_request.counter_offer_declined": "request_changed",
}
FOR_CLIENTS: dict[str, tuple[Template, str]] = {
    "appointment_request.accepted": ("request_accepted", "/appointments"),
    "appointment_request.counter_offered": ("request_counter_offered", "/appointment-requests"),
    "appointment_request.declined": ("request_declined", "/book"),
    "appointment_request.expired": ("request_expired", "/book"),
    "appointment_request.lapsed": ("request_lapsed", "/book"),
}
_DATED = {"appointment_request.accepted", "appointment_request.counter_offered"}


@letter(*FOR_PRACTITIONERS)
async def tell_practitioner(session: Session, event: Event) -> Letter | None:
    found = (
        select(StaffMember, AppointmentRequest.id.label("request_id"))
        .join(AppointmentRequest, AppointmentRequest.practitioner_id == StaffMember.id)
        .where(AppointmentRequest.id == event.resource_id, StaffMember.state == "active")
    )
    row = (await session.execute(found)).one_or_none()
    if row is None:
        return None
    staff, link = row.StaffMember, await app_link(session, f"/appointment-requests/{row.request_id}")
    return Letter(FOR_PRACTITIONERS[event.type], staff.email, row.request_id, staff.account_id, {"link": link})


@letter(*FOR_CLIENTS)
async def tell_asker(session: Session, event: Event) -> Letter | None:
    """Who asked, while they may act for the client; nobody where the practice was never told of the request."""
    request = await _request(session, event.resource_id)
    never_told = event.type != "appointment_request.lapsed" and request is not None and request.requested_at is None
    account = await _asker(session, request) if request is not None and not never_told else None
    if request is None or account is None:
        return None
    template, path = FOR_CLIENTS[event.type]
    values: dict[str, str | timedelta] = {"link": await app_link(session, path)}
    if event.type in _DATED:
        starts_at = request.offered_starts_at if event.type.endswith("counter_offered") else request.starts_at
        values["when"] = await _local(session, starts_at or request.starts_at, request.client_id)
    return Letter(template, account.email, request.id, account.id, values)


@letter("appointment_request.held")
async def confirm_request(session: Session, event: Event) -> Letter | None:
    secret = await open_secret(session, event)
    request = await _request(session, UUID(event.details["request_id"]))
    if secret is None or request is None:
        return None
    token = secrets.text_of(session.tools, secret).text
    values: dict[str, str | timedelta] = {
        "link": await app_link(session, f"/verify-email#token={token}"),
        "code": secrets.code_of(session.tools, secret),
        "valid_for": secrets.LIFETIMES["email_verification"],
        "when": await _local(session, request.starts_at, None),
    }
    return Letter("request_confirmation", secret.email, request.id, secret.account_id, values)


async def _request(session: Session, request_id: UUID | None) -> AppointmentRequest | None:
    return await session.scalar(select(AppointmentRequest).where(AppointmentRequest.id == request_id))


async def _asker(session: Session, request: AppointmentRequest) -> Account | None:
    """The account that asked, unless it may no longer act for the client."""
    asker = select(Account).where(Account.id == request.account_id, Account.suspended_at.is_(None))
    if request.client_id is not None:
        asker = asker.where(_acts_for(request.client_id, alone=request.confidential))
    return await session.scalar(asker)


def _acts_for(client_id: UUID, *, alone: bool) -> ColumnElement[bool]:
    """alone: by being the client, as what is confidential is told to nobody else."""
    return (
        select(ClientGrant.id)
        .where(
            ClientGrant.account_id == Account.id,
            ClientGrant.client_id == client_id,
            ClientGrant.relationship == SELF if alone else true(),
            ClientGrant.is_live(),
        )
        .exists()
    )


async def _local(session: Session, at: datetime, client_id: UUID | None) -> str:
    """The time on the client's wall clock, else on the practice's."""
    zones = select(func.coalesce(Client.time_zone, Practice.time_zone)).select_from(Practice)
    zones = zones.outerjoin(Client, (Client.practice_id == Practice.id) & (Client.id == client_id))
    zone = str(await session.scalar(zones.where(Practice.id == session.binding.practice_id)))
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%A}, {local.day} {local:%B %Y, %H:%M} ({zone})"
