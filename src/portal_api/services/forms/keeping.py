"""What happens to forms by the clock: they expire, and rules give the next one (F8.B2)."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, cast, exists, func, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.models.clients import Client
from portal_api.models.forms import OPEN_STATES, FormAssignment, FormRecurrence, FormTemplate
from portal_api.models.practices import Practice
from portal_api.models.scheduling import Appointment, AppointmentAttendee
from portal_api.services import audit
from portal_api.services.forms import assigning
from portal_api.services.forms.assigning import Terms

BATCH = 100
_one_day = timedelta(days=1)
_today = func.date(func.timezone(Practice.time_zone, func.now()))


async def expire(session: Session) -> int:
    """Write down that forms have expired, at most BATCH of them; says how many."""
    now = await clock.now(session)
    over = select(FormAssignment).where(FormAssignment.state.in_(OPEN_STATES), FormAssignment.expires_at <= now)
    found = (await session.scalars(over.limit(BATCH).with_for_update(skip_locked=True))).all()
    for assignment in found:
        assignment.expire(now)
        resource = ("form_assignment", assignment.id)
        await audit.record(
            session,
            Principal.program(session.binding.practice_id),
            "form.expired",
            resource=resource,
            clients=[assignment.client_id],
        )
    return len(found)


async def give_by_date(session: Session) -> int:
    """Give what rules give every so many days and is due, at most BATCH; says how many rules were looked at.

    A client whose last one still waits is given no second one.
    """
    due = (
        select(FormRecurrence, _can_be_given(), _today)
        .join(Practice, Practice.id == session.binding.practice_id)
        .where(_rule_is("every_days"), FormRecurrence.next_on <= _today)
        .order_by(FormRecurrence.next_on, FormRecurrence.id)
    )
    found = (await session.execute(due.limit(BATCH).with_for_update(of=FormRecurrence, skip_locked=True))).all()
    for rule, can_be_given, today in found:
        occurrence = str(rule.next_on)
        rule.advance(today)
        if can_be_given:
            await _give(session, rule, occurrence, today)
    return len(found)


async def give_before_appointments(session: Session) -> int:
    """Give what rules give before appointments that are near, at most BATCH; says how many rules gave."""
    made = exists().where(
        FormAssignment.recurrence_id == FormRecurrence.id,
        FormAssignment.occurrence == cast(Appointment.id, Text),
    )
    near = (
        select(FormRecurrence, Appointment.id, func.date(func.timezone(Practice.time_zone, Appointment.starts_at)))
        .join(AppointmentAttendee, AppointmentAttendee.client_id == FormRecurrence.client_id)
        .join(Appointment, Appointment.id == AppointmentAttendee.appointment_id)
        .join(Practice, Practice.id == session.binding.practice_id)
        .where(
            _rule_is("before_appointment"),
            _can_be_given(),
            AppointmentAttendee.account_id.is_(None),
            AppointmentAttendee.starts_at > func.now(),
            AppointmentAttendee.starts_at <= func.now() + FormRecurrence.days * _one_day,
            Appointment.state == "booked",
            ~made,
        )
        .order_by(FormRecurrence.id, AppointmentAttendee.starts_at)
        .limit(BATCH)
    )
    found = (await session.execute(near.with_for_update(of=FormRecurrence, skip_locked=True))).all()
    next_ones = {rule.id: (rule, appointment_id, day) for rule, appointment_id, day in reversed(found)}
    for rule, appointment_id, day in next_ones.values():
        await _give(session, rule, str(appointment_id), day)
    return len(next_ones)


def _rule_is(kind: str) -> ColumnElement[bool]:
    return and_(FormRecurrence.rule == kind, FormRecurrence.ended_at.is_(None))


def _can_be_given() -> ColumnElement[bool]:
    """The form is in use, the client too, and none of the rule's waits for an answer."""
    waits = exists().where(
        FormAssignment.recurrence_id == FormRecurrence.id, FormAssignment.state_now().in_(OPEN_STATES)
    )
    in_use = exists().where(FormTemplate.id == FormRecurrence.form_template_id, FormTemplate.state == "published")
    here = exists().where(Client.id == FormRecurrence.client_id, Client.archived_at.is_(None))
    return and_(~waits, in_use, here)


async def _give(session: Session, rule: FormRecurrence, occurrence: str, day: date) -> None:
    """One more by the rule. A rule for somebody who does not act for the client any more ends."""
    settings = rule.settings
    account_id = settings["account_id"] and UUID(settings["account_id"])
    if account_id and await assigning.relationship_of(session, rule.client_id, account_id) is None:
        rule.end(await clock.now(session))
        return
    recipient = await assigning.recipient_of(session, rule.client_id)
    versions = await assigning.newest_versions(session, [rule.form_template_id], "/form_template_id")
    due_on = _later(day, settings["due_after"] if rule.rule == "every_days" else 0)
    terms = Terms(
        due_on,
        _later(day, settings["expires_after"]),
        settings["confidential"],
        settings["signers"],
        account_id,
        (rule.id, occurrence),
    )
    await assigning.give(
        session, Principal.program(session.binding.practice_id), recipient, versions[rule.form_template_id], terms
    )


def _later(day: date, days: int | None) -> date | None:
    return None if days is None else day + timedelta(days=days)
