"""Giving forms to clients: pinned to the version of the moment, with the names of the moment in their texts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, and_, bindparam, case, func, literal, null, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from portal_api.core.access import SELF, Principal
from portal_api.core.db import Read, Session
from portal_api.core.errors import InvalidState, invalid
from portal_api.core.ids import new_id
from portal_api.models.clients import Client, ClientAssignment, ClientGrant
from portal_api.models.forms import OPEN_STATES, FormAssignment, FormRecurrence, FormTemplate, FormVersion
from portal_api.models.practices import Practice
from portal_api.models.scheduling import Appointment, AppointmentAttendee
from portal_api.models.staff import StaffMember
from portal_api.schemas.forms.assignments import FormAssignmentCreate
from portal_api.services import audit, clients
from portal_api.services.forms import reading

_name = func.concat_ws(" ", StaffMember.given_name, StaffMember.family_name)
_practitioners = (
    select(func.string_agg(_name, aggregate_order_by(literal(", "), StaffMember.family_name, StaffMember.id)))
    .select_from(ClientAssignment)
    .join(StaffMember, StaffMember.id == ClientAssignment.practitioner_id)
    .where(ClientAssignment.client_id == Client.id)
    .correlate(Client)
    .scalar_subquery()
)
_WHO = Read(
    select(
        Practice.name.label("practice_name"),
        Practice.phone.label("practice_phone"),
        case((Practice.hide_address, null()), else_=Practice.address).label("address"),
        Practice.time_zone,
        func.concat_ws(" ", Client.given_name, Client.family_name).label("client_name"),
        _practitioners.label("practitioner_name"),
        func.date(func.timezone(Practice.time_zone, func.now())).label("today"),
        Client.archived_at,
    )
    .select_from(Client)
    .join(Practice, Practice.id == bindparam("practice_id"))
    .where(Client.id == bindparam("client_id"))
)
ONE_DAY = timedelta(days=1)
_LINES = ("line1", "line2", "city", "region", "postal_code", "country")


@dataclass(frozen=True, slots=True)
class Terms:
    """How a form is given: what the caller may choose."""

    due_on: date | None = None
    expires_on: date | None = None
    confidential: bool = False
    signers: Sequence[str] | None = None
    account_id: UUID | None = None
    recurrence: tuple[UUID, str] | None = None
    """The rule, and which one of it this is."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """A client, and what stands in the texts of the forms they are given now."""

    client_id: UUID
    time_zone: str
    today: date
    values: dict[str, Any] = field(default_factory=dict)


async def assign(
    session: Session, client_id: UUID, template_ids: Iterable[UUID], by: Principal
) -> list[FormAssignment]:
    """Give the client each of the forms, but for those that wait for them already.

    The caller has made sure that they may do so for this client. Raises Invalid for a form that cannot be given.
    """
    wanted = dict.fromkeys(template_ids)
    waiting = select(FormAssignment.form_template_id).where(
        FormAssignment.client_id == client_id,
        FormAssignment.form_template_id.in_(wanted),
        FormAssignment.state_now().in_(OPEN_STATES),
    )
    known = {UUID(str(found)) for found in await session.scalars(waiting)}
    recipient = await recipient_of(session, client_id)
    versions = await newest_versions(session, wanted, "/form_template_ids")
    given = [version for template_id, version in versions.items() if template_id not in known]
    return [await give(session, by, recipient, version, Terms()) for version in given]


async def create(session: Session, principal: Principal, client_id: UUID, data: FormAssignmentCreate) -> dict[str, Any]:
    """Give one form to a client, once or by a rule.

    Raises NotFound for a client that the caller does not see, Invalid, InvalidState for an archived client.
    """
    await clients.must_see(session, principal, client_id)
    recipient = await recipient_of(session, client_id)
    _must_lie_ahead(recipient, data.due_on, "/due_on")
    _must_lie_ahead(recipient, data.expires_on, "/expires_on")
    versions = await newest_versions(session, [data.form_template_id], "/form_template_id")
    if data.for_account_id is not None:
        await must_act_for(session, client_id, data.for_account_id, confidential=data.confidential)
    terms = Terms(data.due_on, data.expires_on, data.confidential, data.signers, data.for_account_id)
    if data.recurrence is not None:
        terms = replace(terms, recurrence=await _rule(session, principal, recipient, data))
    (version,) = versions.values()
    assignment = await give(session, principal, recipient, version, terms)
    return await reading.get(session, principal, assignment.id)


async def give(
    session: Session, by: Principal, recipient: Recipient, version: FormVersion, terms: Terms
) -> FormAssignment:
    """Add the assignment and say so."""
    signers = version.signers if terms.signers is None else terms.signers
    recurrence_id, occurrence = terms.recurrence or (None, None)
    assignment = FormAssignment(
        id=new_id(),
        client_id=recipient.client_id,
        form_template_id=version.form_template_id,
        form_version_id=version.id,
        account_id=terms.account_id,
        due_on=terms.due_on,
        expires_on=terms.expires_on,
        expires_at=await end_of(session, terms.expires_on, recipient.time_zone),
        confidential=terms.confidential,
        signers=[{"role": str(role)} for role in signers],
        values=recipient.values,
        recurrence_id=recurrence_id,
        occurrence=occurrence,
        assigned_by=by.account_id,
    )
    session.add(assignment)
    await session.flush()
    await audit.record(
        session,
        by,
        "form.assigned",
        resource=("form_assignment", assignment.id),
        clients=[recipient.client_id],
        details={"form_template_id": str(version.form_template_id)},
    )
    return assignment


async def recipient_of(session: Session, client_id: UUID) -> Recipient:
    """The client with the names of this moment. Raises InvalidState for one that is archived."""
    row = await session.row(_WHO, client_id=client_id)
    assert row is not None  # noqa: S101 - seen by the caller before
    if row["archived_at"] is not None:
        raise InvalidState("An archived client is given nothing to fill in.", state="archived")
    address = row["address"] or {}
    values = {name: row[name] for name in ("practice_name", "practice_phone", "client_name", "practitioner_name")}
    values["practice_address"] = ", ".join(address[line] for line in _LINES if address.get(line)) or None
    values["date"] = row["today"].isoformat()
    return Recipient(client_id, row["time_zone"], row["today"], {k: v for k, v in values.items() if v})


async def end_of(session: Session, day: date | None, time_zone: str) -> datetime | None:
    """The instant at which that day is over in the zone."""
    if day is None:
        return None
    midnight = datetime.combine(day + timedelta(days=1), datetime.min.time())
    instant: datetime = (await session.execute(select(func.timezone(time_zone, midnight)))).scalar_one()
    return instant


async def must_act_for(session: Session, client_id: UUID, account_id: UUID, *, confidential: bool) -> None:
    """Raise Invalid unless the account acts for the client now, and would see the form that is addressed to it."""
    relationship = await relationship_of(session, client_id, account_id)
    if relationship is None:
        raise invalid("/for_account_id", "unknown_account", "Name an account that acts for this client.")
    if confidential and relationship != SELF:
        raise invalid("/confidential", "addressed_to_guardian", "What is for a guardian cannot be kept from them.")


async def relationship_of(session: Session, client_id: UUID, account_id: UUID) -> str | None:
    """As what the account acts for the client now; None where it does not."""
    grant = select(ClientGrant.relationship).where(
        ClientGrant.client_id == client_id,
        ClientGrant.account_id == account_id,
        ClientGrant.revoked_at.is_(None),
        func.coalesce(ClientGrant.valid_to > func.now(), True),
    )
    return await session.scalar(grant)


def next_appointment() -> ScalarSelect[UUID]:
    """The client's next appointment, once it is so near that a rule gives its form for it (F8.B2)."""
    return (
        select(Appointment.id)
        .join(AppointmentAttendee, AppointmentAttendee.appointment_id == Appointment.id)
        .where(
            AppointmentAttendee.client_id == FormRecurrence.client_id,
            AppointmentAttendee.account_id.is_(None),
            AppointmentAttendee.starts_at > func.now(),
            AppointmentAttendee.starts_at <= func.now() + FormRecurrence.days * ONE_DAY,
            Appointment.state == "booked",
        )
        .order_by(AppointmentAttendee.starts_at, Appointment.id)
        .limit(1)
        .correlate(FormRecurrence)
        .scalar_subquery()
    )


