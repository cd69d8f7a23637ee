"""Handing the flow to a client: once, when they are let in; and what is added to it until they finish (F7.M3)."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, exists, func, select

from portal_api.core.access import ActorKind, Principal
from portal_api.core.db import Read, Session
from portal_api.core.errors import InvalidState
from portal_api.models.clients import Client
from portal_api.models.forms import OPEN_STATES, FormAssignment
from portal_api.models.onboarding import INFORMATION_KINDS, ClientOnboarding, OnboardingStep
from portal_api.models.practices import Practice
from portal_api.models.scheduling import Appointment, AppointmentAttendee
from portal_api.services import audit, clients
from portal_api.services.client_information.rules import OF_POLICIES
from portal_api.services.forms import assigning
from portal_api.services.onboarding import flow
from portal_api.services.onboarding.flow import Flow

BATCH = 50
PAIRS = (("adult", "minor"), ("new", "existing"), ("self", "guardian"))
_today = func.timezone(Practice.time_zone, func.now())
_HAD_APPOINTMENT = (
    exists()
    .where(
        AppointmentAttendee.client_id == Client.id,
        Appointment.id == AppointmentAttendee.appointment_id,
        AppointmentAttendee.starts_at < func.now(),
        Appointment.state.in_(("booked", "checked_in", "attended")),
    )
    .correlate(Client)
)
OF_SERVICES = Read(
    select(Appointment.service_id)
    .distinct()
    .join(AppointmentAttendee, AppointmentAttendee.appointment_id == Appointment.id)
    .where(
        AppointmentAttendee.client_id == bindparam("client_id"),
        Appointment.state.in_(("booked", "checked_in", "attended")),
    )
)
WHO = Read(
    select(
        func.coalesce(
            func.date_part("year", func.age(_today, Client.date_of_birth)) >= bindparam("adult_age"), True
        ).label("is_adult"),
        _HAD_APPOINTMENT.label("is_existing"),
    )
    .select_from(Client)
    .join(Practice, Practice.id == bindparam("practice_id"))
    .where(Client.id == bindparam("client_id"))
)


async def begin(session: Session, principal: Principal, client_id: UUID, source: str) -> ClientOnboarding:
    """The client's own copy of the flow, made unless there is one. The caller holds the client's row."""
    known = await locked(session, client_id)
    if known is not None:
        return known
    now = await flow.current(session)
    onboarding = ClientOnboarding(
        client_id=client_id, source=source, audience=await _audience(session, client_id, now), flow_version=now.version
    )
    session.add(onboarding)
    await session.flush()
    giver = principal if principal.kind is ActorKind.STAFF else Principal.program(session.binding.practice_id)
    await _add_steps(session, giver, onboarding, now, known=())
    about = {"resource": ("client", client_id), "clients": [client_id]}
    await audit.record(session, principal, "onboarding.given", **about, details={"source": source})
    return onboarding


async def give(session: Session, principal: Principal, client_id: UUID) -> None:
    """Staff hand the flow to a client who has none. Raises NotFound, InvalidState for who has one or is archived."""
    client = await clients.locked(session, principal, client_id)
    if client.archived_at is not None:
        raise InvalidState("Restore the client first.", state="archived")
    known = await locked(session, client_id)
    if known is not None:
        raise InvalidState("The client has the practice's onboarding already.", state=known.state)
    await begin(session, principal, client_id, "staff")


async def locked(session: Session, client_id: UUID) -> ClientOnboarding | None:
    """The client's onboarding, held for a change."""
    held = select(ClientOnboarding).where(ClientOnboarding.client_id == client_id).with_for_update()
    return (await session.execute(held)).scalar_one_or_none()


async def bring_up(session: Session, onboarding: ClientOnboarding) -> None:
    """Add the steps that the practice has added since; the caller holds the client. Nothing once it is completed."""
    if onboarding.completed_at is not None:
        return
    now = await flow.current(session)
    if now.version == onboarding.flow_version:
        return
    known = select(OnboardingStep.key).where(OnboardingStep.client_id == onboarding.client_id)
    await _add_steps(
        session,
        Principal.program(session.binding.practice_id),
        onboarding,
        now,
        known=(await session.scalars(known)).all(),
    )
    onboarding.flow_version = now.version
    await session.flush()


