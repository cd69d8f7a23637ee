"""What happens to forms by the clock: they expire, and rules give the next one (F8.B2)."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Text, and_, cast, exists, func, select

from portal_api.core import clock
from portal_api.core.access import Principal
from portal_api.core.db import Session
from portal_api.models.clients import Client
from portal_api.models.forms import OPEN_STATES, FormAssignment, FormRecurrence, FormTemplate
from portal_api.models.practices import Practice
from portal_api.models.scheduling import Appointment
from portal_api.services import audit
from portal_api.services.forms import assigning
from portal_api.services.forms.assigning import Terms

BATCH = 100
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
    """Give what rules give before the next appointment, once it is near, at most BATCH; says how many rules gave.

    What waits already is the one for it: the client fills in one before each appointment, not two.
    """
    made = exists().where(
        FormAssignment.recurrence_id == FormRecurrence.id,
        FormAssignment.occurrence == cast(Appointment.id, Text),
    )
    near = (
        select(FormRecurrence, Appointment.id, func.date(func.timezone(Practice.time_zone, Appointment.starts_at)))
        .select_from(FormRecurrence)
        .join(Appointment, Appointment.id == assigning.next_appointment())
        .join(Practice, Practice.id == session.binding.practice_id)
        .where(_rule_is("before_appointment"), _in_use(), ~made)
        .order_by(FormRecurrence.id)
    )
    found = (await session.execute(near.limit(BATCH).with_for_update(of=FormRecurrence, skip_locked=True))).all()
    for rule, appointment_id, day in found:
        waiting = await session.scalar(select(FormAssignment).where(*_waits_by(rule.id)).limit(1).with_for_update())
        if waiting is None:
            await _give(session, rule, str(appointment_id), day)
        else:
            await _move(session, waiting, str(appointment_id), day)
    return len(found)


def _rule_is(kind: str) -> ColumnElement[bool]:
    return and_(FormRecurrence.rule == kind, FormRecurrence.ended_at.is_(None))


def _can_be_given() -> ColumnElement[bool]:
    """The form is in use, the client too, and none of the rule's waits for an answer."""
    return and_(_in_use(), ~exists().where(*_waits_by(FormRecurrence.id)))


def _in_use() -> ColumnElement[bool]:
    published = exists().where(FormTemplate.id == FormRecurrence.form_template_id, FormTemplate.state == "published")
    here = exists().where(Client.id == FormRecurrence.client_id, Client.archived_at.is_(None))
    return and_(published, here)


def _waits_by(rule_id: Any) -> tuple[ColumnElement[bool], ...]:
    return FormAssignment.recurrence_id == rule_id, FormAssignment.state_now().in_(OPEN_STATES)


async def _move(session: Session, waiting: FormAssignment, occurrence: str, day: date) -> None:
    """Let one that waits be for another appointment than it was given for."""
    waiting.occurrence, waiting.due_on = occurrence, day
    await session.flush()
    await audit.record(
        session,
        Principal.program(session.binding.practice_id),
        "form.updated",
        resource=("form_assignment", waiting.id),
        clients=[waiting.client_id],
        changed={"due_on": day},
    )


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