async def newest_versions(session: Session, template_ids: Iterable[UUID], pointer: str) -> dict[UUID, FormVersion]:
    """The newest version of each form, in the order they were named. Raises Invalid."""
    wanted = list(dict.fromkeys(template_ids))
    newest = (
        select(FormVersion)
        .join(
            FormTemplate,
            and_(FormTemplate.id == FormVersion.form_template_id, FormTemplate.published_number == FormVersion.number),
        )
        .where(FormTemplate.id.in_(wanted), FormTemplate.state == "published")
    )
    found = {version.form_template_id: version for version in await session.scalars(newest)}
    if len(found) < len(wanted):
        raise invalid(pointer, "unknown_form", "Name published forms of the practice.")
    return {template_id: found[template_id] for template_id in wanted}


async def _rule(
    session: Session, principal: Principal, recipient: Recipient, data: FormAssignmentCreate
) -> tuple[UUID, str]:
    """Keep the rule; what is given now is the first of it."""
    recurrence, today = data.recurrence, recipient.today
    assert recurrence is not None  # noqa: S101 - asked by the caller
    rule = FormRecurrence(
        id=new_id(),
        client_id=recipient.client_id,
        form_template_id=data.form_template_id,
        rule=recurrence.rule,
        days=recurrence.days,
        next_on=today + timedelta(days=recurrence.days) if recurrence.rule == "every_days" else None,
        settings={
            "due_after": (data.due_on - today).days if data.due_on else None,
            "expires_after": (data.expires_on - today).days if data.expires_on else None,
            "confidential": data.confidential,
            "signers": None if data.signers is None else [str(role) for role in data.signers],
            "account_id": data.for_account_id and str(data.for_account_id),
        },
        created_by=principal.account_id,
    )
    session.add(rule)
    await session.flush()
    if rule.rule == "every_days":
        return rule.id, "first"
    near = await session.scalar(select(next_appointment()).where(FormRecurrence.id == rule.id))
    return rule.id, str(near or "first")


def _must_lie_ahead(recipient: Recipient, day: date | None, pointer: str) -> None:
    if day is not None and not recipient.today <= day <= recipient.today + timedelta(days=3650):
        raise invalid(pointer, "out_of_range", "Name a day from today on, within ten years.")