async def spread(session: Session) -> int:
    """Bring a batch of unfinished onboardings up to the practice's flow; says how many there were."""
    now = await flow.current(session)
    behind = (
        select(Client.id)
        .join(ClientOnboarding, ClientOnboarding.client_id == Client.id)
        .where(
            ClientOnboarding.completed_at.is_(None),
            ClientOnboarding.flow_version < now.version,
            Client.archived_at.is_(None),
        )
        .order_by(Client.id)
        .limit(BATCH)
        .with_for_update(of=Client)
    )
    ids = [UUID(str(found)) for found in await session.scalars(behind)]
    for client_id in ids:
        onboarding = await locked(session, client_id)
        if onboarding is not None:
            await bring_up(session, onboarding)
    return len(ids)


def applies(step: dict[str, Any], audience: Iterable[str], services: Collection[UUID]) -> bool:
    """Of each pair, the step names neither, or the one that the client is; who fills it in is asked later.

    services: those of the client's appointments (F7.M1).
    """
    if step["service_ids"] and not {*step["service_ids"]} & {*services}:
        return False
    named, is_now = set(step["applies_to"]), set(audience)
    return all(not named & {*pair} or named & {*pair} & is_now for pair in PAIRS[:2])


async def _audience(session: Session, client_id: UUID, now: Flow) -> list[str]:
    row = await session.row(WHO, client_id=client_id, adult_age=now.adult_age)
    assert row is not None  # noqa: S101 - held by the caller
    return ["adult" if row["is_adult"] else "minor", "existing" if row["is_existing"] else "new"]


async def _add_steps(
    session: Session, giver: Principal, onboarding: ClientOnboarding, now: Flow, *, known: Iterable[str]
) -> None:
    services = [row["service_id"] for row in await session.rows(OF_SERVICES, client_id=onboarding.client_id)]
    missing = [
        (position, step)
        for position, step in enumerate(now.steps)
        if step["key"] not in set(known) and now.can_be_given(step) and applies(step, onboarding.audience, services)
    ]
    forms = [step["form_template_id"] for _, step in missing if step["form_template_id"]]
    assigned = await _assigned(session, giver, onboarding.client_id, forms) if forms else {}
    for position, step in missing:
        whose = {"self", "guardian"} & set(step["applies_to"])
        session.add(
            OnboardingStep(
                client_id=onboarding.client_id,
                position=position,
                filled_in_by=whose.pop() if len(whose) == 1 else None,
                fields=_fields(now, step["kind"]),
                form_assignment_id=assigned.get(step["form_template_id"]),
                **{name: step[name] for name in ("key", "kind", "title", "text", "required", "skippable")},
                practice_document_id=step["practice_document_id"],
            )
        )
    await session.flush()


async def _assigned(session: Session, giver: Principal, client_id: UUID, forms: list[UUID]) -> dict[Any, UUID]:
    """Each form's open assignment, by its template: one that waits for the client already, or a new one."""
    await assigning.assign(session, client_id, forms, giver)
    waiting = (
        select(FormAssignment.form_template_id, FormAssignment.id)
        .where(
            FormAssignment.client_id == client_id,
            FormAssignment.form_template_id.in_(forms),
            FormAssignment.state_now().in_(OPEN_STATES),
        )
        .order_by(FormAssignment.id)
    )
    return {UUID(str(template)): UUID(str(assignment)) for template, assignment in await session.execute(waiting)}


def _fields(now: Flow, kind: str) -> list[dict[str, Any]]:
    """What an information step asks, as the practice's rules have it now."""
    asked = now.rules.fields(kind) if kind in INFORMATION_KINDS else []
    return [{"name": name, "required": now.rules.of(name)["required"]} for name in asked if name not in OF_POLICIES]
